import type { RunSpec } from '../runtime/index.js';
import { fillMicrobatch } from './data/index.js';

/** Writes sequences and their token weights into the batch memory; sequences that are missing to a whole batch weigh nothing. */
export function fillBatch(
  { batch, batchMemory }: RunSpec,
  request: { readonly tokens: Int32Array; readonly offsets: readonly number[]; readonly tokenWeight: number },
): void {
  const { tokens, offsets, tokenWeight } = request;
  const { sequenceLength } = batch;
  const sequences = batchMemory.rows * batch.sequences;
  const missing = sequences - offsets.length;
  fillMicrobatch({
    tokens,
    offsets: [...offsets, ...new Array<number>(missing).fill(offsets[0])],
    sequenceLength,
    inputs: new Int32Array(batchMemory.buffers.tokens),
    targets: new Int32Array(batchMemory.buffers.targets),
  });
  const weights = new Float32Array(batchMemory.buffers.tokenWeights);
  weights.fill(tokenWeight, 0, offsets.length * sequenceLength);
  weights.fill(0, offsets.length * sequenceLength);
}
