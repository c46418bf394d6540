import type { RankMemory } from './bind.js';
import { type BoundProgram, runProgram } from './execute.js';
import { type Instruction, listAccesses } from './program.js';
import { listTensors } from './slots.js';

/** A number that is not finite, and where it first turned up. */
export interface NonFinite {
  readonly pass: 'forward' | 'backward';
  readonly layer: number;
  readonly what: string;
}

/**
 * Runs the forward again and looks at what each segment wrote; if all of it is finite, looks at the gradients, last layer first.
 * Costs a forward: for the run that is about to end with a NaN.
 */
export function findNonFinite(evaluation: BoundProgram, memory: RankMemory): NonFinite | undefined {
  let found: NonFinite | undefined;
  const look = (instruction: Instruction) => {
    if (found !== undefined || (instruction.kind !== 'segment' && instruction.kind !== 'wait')) return;
    const { segment, chunk } = instruction;
    // What an exchange writes is there only when it is waited for.
    const isAsked = instruction.kind === 'segment' && segment.exchange !== undefined;
    const names = isAsked ? [] : listAccesses(instruction).flatMap(({ writes }) => writes);
    const bad = names.find(
      (name) => !isFiniteValue(evaluation, memory, `${chunk.pipeline}/${chunk.microbatch}/${name}`, name),
    );
    if (bad !== undefined)
      found = {
        pass: 'forward',
        layer: segment.layer,
        what: `${segment.name} of layer ${segment.layer}, microbatch ${chunk.batchRow}`,
      };
  };
  // Of the rows that have a place at an expert only some come: the others hold what the last step left, which may be what is not finite.
  new Uint8Array(memory.activations).fill(0);
  runProgram(evaluation, { afterEach: look });
  return found ?? findInGradients(memory);
}

function isFiniteValue(evaluation: BoundProgram, { activations }: RankMemory, instance: string, name: string): boolean {
  const byteOffset = evaluation.offsets.get(instance);
  const spec = evaluation.program.values.get(name);
  if (byteOffset === undefined || spec === undefined || spec.type !== 'float32') return true;
  const count = spec.shape.reduce((product, dim) => product * dim, 1);
  return new Float32Array(activations, byteOffset, count).every(Number.isFinite);
}

function findInGradients({ state, layout }: RankMemory): NonFinite | undefined {
  const bad = listTensors({ layout, state }).filter(({ position, count }) => {
    const gradient = new Float32Array(state, layout.byteOffsets.gradients + 4 * position, count);
    return !gradient.every(Number.isFinite);
  });
  const layerOf = (name: string) =>
    Number(/^model\.layers\.(\d+)\./.exec(name)?.[1] ?? (name.startsWith('lm_head') ? Infinity : -1));
  const [last] = bad.map(({ checkpointName }) => checkpointName).sort((a, b) => layerOf(b) - layerOf(a));
  return last === undefined ? undefined : { pass: 'backward', layer: layerOf(last), what: `gradient of ${last}` };
}
