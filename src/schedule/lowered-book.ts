import { type Action, formatAction } from './action.js';
import { type FlatSchedule, flattenSchedule } from './flat.js';
import type { IssueCode, ScheduleIssue } from './issues.js';
import { communicationAt, type LoweredList, type LoweredSchedule, loweredCodes } from './lowered.js';

/**
 * What the rules about communication look at. Entries are numbered through all ranks, one after the other. A message is `cell` for the output of a
 * forward and `cells + cell` for that of a backward, where `cell` is the sender's chunk.
 */
export interface LoweredBook {
  readonly lowered: LoweredSchedule;
  readonly flat: FlatSchedule;
  readonly cells: number;
  /** `[ranks + 1]`: rank r owns the entries from entryStart[r] to entryStart[r + 1]. */
  readonly entryStart: Int32Array;
  readonly code: Uint8Array;
  /** Of an entry: the action of the computation's columns; -1 for communication. */
  readonly action: Int32Array;
  /** Of an entry: the message that it sends, receives or waits for; -1 for none, and for one that no stage needs. */
  readonly message: Int32Array;
  /** Of a message: the first entry that does that; -1 for none. */
  readonly sentAt: Int32Array;
  readonly receivedAt: Int32Array;
  readonly waitedAt: Int32Array;
  /** Of a cell: the entry that computes it (input gradients for a backward). */
  readonly forwardAt: Int32Array;
  readonly backwardAt: Int32Array;
  /** Of a stage: the last entry that computes gradients of its weights. */
  readonly lastGradientAt: Int32Array;
}

/** Looks through a lowered schedule whose computation is free of issues. */
export function openLoweredBook(lowered: LoweredSchedule): LoweredBook {
  const flat = flattenSchedule(lowered.schedule);
  const cells = flat.stages * flat.microbatches;
  const entryStart = new Int32Array(flat.ranks + 1);
  for (const [rank, { kind }] of lowered.lists.entries())
    entryStart[rank + 1] = (entryStart[rank] as number) + kind.length;
  const length = entryStart[flat.ranks] as number;
  const book: LoweredBook = {
    lowered,
    flat,
    cells,
    entryStart,
    code: new Uint8Array(length),
    action: new Int32Array(length).fill(-1),
    message: new Int32Array(length).fill(-1),
    sentAt: new Int32Array(2 * cells).fill(-1),
    receivedAt: new Int32Array(2 * cells).fill(-1),
    waitedAt: new Int32Array(2 * cells).fill(-1),
    forwardAt: new Int32Array(cells),
    backwardAt: new Int32Array(cells),
    lastGradientAt: new Int32Array(flat.stages).fill(-1),
  };
  for (let rank = 0; rank < flat.ranks; rank++) lookThrough(book, rank);
  return book;
}

function lookThrough(book: LoweredBook, rank: number): void {
  const { flat, entryStart } = book;
  const list = book.lowered.lists[rank] as LoweredList;
  let action = flat.rankStart[rank] as number;
  let entry = entryStart[rank] as number;
  for (let position = 0; position < list.kind.length; position++, entry++) {
    const code = list.kind[position] as number;
    book.code[entry] = code;
    if (code === loweredCodes.compute) {
      noteComputation(book, entry, action++);
      continue;
    }
    const message = messageOf(book, code, list.stage[position] as number, list.microbatch[position] as number);
    book.message[entry] = message;
    if (message < 0) continue;
    const places = placesOf(book, code);
    if (places[message] === -1) places[message] = entry;
  }
}

function noteComputation(book: LoweredBook, entry: number, action: number): void {
  const { flat } = book;
  book.action[entry] = action;
  const forward = flat.forward[action] as number;
  if (forward >= 0) book.forwardAt[forward] = entry;
  const backward = flat.backward[action] as number;
  if (backward >= 0) {
    book.backwardAt[backward] = entry;
    book.lastGradientAt[(backward / flat.microbatches) | 0] = entry;
  }
  const weight = flat.weight[action] as number;
  if (weight >= 0) book.lastGradientAt[(weight / flat.microbatches) | 0] = entry;
}

/** Where the entries with a code of messages are kept. */
export function placesOf(book: LoweredBook, code: number): Int32Array {
  if (code === loweredCodes.sendForward || code === loweredCodes.sendBackward) return book.sentAt;
  if (code === loweredCodes.receiveForward || code === loweredCodes.receiveBackward) return book.receivedAt;
  return book.waitedAt;
}

/** The message that communication is about; -1 if it is about a whole stage, or if no stage needs that message from another rank. */
function messageOf({ flat, cells }: LoweredBook, code: number, stage: number, microbatch: number): number {
  if (stage >= flat.stages || microbatch < 0 || microbatch >= flat.microbatches) return -1;
  const isReceive = code === loweredCodes.receiveForward || code === loweredCodes.receiveBackward;
  const isForward =
    code === loweredCodes.sendForward || code === loweredCodes.receiveForward || code === loweredCodes.waitSendForward;
  const toPeer = (isForward === isReceive ? flat.toPrevious : flat.toNext)[stage] as number;
  if (toPeer === 0) return -1;
  const cell = stage * flat.microbatches + microbatch;
  const peer = ((cell + toPeer) / flat.microbatches) | 0;
  if (flat.stageToRank[peer] === flat.stageToRank[stage]) return -1;
  return (isForward ? 0 : cells) + (isReceive ? cell + toPeer : cell);
}

/** The message that brings a cell its input in a way; -1 if its stage is the first that way, or its neighbour is on the same rank. */
export function inputMessage({ flat, cells }: LoweredBook, cell: number, way: 'forward' | 'backward'): number {
  const stage = (cell / flat.microbatches) | 0;
  const step = (way === 'forward' ? flat.toPrevious : flat.toNext)[stage] as number;
  const sender = cell + step;
  if (step === 0 || flat.stageToRank[(sender / flat.microbatches) | 0] === flat.stageToRank[stage]) return -1;
  return way === 'forward' ? sender : cells + sender;
}

/** The chunk that sends a message. */
export function senderOf({ cells }: LoweredBook, message: number): number {
  return message < cells ? message : message - cells;
}

/** The chunk that receives a message. */
export function receiverOf({ flat, cells }: LoweredBook, message: number): number {
  const from = message < cells ? message : message - cells;
  const steps = message < cells ? flat.toNext : flat.toPrevious;
  return from + (steps[(from / flat.microbatches) | 0] as number);
}

/** The rank that a chunk's stage is on. */
export function ownerOf({ flat }: LoweredBook, cell: number): number {
  return flat.stageToRank[(cell / flat.microbatches) | 0] as number;
}

/** The rank that owns an entry. */
export function rankOf({ entryStart }: LoweredBook, entry: number): number {
  let [low, high] = [0, entryStart.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((entryStart[middle] as number) <= entry) low = middle;
    else high = middle;
  }
  return low;
}

/** An entry as PyTorch's text. */
export function textOf(book: LoweredBook, entry: number): string {
  const rank = rankOf(book, entry);
  const action = book.action[entry] as number;
  if (action >= 0) {
    const position = action - (book.flat.rankStart[rank] as number);
    return formatAction(book.lowered.schedule.actions[rank]?.[position] as Action);
  }
  const position = entry - (book.entryStart[rank] as number);
  return formatAction(communicationAt(book.lowered.lists[rank] as LoweredList, position));
}

/** Calls `visit` for all communication. */
export function visitCommunication(
  book: LoweredBook,
  visit: (entry: number, code: number, stage: number, rank: number) => void,
): void {
  for (const [rank, list] of book.lowered.lists.entries()) {
    const start = book.entryStart[rank] as number;
    for (let position = 0; position < list.kind.length; position++) {
      const code = list.kind[position] as number;
      if (code !== loweredCodes.compute) visit(start + position, code, list.stage[position] as number, rank);
    }
  }
}

/** Whether ranks wait for what they send: files for PyTorch 2.14 and older have no waits. */
export function hasWaits(book: LoweredBook): boolean {
  return book.lowered.lists.some(({ kind }) =>
    [loweredCodes.waitSendForward, loweredCodes.waitSendBackward, loweredCodes.waitReduceGrad].some((code) =>
      kind.includes(code),
    ),
  );
}

/** `rank 0, position 3` */
export function describePlace(book: LoweredBook, entry: number): string {
  const rank = rankOf(book, entry);
  return `rank ${rank}, position ${entry - (book.entryStart[rank] as number)}`;
}

/** A problem of an entry. */
export function issueAt(book: LoweredBook, entry: number, code: IssueCode, message: string): ScheduleIssue {
  const rank = rankOf(book, entry);
  return { code, rank, position: entry - (book.entryStart[rank] as number), message };
}
