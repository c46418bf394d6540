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

/** Rows that belong together: of the tokens' rank (sorted by expert) and of the experts' rank (by expert, then by the rank they came from). */
export interface RowsTensor {
  readonly tokenSide: Place;
  readonly expertSide: Place;
  readonly rowBytes: number;
}

/** An all-to-all of exactly the rows that are needed, between tokens and the experts that they chose. */
export interface RowsOperation {
  readonly kind: 'rows';
  /** Ranks that take part, ascending. Rank `group[i]` holds experts i x experts to (i + 1) x experts. */
  readonly group: readonly number[];
  readonly direction: 'toExperts' | 'toTokens';
  /** The experts' side learns first how many rows come, and writes `counts` and `expertOffsets`; later operations of the same rows read them. */
  readonly exchangesCounts: boolean;
  /** Experts of each rank. */
  readonly experts: number;
  /** int32 `[group x experts + 1]`: rows of this rank's tokens for each expert. */
  readonly tokenOffsets: Place;
  /** int32 `[group, experts]`: rows that each rank of the group has for each expert of this rank. */
  readonly counts: Place;
  /** int32 `[experts + 1]`: rows of each expert of this rank. */
  readonly expertOffsets: Place;
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
 * What a rank's communication lane does when it is asked. All ranks of a group list the same operations at the same positions (only the places
 * differ) and post them in the same order.
 */
export type Operation = RowsOperation | PartsOperation;

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
 * From how many rows each rank sends to each expert of this rank, where the rows of each expert begin.
 *
 * @param counts int32 `[group, experts]`
 * @param expertOffsets int32 `[experts + 1]`, which is filled
 */
export function layOutExpertRows(counts: Int32Array, expertOffsets: Int32Array): void {
  const experts = expertOffsets.length - 1;
  expertOffsets.fill(0);
  for (let index = 0; index < counts.length; index++) expertOffsets[(index % experts) + 1] += counts[index];
  for (let expert = 0; expert < experts; expert++) expertOffsets[expert + 1] += expertOffsets[expert];
}

/**
 * First row, on the experts' side, of the rows that the rank at position `source` of the group has for `expert`.
 *
 * @param counts int32 `[group, experts]`
 * @param expertOffsets int32 `[experts + 1]`
 */
export function firstExpertRow(counts: Int32Array, expertOffsets: Int32Array, source: number, expert: number): number {
  const experts = expertOffsets.length - 1;
  let row = expertOffsets[expert];
  for (let earlier = 0; earlier < source; earlier++) row += counts[earlier * experts + expert];
  return row;
}
