import type { Ref, RowExchange, Segment, Step, ValueSpec } from '../model/index.js';
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
 * - `receive` waits for a message just before the first segment that reads it, `send` follows what wrote it;
 * - `segment` runs a segment's steps and, where it has an exchange, asks the communication lane for it;
 * - `wait` stands before the first use of what an exchange brings: waits for it and runs the segment's steps after it;
 * - `reduce` tells that the gradients of a stage are complete on this rank;
 * - `collect` notes a scalar of a chunk; `export` copies a whole value out.
 */
export type Instruction = { readonly action: number } & (
  | ({ readonly kind: 'receive' } & Message)
  | ({ readonly kind: 'send' } & Message)
  | { readonly kind: 'segment'; readonly chunk: Chunk; readonly segment: Segment; readonly operation?: number }
  | { readonly kind: 'wait'; readonly chunk: Chunk; readonly segment: Segment; readonly operation: number }
  | { readonly kind: 'reduce'; readonly chunk: Chunk }
  | { readonly kind: 'export'; readonly chunk: Chunk; readonly value: string }
  | {
      readonly kind: 'collect';
      readonly chunk: Chunk;
      readonly value: string;
      readonly meaning: 'loss' | 'balanceLoss';
      readonly layer: number;
    }
);

/** The exchange of one chunk's segment. */
export interface PlacedExchange {
  readonly chunk: Chunk;
  readonly exchange: RowExchange;
}

/** One rank's part of a step: plain data. */
export interface RankProgram {
  readonly rank: number;
  readonly actions: readonly Action[];
  readonly instructions: readonly Instruction[];
  /** The exchanges of the program, in the order in which they are asked for: instructions name them by their position. */
  readonly exchanges: readonly PlacedExchange[];
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

/** Values that something reads and writes at one moment. */
export interface Access {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

/** What an instruction reads and writes, moment after moment. What an exchange touches is read again when it is waited for. */
export function listAccesses(instruction: Instruction): Access[] {
  switch (instruction.kind) {
    case 'receive':
      return [{ reads: [], writes: [instruction.value] }];
    case 'send':
    case 'collect':
    case 'export':
      return [{ reads: [instruction.value], writes: [] }];
    case 'segment': {
      const { steps, exchange } = instruction.segment;
      return [...steps.map(stepAccess), ...(exchange === undefined ? [] : [exchangeAccess(exchange)])];
    }
    case 'wait': {
      const { exchange, after = [] } = instruction.segment;
      const touched = exchange === undefined ? { reads: [], writes: [] } : exchangeAccess(exchange);
      return [{ reads: [...touched.reads, ...touched.writes], writes: [] }, ...after.map(stepAccess)];
    }
    case 'reduce':
      return [];
    default:
      return instruction satisfies never;
  }
}

/** Values that a step reads and can write. */
function stepAccess(step: Step): Access {
  switch (step.kind) {
    case 'run':
      return {
        reads: valueNames(step.inputs.map(({ ref }) => ref)),
        writes: valueNames(step.outputs.map(({ ref }) => ref)),
      };
    case 'route':
      return { reads: valueNames([step.scores]), writes: valueNames(Object.values(step.writes)) };
    case 'experts':
      return {
        reads: valueNames([...step.inputs.map(({ ref }) => ref), step.slotOffsets]),
        writes: valueNames(step.outputs.map(({ ref }) => ref)),
      };
    default:
      return step satisfies never;
  }
}

function exchangeAccess({
  direction,
  exchangesCounts,
  tokenOffsets,
  counts,
  slotOffsets,
  tensors,
}: RowExchange): Access {
  const tokenSide = tensors.map((tensor) => tensor.tokenSide);
  const expertSide = tensors.map((tensor) => tensor.expertSide);
  const [from, to] = direction === 'toExperts' ? [tokenSide, expertSide] : [expertSide, tokenSide];
  const known = [counts, slotOffsets];
  return {
    reads: valueNames([tokenOffsets, ...from, ...(exchangesCounts ? [] : known)]),
    writes: valueNames([...to, ...(exchangesCounts ? known : [])]),
  };
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
    case 'wait': {
      const { name, phase, layer } = instruction.segment;
      return `wait for ${name} ${phase} of layer ${layer}`;
    }
    case 'reduce':
      return 'reduce';
    case 'export':
      return `export ${instruction.value}`;
    case 'collect':
      return `collect ${instruction.meaning} from ${instruction.value}`;
    default:
      return instruction satisfies never;
  }
}
