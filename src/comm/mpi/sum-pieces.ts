import { sumInOrder } from '../operations.js';
import type { OperationContext } from './rows.js';
import { createJoin, PIECE_BYTES, WINDOW_PIECES } from './stream.js';

/** Numbers that become the sum of several: each source is in this rank's memory, or is sent piece by piece by the rank of that number. */
export interface PiecewiseSum {
  /** float32; may be one of the sources. */
  readonly target: Uint8Array;
  /** In the order in which they are added. Of one rank that is named several times, the first piece of each comes before the second of any. */
  readonly sources: readonly (Uint8Array | number)[];
}

/** Adds up numbers as they come, piece by piece: room is needed for a few pieces only. */
export function sumPieces(context: OperationContext, { target, sources }: PiecewiseSum, done: () => void): void {
  const { requests, tag } = context;
  if (sources.every((source) => typeof source !== 'number')) {
    sumInOrder(sources.map(floatsOf), floatsOf(target));
    done();
    return;
  }
  const pieces = Math.ceil(target.length / PIECE_BYTES);
  const join = createJoin(done);
  let begun = 0;
  const beginPiece = (room: readonly Uint8Array[]) => {
    if (begun === pieces) return;
    const [first, last] = [begun * PIECE_BYTES, (begun + 1) * PIECE_BYTES];
    const own = target.subarray(first, last);
    begun++;
    const parts = sources.map((source, index) =>
      typeof source === 'number' ? room[index].subarray(0, own.length) : source.subarray(first, last),
    );
    const end = join.begin();
    const arrival = createJoin(() => {
      sumInOrder(parts.map(floatsOf), floatsOf(own));
      beginPiece(room);
      end();
    });
    for (const [index, source] of sources.entries())
      if (typeof source === 'number') requests.receive(parts[index], source, tag, arrival.begin());
    arrival.close();
  };
  for (let piece = 0; piece < Math.min(pieces, WINDOW_PIECES); piece++)
    beginPiece(sources.map((source) => new Uint8Array(typeof source === 'number' ? PIECE_BYTES : 0)));
  join.close();
}

function floatsOf({ buffer, byteOffset, length }: Uint8Array): Float32Array {
  return new Float32Array(buffer, byteOffset, length / 4);
}
