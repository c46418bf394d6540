import { WorkError } from '../base/index.js';
import type { PartsOperation } from './operations.js';
import type { Transport } from './transport.js';

/** Numbers that a rank can give to one gathering. */
export const MAX_GATHERED = 64;

/** Bytes of the `values` memory of each rank of `ranks`. */
export function valuesBytes(ranks: number): number {
  return 8 * MAX_GATHERED * ranks;
}

/** The operation by which all ranks tell each other their values: each float64 is two float32 numbers to it, which it only moves. */
export function gatherOperation(ranks: number): PartsOperation {
  return {
    kind: 'gatherParts',
    group: Array.from({ length: ranks }, (_, rank) => rank),
    place: { buffer: 'values', byteOffset: 0 },
    count: 2 * MAX_GATHERED * ranks,
  };
}

/** Every rank gives `values` (as many on each, at most `MAX_GATHERED`) and gets all of them, `[ranks, values]`, by rank. */
export type Gather = (values: readonly number[]) => Float64Array;

/** @param operation position of `gatherOperation` among the lane's */
export function createGather(transport: Transport, values: SharedArrayBuffer, operation: number): Gather {
  const { rank, ranks } = transport;
  const all = new Float64Array(values);
  return (mine) => {
    if (mine.length > MAX_GATHERED)
      throw new WorkError({ what: `${mine.length} values gathered at once, at most ${MAX_GATHERED} can be` });
    all.set(mine, rank * MAX_GATHERED);
    if (ranks > 1) {
      transport.post(operation);
      transport.wait(operation);
    }
    const gathered = new Float64Array(ranks * mine.length);
    for (let from = 0; from < ranks; from++)
      gathered.set(all.subarray(from * MAX_GATHERED, from * MAX_GATHERED + mine.length), from * mine.length);
    return gathered;
  };
}
