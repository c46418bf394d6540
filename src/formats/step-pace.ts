/** Steps by which the pace of a run is told. */
const recentSteps = 30;

/**
 * Seconds that a step of a run takes, by its last 30: the mean of their middle half, so that neither a slow first step
 * nor one beside a busy neighbour changes what is to be expected. 0 of a run without a step.
 */
export function paceOf(history: readonly { readonly seconds: number }[]): number {
  const sorted = history
    .slice(-recentSteps)
    .map(({ seconds }) => seconds)
    .sort((a, b) => a - b);
  if (sorted.length === 0) return 0;
  const outside = Math.min(Math.ceil(sorted.length / 4), (sorted.length - 1) >> 1);
  const middle = sorted.slice(outside, sorted.length - outside);
  return middle.reduce((sum, seconds) => sum + seconds, 0) / middle.length;
}
