import type { Requests } from './requests.js';

/**
 * Long transfers travel in pieces of this many bytes: so small that MPI sends them without asking the receiver first (see library.ts), that what is
 * urgent need not wait long behind one, and that a piece can be worked on while the next one travels.
 */
export const PIECE_BYTES = 2 ** 16;

/** Pieces of a stream that are under way at once: enough to keep a link busy between two looks at it, so few that little waits in front of it. */
export const WINDOW_PIECES = 8;
const WINDOW_BYTES = WINDOW_PIECES * PIECE_BYTES;

/** Transfers to or from one rank, one after the other. Both ends must push the same lengths in the same order. */
export interface Stream {
  /** The bytes must be left alone until `done` is called, which happens in the order of these calls. For no bytes nothing travels. */
  push(bytes: Uint8Array, done: () => void): void;
}

interface Transfer {
  readonly bytes: Uint8Array;
  readonly done: () => void;
  /** Bytes that are on their way or there, and those that are there. */
  begun: number;
  finished: number;
}

/** A stream of messages with one tag, which no other stream between the two ranks in this direction may use at the same time. */
export function createStream(requests: Requests, direction: 'send' | 'receive', peer: number, tag: number): Stream {
  /** Not wholly begun, and not wholly there. */
  const waiting: Transfer[] = [];
  const unfinished: Transfer[] = [];
  let underWay = 0;
  const beginPieces = () => {
    for (let transfer = waiting[0]; transfer !== undefined; transfer = waiting[0]) {
      const bytes = transfer.bytes.subarray(transfer.begun, transfer.begun + PIECE_BYTES);
      if (underWay > 0 && underWay + bytes.length > WINDOW_BYTES) return;
      transfer.begun += bytes.length;
      underWay += bytes.length;
      if (transfer.begun === transfer.bytes.length) waiting.shift();
      requests[direction](bytes, peer, tag, () => endPiece(transfer, bytes.length));
    }
  };
  const endPiece = (transfer: Transfer, bytes: number) => {
    underWay -= bytes;
    transfer.finished += bytes;
    beginPieces();
    while (unfinished.length > 0 && unfinished[0].finished === unfinished[0].bytes.length) unfinished.shift()?.done();
  };
  return {
    push(bytes, done) {
      if (bytes.length === 0) return done();
      const transfer = { bytes, done, begun: 0, finished: 0 };
      unfinished.push(transfer);
      waiting.push(transfer);
      beginPieces();
    },
  };
}

/** One stream a peer, made when it is first needed; all with one tag. */
export function openStreams(requests: Requests, direction: 'send' | 'receive', tag: number): (peer: number) => Stream {
  const streams = new Map<number, Stream>();
  return (peer) => {
    const stream = streams.get(peer) ?? createStream(requests, direction, peer, tag);
    streams.set(peer, stream);
    return stream;
  };
}

/** Calls `done` once everything that was begun has ended and no more will begin. `begin` gives what to call at the end. */
export function createJoin(done: () => void) {
  let open = 1;
  const end = () => {
    if (--open === 0) done();
  };
  return {
    begin: () => {
      open++;
      return end;
    },
    /** No more will begin. */
    close: end,
  };
}
