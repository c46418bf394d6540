import { type PartsOperation, partBounds } from '../operations.js';
import { sumInOrder } from '../threads/lane.js';
import type { OperationContext } from './rows.js';
import { createJoin, createStream, PIECE_BYTES, WINDOW_PIECES } from './stream.js';

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

/**
 * Every rank sends each other one that rank's part, and adds up what it gets, in the order of the ranks and piece by piece: room is needed for a
 * few pieces only.
 */
export function startSum(context: OperationContext, operation: PartsOperation, done: () => void): void {
  const { rank, requests, tag } = context;
  const join = createJoin(done);
  for (const [index, peer] of operation.group.entries()) {
    if (peer === rank) continue;
    createStream(requests, 'send', peer, tag).push(partBytes(context, operation, index), join.begin());
  }
  receiveSums(context, operation, join.begin());
  join.close();
}

function receiveSums(context: OperationContext, operation: PartsOperation, done: () => void): void {
  const { rank, requests, tag } = context;
  const { group } = operation;
  const mine = partBytes(context, operation, group.indexOf(rank));
  const pieces = group.length === 1 ? 0 : Math.ceil(mine.length / PIECE_BYTES);
  const join = createJoin(done);
  let begun = 0;
  const beginPiece = (room: readonly Uint8Array[]) => {
    if (begun === pieces) return;
    const own = mine.subarray(begun * PIECE_BYTES, (begun + 1) * PIECE_BYTES);
    begun++;
    const parts = group.map((peer, index) => (peer === rank ? own : room[index].subarray(0, own.length)));
    const end = join.begin();
    const arrival = createJoin(() => {
      sumInOrder(parts.map(floatsOf), floatsOf(own));
      beginPiece(room);
      end();
    });
    for (const [index, peer] of group.entries())
      if (peer !== rank) requests.receive(parts[index], peer, tag, arrival.begin());
    arrival.close();
  };
  for (let piece = 0; piece < Math.min(pieces, WINDOW_PIECES); piece++)
    beginPiece(group.map(() => new Uint8Array(PIECE_BYTES)));
  join.close();
}

/** The part of the rank at position `index`, in this rank's memory. */
function partBytes({ buffers }: OperationContext, { group, place, count }: PartsOperation, index: number): Uint8Array {
  const { first, end } = partBounds(count, group.length, index);
  return new Uint8Array(buffers[place.buffer], place.byteOffset + 4 * first, 4 * (end - first));
}

function floatsOf({ buffer, byteOffset, length }: Uint8Array): Float32Array {
  return new Float32Array(buffer, byteOffset, length / 4);
}
