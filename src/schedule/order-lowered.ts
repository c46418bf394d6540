import { loweredCodes } from './lowered.js';
import { inputMessage, type LoweredBook, ownerOf, receiverOf, senderOf } from './lowered-book.js';

/** What an entry waits for when it cannot run. */
export type Wait =
  | { readonly for: 'send' | 'receive'; readonly message: number }
  | { readonly for: 'reduction'; readonly stage: number };

/** How far the ranks come when each runs its list in order. */
export interface LoweredExecution {
  /** `[rank]`: the entry at which it stopped; `entryStart[rank + 1]` if it came to its end. */
  readonly stoppedAt: Int32Array;
  /** What the entry at which a rank stopped waits for; `undefined` at the end. */
  readonly waitOf: (rank: number) => Wait | undefined;
}

/**
 * Runs a lowered schedule without times, by rendezvous: nothing is buffered, so a send ends only when its receive is posted; a receive is posted and
 * does not wait; a computation waits until its inputs are sent; a sum over mirrored stages ends when all of them have come to it. Linear in the number
 * of entries. Needs messages that are sent and received once, in order (the other rules).
 */
export function executeLowered(book: LoweredBook): LoweredExecution {
  const { flat, entryStart, cells } = book;
  const run: Rendezvous = {
    book,
    sent: new Uint8Array(2 * cells),
    posted: new Uint8Array(2 * cells),
    mirrors: findMirrors(book),
    awake: Array.from({ length: flat.ranks }, (_, rank) => rank),
    isAwake: new Uint8Array(flat.ranks).fill(1),
  };
  const { awake, isAwake } = run;
  const stoppedAt = entryStart.slice(0, flat.ranks);
  while (awake.length > 0) {
    const rank = awake.pop() as number;
    const end = entryStart[rank + 1] as number;
    let entry = stoppedAt[rank] as number;
    while (entry < end && runEntry(run, entry, rank)) entry++;
    stoppedAt[rank] = entry;
    isAwake[rank] = 0;
  }
  return { stoppedAt, waitOf: (rank) => findWait(run, stoppedAt[rank] as number, rank) };
}

/** What has been sent and posted, and which ranks may be able to go on. */
interface Rendezvous {
  readonly book: LoweredBook;
  /** `[messages]` each. */
  readonly sent: Uint8Array;
  readonly posted: Uint8Array;
  readonly mirrors: ReturnType<typeof findMirrors>;
  /** A stack, each rank at most once. */
  readonly awake: number[];
  readonly isAwake: Uint8Array;
}

/** Runs an entry; false if it has to wait. */
function runEntry(run: Rendezvous, entry: number, rank: number): boolean {
  const { book, sent, posted } = run;
  switch (book.code[entry]) {
    case loweredCodes.compute:
      return missingInput(book, sent, entry) < 0;
    case loweredCodes.receiveForward:
    case loweredCodes.receiveBackward: {
      const id = book.message[entry] as number;
      posted[id] = 1;
      wake(run, ownerOf(book, senderOf(book, id)));
      return true;
    }
    case loweredCodes.sendForward:
    case loweredCodes.sendBackward: {
      const id = book.message[entry] as number;
      if (posted[id] === 0) return false;
      sent[id] = 1;
      wake(run, ownerOf(book, receiverOf(book, id)));
      return true;
    }
    case loweredCodes.reduceGrad:
      return run.mirrors.isMet(stageAt(book, entry, rank), (other) => wake(run, other));
    default:
      return true;
  }
}

function wake({ awake, isAwake }: Rendezvous, rank: number): void {
  if (isAwake[rank] === 1) return;
  isAwake[rank] = 1;
  awake.push(rank);
}

function findWait({ book, sent, mirrors }: Rendezvous, entry: number, rank: number): Wait | undefined {
  if (entry === book.entryStart[rank + 1]) return undefined;
  const code = book.code[entry];
  if (code === loweredCodes.reduceGrad) return { for: 'reduction', stage: mirrors.missing(stageAt(book, entry, rank)) };
  if (code !== loweredCodes.compute) return { for: 'receive', message: book.message[entry] as number };
  return { for: 'send', message: missingInput(book, sent, entry) };
}

/** The message that a computation waits for; -1 if it can run. */
function missingInput(book: LoweredBook, sent: Uint8Array, entry: number): number {
  const action = book.action[entry] as number;
  const forward = book.flat.forward[action] as number;
  const input = forward < 0 ? -1 : inputMessage(book, forward, 'forward');
  if (input >= 0 && sent[input] === 0) return input;
  const backward = book.flat.backward[action] as number;
  const gradient = backward < 0 ? -1 : inputMessage(book, backward, 'backward');
  return gradient >= 0 && sent[gradient] === 0 ? gradient : -1;
}

function stageAt({ lowered, entryStart }: LoweredBook, entry: number, rank: number): number {
  return lowered.lists[rank]!.stage[entry - (entryStart[rank] as number)] as number;
}

/** Which stages hold the same layers, one in each chain, and which of them have come to their sum of gradients. */
function findMirrors({ lowered }: LoweredBook) {
  const { pipelines, stageToRank } = lowered.schedule;
  const groups: number[][] = stageToRank.map(() => []);
  for (const chain of pipelines) {
    for (const [place, stage] of chain.entries()) {
      groups[stage] = pipelines.flatMap((other) => other[place] ?? []);
    }
  }
  const hasCome = new Uint8Array(stageToRank.length);
  return {
    isMet: (stage: number, wake: (rank: number) => void): boolean => {
      const group = groups[stage] as readonly number[];
      if (hasCome[stage] === 0) {
        hasCome[stage] = 1;
        for (const mirror of group) if (mirror !== stage) wake(stageToRank[mirror] as number);
      }
      return group.every((mirror) => hasCome[mirror] === 1);
    },
    missing: (stage: number): number => groups[stage]?.find((mirror) => hasCome[mirror] === 0) ?? stage,
  };
}
