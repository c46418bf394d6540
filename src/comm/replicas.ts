import { type Place, partBounds, type RankBuffers, type ReplicasOperation } from './operations.js';

/** A part of a replica's numbers and the replicas that it is made of or given to: what the ranks of an operation agree on. */
export interface ReplicaPart {
  /** Slot whose own part it is. */
  readonly owner: number;
  /** All slots of the expert, ascending; the owner too. */
  readonly replicas: readonly number[];
  /** First of the slot's numbers, and the one after the last. */
  readonly first: number;
  readonly end: number;
}

/**
 * The parts into which an operation cuts the numbers of experts with several replicas, in the order of the experts' first slots and then of the owners;
 * experts in one slot have none.
 *
 * @param slotToExpert int32 `[slots]`
 */
export function listReplicaParts(slotToExpert: Int32Array, count: number): ReplicaPart[] {
  const slotsOf = new Map<number, number[]>();
  for (const [slot, expert] of slotToExpert.entries()) slotsOf.set(expert, [...(slotsOf.get(expert) ?? []), slot]);
  return [...slotsOf.values()]
    .filter((replicas) => replicas.length > 1)
    .flatMap((replicas) =>
      replicas.map((owner, index) => ({ owner, replicas, ...partBounds(count, replicas.length, index) })),
    );
}

/** The expert in each slot, in this rank's memory. */
export function readSlotToExpert(buffers: RankBuffers, { group, slots, slotToExpert }: ReplicasOperation): Int32Array {
  return new Int32Array(buffers[slotToExpert.buffer], slotToExpert.byteOffset, group.length * slots);
}

/** Where a part of a slot's numbers lies in the memory of the rank that holds the slot. */
export function placeReplicaPart(
  { slots, place, count }: ReplicasOperation,
  slot: number,
  { first, end }: Pick<ReplicaPart, 'first' | 'end'>,
): Place & { readonly count: number } {
  const byteOffset = place.byteOffset + 4 * ((slot % slots) * count + first);
  return { buffer: place.buffer, byteOffset, count: end - first };
}
