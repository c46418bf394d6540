/** A core of the machine: the numbers of its hardware threads, which share its units, as the system counts them. */
export type Core = readonly number[];

/** The hardware threads that a rank's two lanes keep to; empty lists if there are not enough. */
export interface RankCores {
  readonly compute: readonly number[];
  readonly communication: readonly number[];
}

export interface CoresRequest {
  /** Position among the ranks of this machine. */
  readonly rank: number;
  /** Ranks on this machine. */
  readonly ranks: number;
  readonly computeThreads: number;
  readonly cores: readonly Core[];
}

/**
 * Gives every rank the same number of neighbouring cores, and each of its computing threads a core of its own there. Communication gets the rank's cores that are left,
 * else the second hardware threads of the others, else it shares them. If cores do not suffice, hardware threads count as cores; if those do not, no rank gets any.
 */
export function assignCores({ rank, ranks, computeThreads, cores }: CoresRequest): RankCores {
  const each = Math.floor(cores.length / ranks);
  if (each < computeThreads) {
    const hasMore = cores.some((core) => core.length > 1);
    if (!hasMore) return { compute: [], communication: [] };
    return assignCores({ rank, ranks, computeThreads, cores: cores.flatMap((core) => core.map((thread) => [thread])) });
  }
  const own = cores.slice(rank * each, (rank + 1) * each);
  const compute = own.slice(0, computeThreads).map(([first]) => first!);
  const free = own.slice(computeThreads).flat();
  const siblings = own.flatMap((core) => core.slice(1));
  return { compute, communication: [free, siblings, compute].find((threads) => threads.length > 0)! };
}
