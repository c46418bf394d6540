import { type Control, createWait, isAborted, type WaitWhile } from '../control.js';
import { type LaneMemory, laneWords, now } from '../lane.js';
import {
  firstExpertRow,
  layOutExpertRows,
  type MovesOperation,
  type Operation,
  type PartsOperation,
  type Place,
  partBounds,
  type RankBuffers,
  type ReplicasOperation,
  type RowsOperation,
  sumInOrder,
} from '../operations.js';
import { takeSlotMoves } from './moves.js';
import { takeReplicaParts, takeReplicaSums } from './replicas.js';

/** What one rank shows the communication threads of the others. */
export interface SharedRank {
  readonly lane: LaneMemory;
  readonly buffers: RankBuffers;
  readonly operations: readonly Operation[];
}

/** What the communication thread of a rank starts with: plain data. */
export interface ThreadsLaneData {
  readonly rank: number;
  readonly control: Control;
  readonly ranks: readonly SharedRank[];
  /** Hardware threads that it keeps to; empty: any. */
  readonly cores: readonly number[];
  /** Bytes a second of an emulated link out of every rank; absent: as fast as memory is. */
  readonly emulatedBytesPerSecond?: number;
}

/** A rank as its peers' lanes see it. */
interface OpenRank extends SharedRank {
  readonly words: Int32Array;
  readonly at: ReturnType<typeof laneWords>;
}

interface Context {
  readonly rank: number;
  readonly ranks: readonly OpenRank[];
  readonly waitWhile: WaitWhile;
  /** How often each operation has been taken up. */
  readonly rounds: Int32Array;
  /** Waits as long as the emulated link would take to bring `bytes` to this rank. */
  readonly delay: (bytes: number) => void;
}

/**
 * The communication lane of a rank whose peers are threads of the same process: copies rows and parts out of their memory. Every operation is a pull:
 * a rank offers what it has, takes what the others offer, and is done when all have taken its own. Returns when the run is aborted.
 */
export function serveThreadsLane(data: ThreadsLaneData): void {
  const { rank, control, ranks, emulatedBytesPerSecond } = data;
  const waitWhile = createWait(control);
  const open = ranks.map((one) => ({
    ...one,
    words: new Int32Array(one.lane.words),
    at: laneWords(one.lane.operations),
  }));
  const { words, at, operations, lane } = open[rank];
  const times = new Float64Array(lane.times);
  const context: Context = {
    rank,
    ranks: open,
    waitWhile,
    rounds: new Int32Array(operations.length),
    delay: createDelay(emulatedBytesPerSecond),
  };
  try {
    for (let taken = 0; ; taken++) {
      awaitPosted(words, at, taken, waitWhile);
      const operation = words[at.ring + (taken % operations.length)];
      times[2 * operation] = now();
      execute(context, operation);
      times[2 * operation + 1] = now();
      Atomics.add(words, at.done + operation, 1);
      Atomics.notify(words, at.done + operation);
    }
  } catch (error) {
    if (!isAborted(control)) throw error;
  }
}

/** Waits until more than `taken` operations have been posted. */
function awaitPosted(words: Int32Array, at: OpenRank['at'], taken: number, waitWhile: WaitWhile): void {
  for (;;) {
    const bell = Atomics.load(words, at.doorbell);
    if (Atomics.load(words, at.posted) !== taken) return;
    waitWhile(words, at.doorbell, bell);
  }
}

function execute(context: Context, index: number): void {
  const { rank, ranks, rounds } = context;
  const operation = ranks[rank].operations[index];
  rounds[index]++;
  offer(ranks[rank], index);
  const peers = operation.group.map((peer) => ranks[peer]);
  for (const peer of peers) awaitCount(context, peer, peer.at.offered + index, rounds[index]);
  const bytes = take(context, index, operation, peers);
  context.delay(bytes);
  for (const peer of peers) count(peer, peer.at.taken + index);
  const mine = ranks[rank];
  awaitCount(context, mine, mine.at.taken + index, rounds[index] * peers.length);
}

function offer(rank: OpenRank, index: number): void {
  count(rank, rank.at.offered + index);
}

function count({ words }: OpenRank, word: number): void {
  Atomics.add(words, word, 1);
  Atomics.notify(words, word);
}

function awaitCount({ waitWhile }: Context, { words }: OpenRank, word: number, wanted: number): void {
  for (let value = Atomics.load(words, word); value < wanted; value = Atomics.load(words, word))
    waitWhile(words, word, value);
}

/** Copies what the peers offer; gives the bytes that came from others. */
function take(context: Context, index: number, operation: Operation, peers: readonly OpenRank[]): number {
  switch (operation.kind) {
    case 'rows':
      return takeRows(context, index, operation, peers);
    case 'sumParts':
      return takeSums(context, index, operation, peers);
    case 'gatherParts':
      return takeParts(context, index, operation, peers);
    case 'sumReplicas':
      return takeReplicaSums(sidesOf<ReplicasOperation>(peers, index), positionIn(peers, context));
    case 'gatherReplicas':
      return takeReplicaParts(sidesOf<ReplicasOperation>(peers, index), positionIn(peers, context));
    case 'moveSlots':
      return takeSlotMoves(sidesOf<MovesOperation>(peers, index), positionIn(peers, context));
    default:
      return operation satisfies never;
  }
}

/** The ranks of an operation with what each lists at its position, which is of the same kind. */
function sidesOf<Kind extends Operation>(peers: readonly OpenRank[], index: number) {
  return peers.map(({ buffers, operations }) => ({ buffers, operation: operations[index] as Kind }));
}

function positionIn(peers: readonly OpenRank[], { ranks, rank }: Context): number {
  return peers.indexOf(ranks[rank]);
}

const integers = ({ buffers }: SharedRank, { buffer, byteOffset }: Place, count: number): Int32Array =>
  new Int32Array(buffers[buffer], byteOffset, count);

/** The index tensors of one rank's side of a row exchange. */
function openIndices(rank: SharedRank, operation: RowsOperation) {
  const { group, slots } = operation;
  return {
    operation,
    tokenOffsets: integers(rank, operation.tokenOffsets, group.length * slots + 1),
    counts: integers(rank, operation.counts, group.length * slots),
    slotOffsets: integers(rank, operation.slotOffsets, slots + 1),
  };
}

function takeRows(context: Context, index: number, operation: RowsOperation, peers: readonly OpenRank[]): number {
  const { group, slots, direction } = operation;
  const self = context.ranks[context.rank];
  const me = group.indexOf(context.rank);
  const sides = peers.map((peer) => openIndices(peer, peer.operations[index] as RowsOperation));
  const mine = sides[me];
  if (operation.exchangesCounts) {
    for (const [source, { tokenOffsets }] of sides.entries())
      for (let slot = 0; slot < slots; slot++)
        mine.counts[source * slots + slot] = tokenOffsets[me * slots + slot + 1] - tokenOffsets[me * slots + slot];
    layOutExpertRows(mine.counts, mine.slotOffsets);
  }
  let bytes = 0;
  for (let turn = 0; turn < peers.length; turn++) {
    // Every rank begins with itself, so that not all of them read from the same one.
    const from = (me + turn) % peers.length;
    const [tokens, owner] = direction === 'toExperts' ? [sides[from], mine] : [mine, sides[from]];
    const [source, holder] = direction === 'toExperts' ? [from, me] : [me, from];
    for (let slot = 0; slot < slots; slot++) {
      const tokenRow = tokens.tokenOffsets[holder * slots + slot];
      const rows = tokens.tokenOffsets[holder * slots + slot + 1] - tokenRow;
      const expertRow = firstExpertRow(owner.counts, owner.slotOffsets, source, slot);
      const moved = copyRows({
        from: peers[from],
        theirs: sides[from].operation,
        to: self,
        operation,
        tokenRow,
        expertRow,
        rows,
      });
      if (from !== me) bytes += moved;
    }
  }
  return bytes;
}

interface RowsCopy {
  readonly from: SharedRank;
  readonly theirs: RowsOperation;
  readonly to: SharedRank;
  readonly operation: RowsOperation;
  readonly tokenRow: number;
  readonly expertRow: number;
  readonly rows: number;
}

function copyRows({ from, theirs, to, operation, tokenRow, expertRow, rows }: RowsCopy): number {
  let bytes = 0;
  for (const [position, { tokenSide, expertSide, rowBytes }] of operation.tensors.entries()) {
    const other = theirs.tensors[position];
    const [source, sourceRow, target, targetRow] =
      operation.direction === 'toExperts'
        ? [other.tokenSide, tokenRow, expertSide, expertRow]
        : [other.expertSide, expertRow, tokenSide, tokenRow];
    const length = rows * rowBytes;
    new Uint8Array(to.buffers[target.buffer], target.byteOffset + targetRow * rowBytes, length).set(
      new Uint8Array(from.buffers[source.buffer], source.byteOffset + sourceRow * rowBytes, length),
    );
    bytes += length;
  }
  return bytes;
}

function floats({ buffers }: SharedRank, { place }: PartsOperation, first: number, end: number): Float32Array {
  return new Float32Array(buffers[place.buffer], place.byteOffset + 4 * first, end - first);
}

/** This rank's part of each peer's numbers, in the order of the ranks. */
function takeSums(context: Context, index: number, operation: PartsOperation, peers: readonly OpenRank[]): number {
  const me = operation.group.indexOf(context.rank);
  const { first, end } = partBounds(operation.count, peers.length, me);
  const parts = peers.map((peer) => floats(peer, peer.operations[index] as PartsOperation, first, end));
  sumInOrder(parts, parts[me]);
  return 4 * (end - first) * (peers.length - 1);
}

function takeParts(context: Context, index: number, operation: PartsOperation, peers: readonly OpenRank[]): number {
  const self = context.ranks[context.rank];
  let bytes = 0;
  for (const [from, peer] of peers.entries()) {
    if (peer === self) continue;
    const { first, end } = partBounds(operation.count, peers.length, from);
    floats(self, operation, first, end).set(floats(peer, peer.operations[index] as PartsOperation, first, end));
    bytes += 4 * (end - first);
  }
  return bytes;
}

/** A link that brings so many bytes a second, one transfer after the other. */
function createDelay(bytesPerSecond: number | undefined): (bytes: number) => void {
  if (bytesPerSecond === undefined) return () => undefined;
  const clock = new Int32Array(new SharedArrayBuffer(4));
  let free = 0;
  return (bytes) => {
    free = Math.max(free, now()) + bytes / bytesPerSecond;
    const milliseconds = 1000 * (free - now());
    if (milliseconds > 0) Atomics.wait(clock, 0, 0, milliseconds);
  };
}
