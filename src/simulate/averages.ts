/** Times by name, over the steps of a run. */
export interface Averages {
  /** Adds a time of the step under way. */
  readonly add: (name: string, seconds: number) => void;
  readonly endStep: () => void;
  /** The median over steps of the mean in each; 0 for a name that no step has. */
  readonly typical: (name: string) => number;
}

export function createAverages(): Averages {
  const sums = new Map<string, { sum: number; count: number }>();
  const means = new Map<string, number[]>();
  return {
    add: (name, seconds) => {
      const entry = sums.get(name);
      if (entry === undefined) {
        sums.set(name, { sum: seconds, count: 1 });
        return;
      }
      entry.sum += seconds;
      entry.count++;
    },
    endStep: () => {
      for (const [name, { sum, count }] of sums) {
        const list = means.get(name) ?? [];
        means.set(name, list);
        list.push(sum / count);
      }
      sums.clear();
    },
    typical: (name) => median(means.get(name) ?? []),
  };
}

/** The middle value, or the mean of the middle two; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
