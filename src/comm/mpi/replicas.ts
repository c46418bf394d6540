import type { ReplicasOperation } from '../operations.js';
import { listReplicaParts, placeReplicaPart, type ReplicaPart, readSlotToExpert } from '../replicas.js';
import type { OperationContext } from './rows.js';
import { createJoin, openStreams, PIECE_BYTES } from './stream.js';
import { sumPieces } from './sum-pieces.js';

/** One rank's view of an operation: which part is where, and how to reach it. */
interface View {
  readonly me: number;
  readonly parts: readonly ReplicaPart[];
  readonly holderOf: (slot: number) => number;
  /** A part of a slot of this rank. */
  readonly bytesOf: (slot: number, part: ReplicaPart) => Uint8Array;
}

function openView({ rank, buffers }: OperationContext, operation: ReplicasOperation): View {
  return {
    me: rank,
    parts: listReplicaParts(readSlotToExpert(buffers, operation), operation.count),
    holderOf: (slot) => operation.group[Math.floor(slot / operation.slots)],
    bytesOf(slot, part) {
      const { buffer, byteOffset, count } = placeReplicaPart(operation, slot, part);
      return new Uint8Array(buffers[buffer], byteOffset, 4 * count);
    },
  };
}

/** Every rank sends each part of its slots to the part's owner, and adds up what it gets for its own, part after part, in the order of the slots. */
export function startReplicaSum(context: OperationContext, operation: ReplicasOperation, done: () => void): void {
  const { me, parts, holderOf, bytesOf } = openView(context, operation);
  const join = createJoin(done);
  const streams = openStreams(context.requests, 'send', context.tag);
  for (const part of parts) {
    const owner = holderOf(part.owner);
    if (owner === me) continue;
    const mine = part.replicas.filter((slot) => holderOf(slot) === me).map((slot) => bytesOf(slot, part));
    // Piece by piece, as the owner takes them: it may get two replicas of an expert from one rank.
    for (let start = 0; start < (mine[0]?.length ?? 0); start += PIECE_BYTES)
      for (const bytes of mine) streams(owner).push(bytes.subarray(start, start + PIECE_BYTES), join.begin());
  }
  const owned = parts.filter(({ owner }) => holderOf(owner) === me);
  const sumNext = (index: number, end: () => void) => {
    if (index === owned.length) {
      end();
      return;
    }
    const part = owned[index];
    const sources = part.replicas.map((slot) => (holderOf(slot) === me ? bytesOf(slot, part) : holderOf(slot)));
    sumPieces(context, { target: bytesOf(part.owner, part), sources }, () => sumNext(index + 1, end));
  };
  sumNext(0, join.begin());
  join.close();
}

/** Every rank sends the parts that its slots own to all other replicas. */
export function startReplicaGather(context: OperationContext, operation: ReplicasOperation, done: () => void): void {
  const { requests, tag } = context;
  const { me, parts, holderOf, bytesOf } = openView(context, operation);
  const join = createJoin(done);
  const [sends, receives] = [openStreams(requests, 'send', tag), openStreams(requests, 'receive', tag)];
  for (const part of parts) {
    const owner = holderOf(part.owner);
    for (const slot of part.replicas) {
      if (slot === part.owner) continue;
      const holder = holderOf(slot);
      if (owner === me && holder === me) bytesOf(slot, part).set(bytesOf(part.owner, part));
      else if (owner === me) sends(holder).push(bytesOf(part.owner, part), join.begin());
      else if (holder === me) receives(owner).push(bytesOf(slot, part), join.begin());
    }
  }
  join.close();
}
