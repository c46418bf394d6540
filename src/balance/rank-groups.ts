/** A list in the order of the ranks, cut into the ranks that share the experts of one pipeline rank. */
export function cutGroups(byRank: readonly number[], expert: number): number[][] {
  const starts = Array.from({ length: byRank.length / expert }, (_, group) => group * expert);
  return starts.map((first) => byRank.slice(first, first + expert));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/**
 * The slowest rank over the mean: of each pipeline rank's expert ranks the largest, added up over pipeline ranks and `lists`, over the mean; 1 where nobody did
 * anything.
 *
 * @param lists what each rank did, by rank: a list a step
 * @param expert ranks that share experts
 */
export function measureImbalance(lists: readonly (readonly number[])[], expert: number): number {
  const groups = lists.flatMap((byRank) => cutGroups(byRank, expert));
  const mean = sum(groups.map(sum)) / expert;
  return mean === 0 ? 1 : sum(groups.map((group) => Math.max(...group))) / mean;
}

/** What each rank did over the mean of those that it shares experts with, by rank; 0 where none of them did anything. */
export function divideByGroupMeans(byRank: readonly number[], expert: number): number[] {
  return cutGroups(byRank, expert).flatMap((group) => group.map((value) => (value * expert) / (sum(group) || 1)));
}
