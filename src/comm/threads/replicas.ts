import { type RankBuffers, type ReplicasOperation, sumInOrder } from '../operations.js';
import { listReplicaParts, placeReplicaPart, type ReplicaPart, readSlotToExpert } from '../replicas.js';

/** What a rank of the group shows of itself to an operation on replicas. */
export interface ReplicaSide {
  readonly buffers: RankBuffers;
  readonly operation: ReplicasOperation;
}

/** Sums the parts that slots of the rank at position `me` own; gives the bytes that came from others. */
export function takeReplicaSums(sides: readonly ReplicaSide[], me: number): number {
  let bytes = 0;
  const { slots } = sides[me].operation;
  for (const part of listParts(sides[me])) {
    if (holderOf(part.owner, slots) !== me) continue;
    const all = part.replicas.map((slot) => floatsOf(sides, slot, part));
    const target = all[part.replicas.indexOf(part.owner)];
    sumInOrder(all, target);
    const foreign = part.replicas.filter((slot) => holderOf(slot, slots) !== me).length;
    bytes += foreign * target.byteLength;
  }
  return bytes;
}

/** Copies to every slot of the rank at position `me` the parts that other replicas own; gives the bytes that came from others. */
export function takeReplicaParts(sides: readonly ReplicaSide[], me: number): number {
  let bytes = 0;
  const { slots } = sides[me].operation;
  for (const part of listParts(sides[me])) {
    const source = floatsOf(sides, part.owner, part);
    for (const slot of part.replicas) {
      if (holderOf(slot, slots) !== me || slot === part.owner) continue;
      floatsOf(sides, slot, part).set(source);
      if (holderOf(part.owner, slots) !== me) bytes += source.byteLength;
    }
  }
  return bytes;
}

const holderOf = (slot: number, slots: number): number => Math.floor(slot / slots);

function listParts({ buffers, operation }: ReplicaSide): ReplicaPart[] {
  return listReplicaParts(readSlotToExpert(buffers, operation), operation.count);
}

function floatsOf(sides: readonly ReplicaSide[], slot: number, part: ReplicaPart): Float32Array {
  const { buffers, operation } = sides[holderOf(slot, sides[0].operation.slots)];
  const { buffer, byteOffset, count } = placeReplicaPart(operation, slot, part);
  return new Float32Array(buffers[buffer], byteOffset, count);
}
