import { type PartsOperation, partBounds } from '../operations.js';
import type { OperationContext } from './rows.js';
import { createJoin, createStream } from './stream.js';
import { sumPieces } from './sum-pieces.js';

/** Every rank sends its own part to all others. */
export function startGather(context: OperationContext, operation: PartsOperation, done: () => void): void {
  const { rank, requests, tag } = context;
  const join = createJoin(done);
  const mine = partBytes(context, operation, operation.group.indexOf(rank));
  for (const [index, peer] of operation.group.entries()) {
    if (peer === rank) continue;
    const theirs = partBytes(context, operation, index);
    createStream(requests, 'receive', peer, tag).push(theirs, join.begin());
    createStream(requests, 'send', peer, tag).push(mine, join.begin());
  }
  join.close();
}

/** Every rank sends each other one that rank's part, and adds up what it gets, in the order of the ranks. */
export function startSum(context: OperationContext, operation: PartsOperation, done: () => void): void {
  const { rank, requests, tag } = context;
  const { group } = operation;
  const join = createJoin(done);
  for (const [index, peer] of group.entries()) {
    if (peer === rank) continue;
    createStream(requests, 'send', peer, tag).push(partBytes(context, operation, index), join.begin());
  }
  const target = partBytes(context, operation, group.indexOf(rank));
  const sources = group.map((peer) => (peer === rank ? target : peer));
  sumPieces(context, { target, sources }, join.begin());
  join.close();
}

/** The part of the rank at position `index`, in this rank's memory. */
function partBytes({ buffers }: OperationContext, { group, place, count }: PartsOperation, index: number): Uint8Array {
  const { first, end } = partBounds(count, group.length, index);
  return new Uint8Array(buffers[place.buffer], place.byteOffset + 4 * first, 4 * (end - first));
}
