/** Which expert each physical slot holds. */
export interface Placement {
  readonly layers: number;
  readonly experts: number;
  /** Slots of all GPUs together, for each layer. */
  readonly slots: number;
  /** `[layers, slots]`, row-major: the logical expert in each slot; -1 is an empty slot, of a GPU that takes none. */
  readonly physicalToLogical: Int32Array;
}
