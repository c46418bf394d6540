import type { ExpertLoads } from '../../balance/index.js';
import { keepWindows, plural } from './recorded-loads.js';

const leastWindows = 3;
const leastTokens = 256;

/** What was found at the start that looks like warm-up, as a line for a person. */
interface Trimmed<T> {
  readonly kept: T;
  readonly notes: readonly string[];
}

/**
 * Windows at the start that are equal to each other, but not 0, are the warm-up of an engine that computes the same dummy tokens again and again: three or more
 * are reported, and left out if `trimWarmup`. Windows that are all equal stay.
 */
export function trimWarmupWindows(loads: ExpertLoads, trimWarmup: boolean): Trimmed<ExpertLoads> {
  const size = loads.layers * loads.experts;
  const isSameAsFirst = (window: number) => {
    for (let next = 0; next < size; next++) if (loads.counts[window * size + next] !== loads.counts[next]) return false;
    return true;
  };
  let same = 1;
  while (same < loads.windows && isSameAsFirst(same)) same += 1;
  if (same < leastWindows || !loads.counts.subarray(0, size).some((count) => count > 0))
    return { kept: loads, notes: [] };
  if (same === loads.windows) return { kept: loads, notes: [`all ${plural(same, 'window')} are the same`] };
  const found = `the first ${plural(same, 'window')} are the same`;
  if (!trimWarmup) return { kept: loads, notes: [`${found}: warm-up? --trim-warmup leaves them out`] };
  return {
    kept: keepWindows(loads, (window) => window >= same),
    notes: [`${found}: left out as warm-up`],
  };
}

/** What one token chose in one layer. */
export interface RoutedToken {
  readonly experts: readonly number[];
  /** Whether all weights are equal: a router does that for no real token. */
  readonly isUniform: boolean;
}

/**
 * How many tokens at the start look like warm-up: runs of 256 or more that chose the same experts, or with equal weights. An engine profiles with the same
 * dummy token for each batch size in turn, so one run may follow another.
 */
export function countWarmupTokens(tokens: readonly RoutedToken[]): number {
  let start = 0;
  for (;;) {
    const end = endOfRun(tokens, start);
    if (end - start < leastTokens) return start;
    start = end;
  }
}

function endOfRun(tokens: readonly RoutedToken[], start: number): number {
  const first = tokens[start];
  if (first === undefined) return start;
  const key = keyOf(first);
  let same = start;
  while (same < tokens.length && keyOf(tokens[same]!) === key) same += 1;
  let uniform = start;
  while (tokens[uniform]?.isUniform) uniform += 1;
  return Math.max(same, uniform);
}

/** The order of a token's experts says nothing about its load. */
function keyOf({ experts }: RoutedToken): string {
  return [...experts].sort((a, b) => a - b).join();
}
