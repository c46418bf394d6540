import { listGpuOfSlot, type Machine } from './machine.js';

/** Which expert each physical slot holds. */
export interface Placement {
  readonly layers: number;
  readonly experts: number;
  /** Slots of all GPUs together, for each layer. */
  readonly slots: number;
  /** `[layers, slots]`, row-major: the logical expert in each slot; -1 is an empty slot, of a GPU that takes none. */
  readonly physicalToLogical: Int32Array;
}

/**
 * The placement without knowledge of loads, the same in every layer: slot s holds expert s modulo the experts. So the experts lie in order, and what slots
 * there are beyond one an expert take the first experts in turn. No GPU holds an expert twice unless it has more slots than there are experts.
 */
export function placeInOrder({ layers, experts, slots }: Omit<Placement, 'physicalToLogical'>): Placement {
  const physicalToLogical = Int32Array.from({ length: layers * slots }, (_, index) => (index % slots) % experts);
  return { layers, experts, slots, physicalToLogical };
}

/** As `placeInOrder`, in the slots of the GPUs that are used; those of the others stay empty. */
export function placeInOrderOn(
  { layers, experts }: Pick<Placement, 'layers' | 'experts'>,
  machine: Pick<Machine, 'gpus' | 'slots' | 'slotStarts' | 'isUsed'>,
): Placement {
  const { slots, isUsed } = machine;
  const row = new Int32Array(slots).fill(-1);
  let next = 0;
  for (const [slot, gpu] of listGpuOfSlot(machine).entries()) {
    if (isUsed[gpu] === 0) continue;
    row[slot] = next % experts;
    next += 1;
  }
  const physicalToLogical = new Int32Array(layers * slots);
  for (let layer = 0; layer < layers; layer++) physicalToLogical.set(row, layer * slots);
  return { layers, experts, slots, physicalToLogical };
}
