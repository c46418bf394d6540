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
