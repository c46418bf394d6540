/** The slots in which a rank counted tokens. */
export interface CountedSlots {
  readonly rank: number;
  readonly first: number;
  readonly last: number;
}

/**
 * How many ranks there are, where each counted only its own slots, so that rank r of n has the r-th of n equal parts of
 * them; 0 where they counted others too. A rank that counted nothing tells nothing.
 */
export function countRanks(counted: readonly CountedSlots[], slots: number): number {
  const known = counted.filter(({ first, last }) => first <= last);
  // Rank 0 alone has its part whatever the number of parts.
  if (!known.some(({ rank }) => rank > 0)) return 0;
  const least = Math.max(...counted.map(({ rank }) => rank)) + 1;
  for (let ranks = Math.max(least, 2); ranks <= slots; ranks++) {
    if (slots % ranks !== 0) continue;
    const each = slots / ranks;
    if (known.every(({ rank, first, last }) => first >= rank * each && last < (rank + 1) * each)) return ranks;
  }
  return 0;
}
