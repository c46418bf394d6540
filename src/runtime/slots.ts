import type { Placement } from '../balance/index.js';
import { nameInCheckpoint } from '../model/index.js';
import type { LayerSlots, StateLayout, StateTensor } from './state-layout.js';

/** A rank's state memory and what lies where in it. */
interface OpenState {
  readonly layout: StateLayout;
  readonly state: SharedArrayBuffer;
}

/** The expert in each slot of a layer, of all ranks: int32 `[slots]`, in the rank's memory. */
export function openSlotToExpert(state: SharedArrayBuffer, { slotToExpert }: LayerSlots): Int32Array {
  return new Int32Array(state, slotToExpert.byteOffset, slotToExpert.count);
}

/** Says which expert lies in which slot, of the layers from `firstLayer`; what the slots hold stays as it is. */
export function setPlacement(
  ranks: readonly OpenState[],
  { slots, physicalToLogical }: Placement,
  firstLayer: number,
): void {
  for (const { layout, state } of ranks) {
    for (const one of layout.slots) {
      const row = one.layer - firstLayer;
      openSlotToExpert(state, one).set(physicalToLogical.subarray(row * slots, (row + 1) * slots));
    }
  }
}

/** A tensor under the name that it has in Hugging Face's checkpoint, by the placement of the moment. */
export interface PlacedStateTensor extends StateTensor {
  readonly checkpointName: string;
  /** False for what lies in a replica that is not the first of its expert: its numbers are there already. */
  readonly isPrimary: boolean;
}

/** All tensors of a rank; of an expert those of each replica that it holds. */
export function listTensors({ layout, state }: OpenState): PlacedStateTensor[] {
  const tables = new Map(layout.slots.map((slots) => [slots.layer, openSlotToExpert(state, slots)]));
  return [...layout.tensors.values()].map((tensor) => {
    const { name, slot } = tensor;
    const table = slot === undefined ? undefined : tables.get(slot.layer);
    if (slot === undefined || table === undefined) return { ...tensor, checkpointName: name, isPrimary: true };
    const checkpointName = nameInCheckpoint(name, table[slot.index]);
    return { ...tensor, checkpointName, isPrimary: isPrimary(table, slot.index) };
  });
}

/** The first slot of an expert is its primary replica. */
function isPrimary(slotToExpert: Int32Array, slot: number): boolean {
  return slotToExpert.indexOf(slotToExpert[slot]) === slot;
}

/** Floats from the start of a region. */
interface Stretch {
  readonly first: number;
  readonly end: number;
}

/** Where replicas that are not the first of their expert lie, by the placement of the moment; ascending. */
export function listReplicas({ layout, state }: OpenState): Stretch[] {
  return layout.slots.flatMap((layer) => {
    const table = openSlotToExpert(state, layer);
    const own = Array.from({ length: layer.count }, (_, index) => index);
    return own
      .filter((index) => !isPrimary(table, layer.first + index))
      .map((index) => ({ first: layer.position + index * layer.size, end: layer.position + (index + 1) * layer.size }));
  });
}

/** What is left of a stretch without the replicas of `listReplicas`; neighbours are one. */
export function cutOutReplicas({ first, end }: Stretch, replicas: readonly Stretch[]): Stretch[] {
  const kept: Stretch[] = [];
  let start = first;
  for (const replica of replicas) {
    if (replica.end <= start || replica.first >= end) continue;
    if (replica.first > start) kept.push({ first: start, end: replica.first });
    start = Math.min(end, replica.end);
  }
  return start < end ? [...kept, { first: start, end }] : kept;
}
