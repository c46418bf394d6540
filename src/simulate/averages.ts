/** Means of times by name. */
export interface Averages {
  readonly add: (name: string, seconds: number) => void;
  /** 0 for a name without times. */
  readonly mean: (name: string) => number;
}

export function createAverages(): Averages {
  const sums = new Map<string, { sum: number; count: number }>();
  return {
    add: (name, seconds) => {
      const entry = sums.get(name) ?? { sum: 0, count: 0 };
      sums.set(name, entry);
      entry.sum += seconds;
      entry.count++;
    },
    mean: (name) => {
      const { sum, count } = sums.get(name) ?? { sum: 0, count: 1 };
      return sum / count;
    },
  };
}

/** The middle value, or the mean of the middle two; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
