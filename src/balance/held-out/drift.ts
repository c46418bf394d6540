import { createRandom, shuffleNumbers } from '../../base/index.js';
import { type ExpertLoads, mergeWindows, shareTokens } from '../loads.js';

/** With fewer windows, chance alone brings them into any order. */
const LEAST_WINDOWS = 5;
const MOST_WINDOWS = 32;
const PERMUTATIONS = 199;
const LEAST_CHANCE = 0.05;

/**
 * Whether windows that lie far apart differ more than windows that lie near each other: loads then change while they are
 * recorded, and those to come will differ more again. Mantel's test (N. Mantel, "The detection of disease clustering and a
 * generalized regression approach", Cancer Research 1967): the distances of windows, as shares of tokens, against how far
 * apart they are, which fewer than one in twenty random orders of the windows may match. More than 32 windows are summed in
 * blocks.
 */
export function isDrifting(loads: ExpertLoads, seed: number): boolean {
  if (loads.windows < LEAST_WINDOWS) return false;
  const merged = mergeWindows(loads, MOST_WINDOWS);
  const { windows } = merged;
  const distances = measureDistances(merged);
  const trendOf = (order: readonly number[]): number => {
    let trend = 0;
    for (let a = 0; a < windows; a++) {
      for (let b = 0; b < a; b++) trend += Math.abs(order[a] - order[b]) * distances[a * windows + b];
    }
    return trend;
  };
  const observed = trendOf(Array.from({ length: windows }, (_, window) => window));
  const random = createRandom(seed, 'drift');
  let asLarge = 1;
  for (let i = 0; i < PERMUTATIONS; i++) if (trendOf(shuffleNumbers(windows, random)) >= observed) asLarge += 1;
  return asLarge / (PERMUTATIONS + 1) <= LEAST_CHANCE;
}

/** `[windows, windows]`: the share of tokens that other experts got, summed over layers. */
function measureDistances(loads: ExpertLoads): Float64Array {
  const { windows, layers, experts, counts: shares } = shareTokens(loads);
  const size = layers * experts;
  const distances = new Float64Array(windows * windows);
  for (let a = 0; a < windows; a++) {
    for (let b = 0; b < a; b++) {
      let distance = 0;
      for (let i = 0; i < size; i++) distance += Math.abs(shares[a * size + i] - shares[b * size + i]);
      distances[a * windows + b] = distance;
    }
  }
  return distances;
}
