import { WorkError } from '../base/index.js';
import type { PartsOperation } from './operations.js';
import type { Transport } from './transport.js';

/** Numbers that a rank can give to one gathering. */
const MAX_GATHERED = 64;

/** Bytes that each rank tells the others at once, where they tell each other more than a few numbers. */
const CHUNK_BYTES = 2 ** 16;

/** Bytes of the `values` memory of each rank of `ranks`: gathered numbers, then chunks of bytes. */
export function valuesBytes(ranks: number): number {
  return chunksStart(ranks) + CHUNK_BYTES * ranks;
}

const chunksStart = (ranks: number): number => 8 * MAX_GATHERED * ranks;

/** The operation by which all ranks tell each other their values: each float64 is two float32 numbers to it, which it only moves. */
export function gatherOperation(ranks: number): PartsOperation {
  return {
    kind: 'gatherParts',
    group: Array.from({ length: ranks }, (_, rank) => rank),
    place: { buffer: 'values', byteOffset: 0 },
    count: 2 * MAX_GATHERED * ranks,
  };
}

/** The operation by which all ranks tell each other a chunk of bytes. */
export function chunkOperation(ranks: number): PartsOperation {
  return {
    kind: 'gatherParts',
    group: Array.from({ length: ranks }, (_, rank) => rank),
    place: { buffer: 'values', byteOffset: chunksStart(ranks) },
    count: (CHUNK_BYTES / 4) * ranks,
  };
}

/** Every rank gives bytes, as many as it likes, and gets those of all, by rank. */
export type Share = (bytes: Uint8Array) => Uint8Array[];

/** @param operation position of `chunkOperation` among the lane's */
export function createShare(transport: Transport, gather: Gather, values: SharedArrayBuffer, operation: number): Share {
  const { rank, ranks } = transport;
  const chunk = (of: number) => new Uint8Array(values, chunksStart(ranks) + of * CHUNK_BYTES, CHUNK_BYTES);
  return (bytes) => {
    const lengths = gather([bytes.length]);
    const all = Array.from(lengths, (length) => new Uint8Array(length));
    for (let start = 0; start < Math.max(...lengths); start += CHUNK_BYTES) {
      chunk(rank).set(bytes.subarray(start, start + CHUNK_BYTES));
      transport.post(operation);
      transport.wait(operation);
      for (const [from, whole] of all.entries())
        whole.set(chunk(from).subarray(0, Math.max(0, whole.length - start)), Math.min(start, whole.length));
    }
    return all;
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
