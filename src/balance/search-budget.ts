import type { SearchLimits } from './refine.js';

/** How much work a search may do, for each layer. */
export interface SearchBudget {
  /** Steps of a layer's search; with these alone, the same seed gives the same placement. Default 500. */
  readonly iterations?: number | undefined;
  /** Or a time for each layer, by the given clock: what is found then depends on the machine. */
  readonly time?: { readonly milliseconds: number; readonly now: () => number } | undefined;
}

const DEFAULT_ITERATIONS = 500;

/** Limits for the search of a layer, counted from now. */
export function startLimits({ iterations, time }: SearchBudget): SearchLimits {
  if (time === undefined) return { iterations: iterations ?? DEFAULT_ITERATIONS, isOver: () => false };
  const end = time.now() + time.milliseconds;
  return { iterations: iterations ?? Number.POSITIVE_INFINITY, isOver: () => time.now() >= end };
}
