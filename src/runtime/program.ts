import type { Ref, Segment, Step, ValueSpec } from '../model/index.js';
import { type Action, formatAction } from '../schedule/index.js';

/** One stage at work on one microbatch, as a rank sees it. */
export interface Chunk {
  readonly stage: number;
  readonly pipeline: number;
  readonly microbatch: number;
  /** Row of the step's batch: microbatches of all pipelines, one after the other. */
  readonly batchRow: number;
}

/** A message to or from the rank that holds the neighbouring stage. */
interface Message {
  readonly channel: number;
  readonly chunk: Chunk;
  readonly value: string;
}

/**
 * What a rank does next. `action` is the position of the schedule's action that the instruction belongs to.
 * - `receive` waits for a message just before the first segment that reads it, `send` follows the segment that wrote it;
 * - `segment` runs a segment's steps; `collect` notes a scalar of a chunk; `export` copies a whole value out.
 */
export type Instruction = { readonly action: number } & (
  | ({ readonly kind: 'receive' } & Message)
  | ({ readonly kind: 'send' } & Message)
  | { readonly kind: 'segment'; readonly chunk: Chunk; readonly segment: Segment }
  | { readonly kind: 'export'; readonly chunk: Chunk; readonly value: string }
  | {
      readonly kind: 'collect';
      readonly chunk: Chunk;
      readonly value: string;
      readonly meaning: 'loss' | 'balanceLoss';
      readonly layer: number;
    }
);

/** One rank's part of a step: plain data. */
export interface RankProgram {
  readonly rank: number;
  readonly actions: readonly Action[];
  readonly instructions: readonly Instruction[];
  /** Shape and type of each value, by name. */
  readonly values: ReadonlyMap<string, ValueSpec>;
}

/**
 * Name of a value of a chunk within a rank's memory. Stages of one pipeline share it, so that what one stage gives the next on the same rank is
 * handed over without a copy.
 */
export function instanceName(chunk: Chunk, value: string): string {
  return `${chunk.pipeline}/${chunk.microbatch}/${value}`;
}

/** Values that a step reads. */
export function valuesRead(step: Step): string[] {
  switch (step.kind) {
    case 'run':
      return valueNames(step.inputs.map(({ ref }) => ref));
    case 'route':
      return valueNames([step.scores]);
    case 'experts':
      return valueNames([...step.inputs.map(({ ref }) => ref), step.expertOffsets]);
    default:
      return step satisfies never;
  }
}

/** Values that a step can write. */
export function valuesWritten(step: Step): string[] {
  switch (step.kind) {
    case 'run':
    case 'experts':
      return valueNames(step.outputs.map(({ ref }) => ref));
    case 'route':
      return valueNames(Object.values(step.writes));
    default:
      return step satisfies never;
  }
}

function valueNames(refs: readonly Ref[]): string[] {
  return refs.filter(({ space }) => space === 'value').map(({ name }) => name);
}

/** The program as text, an instruction a line. */
export function printProgram(program: RankProgram): string {
  const lines = program.instructions.map((instruction) => {
    const { chunk } = instruction;
    const where = `stage ${chunk.stage} microbatch ${chunk.batchRow}`;
    const action = formatAction(program.actions[instruction.action]);
    return `${action.padEnd(24)} ${printInstruction(instruction)} [${where}]`;
  });
  return lines.join('\n');
}

function printInstruction(instruction: Instruction): string {
  switch (instruction.kind) {
    case 'receive':
    case 'send':
      return `${instruction.kind} ${instruction.value} on channel ${instruction.channel}`;
    case 'segment': {
      const { name, phase, layer, lane } = instruction.segment;
      return `${lane} ${name} ${phase} of layer ${layer}`;
    }
    case 'export':
      return `export ${instruction.value}`;
    case 'collect':
      return `collect ${instruction.meaning} from ${instruction.value}`;
    default:
      return instruction satisfies never;
  }
}
