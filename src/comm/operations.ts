/** Memory of a rank that its communication lane reads and writes. */
export interface RankBuffers {
  readonly state: SharedArrayBuffer;
  readonly activations: SharedArrayBuffer;
  /** Small numbers that ranks tell each other. */
  readonly values: SharedArrayBuffer;
}

/** Where something lies in a rank's memory. */
export interface Place {
  readonly buffer: keyof RankBuffers;
  readonly byteOffset: number;
}

/** Rows that belong together: of the tokens' rank (sorted by slot) and of the experts' rank (by slot, then by the rank they came from). */
export interface RowsTensor {
  readonly tokenSide: Place;
  readonly expertSide: Place;
  readonly rowBytes: number;
}

/** An all-to-all of exactly the rows that are needed, between tokens and the slots of the experts that they chose. */
export interface RowsOperation {
  readonly kind: 'rows';
  /** Ranks that take part, ascending. Rank `group[i]` holds slots i x slots to (i + 1) x slots. */
  readonly group: readonly number[];
  readonly direction: 'toExperts' | 'toTokens';
  /** The experts' side learns first how many rows come, and writes `counts` and `slotOffsets`; later operations of the same rows read them. */
  readonly exchangesCounts: boolean;
  /** Slots of each rank. */
  readonly slots: number;
  /** int32 `[group x slots + 1]`: rows of this rank's tokens for each slot. */
  readonly tokenOffsets: Place;
  /** int32 `[group, slots]`: rows that each rank of the group has for each slot of this rank. */
  readonly counts: Place;
  /** int32 `[slots + 1]`: rows of each slot of this rank. */
  readonly slotOffsets: Place;
  readonly tensors: readonly RowsTensor[];
}

/**
 * Numbers that all ranks of a group hold, cut into one part a rank (`partBounds`).
 * - `sumParts`: each rank's own part of float32 numbers becomes the sum over all ranks, added in the order of the ranks; the other parts stay.
 * - `gatherParts`: every rank gets each rank's own part.
 * One after the other they sum the whole, with the same bits on every rank.
 */
export interface PartsOperation {
  readonly kind: 'sumParts' | 'gatherParts';
  readonly group: readonly number[];
  readonly place: Place;
  /** float32 numbers. */
  readonly count: number;
}

/**
 * Numbers of the slots of some layer, of which those with the same expert are replicas: as many in every slot, and one after the other. Each replica's
 * numbers are cut into one part a replica (`partBounds`).
 * - `sumReplicas`: of the replica that comes n-th, part n becomes the sum over all replicas, added in the order of the slots; the other parts stay.
 * - `gatherReplicas`: every replica gets each replica's own part.
 * One after the other they give all replicas of an expert the same bits. Experts in one slot stay as they are.
 */
export interface ReplicasOperation {
  readonly kind: 'sumReplicas' | 'gatherReplicas';
  /** Ranks that take part, ascending. Rank `group[i]` holds slots i x slots to (i + 1) x slots. */
  readonly group: readonly number[];
  /** Slots of each rank. */
  readonly slots: number;
  /** int32 `[group x slots]`: the expert in each slot, the same on every rank. Read when the operation begins, so it may change between two. */
  readonly slotToExpert: Place;
  /** Those of this rank's first slot. */
  readonly place: Place;
  /** float32 numbers of a slot. */
  readonly count: number;
}

/** Numbers of which every slot has some: as many, a constant distance apart. */
export interface SlotArea {
  /** Those of this rank's first slot. */
  readonly from: Place;
  /** Where those that come into its first slot are put. */
  readonly to: Place;
  /** float32 numbers of a slot. */
  readonly count: number;
  /** Numbers from one slot's to the next one's, of `from` and of `to`. */
  readonly stride: number;
  readonly stagingStride: number;
}

/**
 * Numbers of a layer's slots travel to the slots that will hold the same expert: every slot whose expert is another in the next placement gets the numbers
 * of a slot that holds that expert now (`listSlotMoves`). They are put beside the slots, which stay as they are.
 */
export interface MovesOperation {
  readonly kind: 'moveSlots';
  /** Ranks that take part, ascending. Rank `group[i]` holds slots i x slots to (i + 1) x slots. */
  readonly group: readonly number[];
  /** Slots of each rank. */
  readonly slots: number;
  /** int32 `[group x slots]`: the expert in each slot now and in the next placement, the same on every rank. Read when the operation begins. */
  readonly slotToExpert: Place;
  readonly nextSlotToExpert: Place;
  /** Of each rank's slots those that get numbers: first to end (exclusive). */
  readonly into: { readonly first: number; readonly end: number };
  readonly areas: readonly SlotArea[];
}

/**
 * What a rank's communication lane does when it is asked. All ranks of a group list the same operations at the same positions (only the places
 * differ) and post them in the same order.
 */
export type Operation = RowsOperation | PartsOperation | ReplicasOperation | MovesOperation;

/** Numbers of a cache line, on which parts begin. */
const ALIGNMENT = 16;

/** First number of part `index` of `count` numbers cut into `parts`, and the one after its last. */
export function partBounds(
  count: number,
  parts: number,
  index: number,
): { readonly first: number; readonly end: number } {
  const size = Math.ceil(count / parts / ALIGNMENT) * ALIGNMENT;
  return { first: Math.min(count, index * size), end: Math.min(count, (index + 1) * size) };
}

/**
 * From how many rows each rank sends to each slot of this rank, where the rows of each slot begin.
 *
 * @param counts int32 `[group, slots]`
 * @param slotOffsets int32 `[slots + 1]`, which is filled
 */
export function layOutExpertRows(counts: Int32Array, slotOffsets: Int32Array): void {
  const slots = slotOffsets.length - 1;
  slotOffsets.fill(0);
  for (let index = 0; index < counts.length; index++) slotOffsets[(index % slots) + 1] += counts[index];
  for (let slot = 0; slot < slots; slot++) slotOffsets[slot + 1] += slotOffsets[slot];
}

/**
 * First row, on the experts' side, of the rows that the rank at position `source` of the group has for `slot`.
 *
 * @param counts int32 `[group, slots]`
 * @param slotOffsets int32 `[slots + 1]`
 */
export function firstExpertRow(counts: Int32Array, slotOffsets: Int32Array, source: number, slot: number): number {
  const slots = slotOffsets.length - 1;
  let row = slotOffsets[slot];
  for (let earlier = 0; earlier < source; earlier++) row += counts[earlier * slots + slot];
  return row;
}

/** Adds the parts up, first to last, into `target`, which may be one of them. */
export function sumInOrder(parts: readonly Float32Array[], target: Float32Array): void {
  for (let index = 0; index < target.length; index++) {
    let sum = parts[0][index];
    for (let part = 1; part < parts.length; part++) sum = Math.fround(sum + parts[part][index]);
    target[index] = sum;
  }
}
