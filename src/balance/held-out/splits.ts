import { createRandom, type Random, shuffleNumbers } from '../../base/index.js';
import type { ExpertLoads } from '../loads.js';
import { isDrifting } from './drift.js';

/** Windows that a search sees, and others that judge what it found. */
export interface Split {
  readonly search: readonly number[];
  readonly judge: readonly number[];
}

/** How windows are held out. */
export interface Splits {
  /** Every window judges once, each part of the windows in turn. */
  readonly turns: readonly Split[];
  /** Where loads drift: the earlier windows search and the later ones judge, as it will be. Else empty. */
  readonly ahead: readonly Split[];
}

/**
 * Divides the windows of a recording, of which there are two or more, into `folds` parts (or as many as there are windows):
 * of neighbours each goes to another part, in an order that the seed draws, so that neither a trend nor a period puts what is
 * alike into one part. Where windows follow each other in time (`isTimed`) and loads drift, it also splits them in order.
 */
export function planSplits(
  loads: ExpertLoads,
  { folds, isTimed, seed }: { readonly folds: number; readonly isTimed: boolean; readonly seed: number },
): Splits {
  const { windows } = loads;
  const parts = dealWindows(windows, Math.min(windows, folds), createRandom(seed, 'folds'));
  const all = Array.from({ length: windows }, (_, window) => window);
  const turns = parts.map((judge) => ({ search: all.filter((window) => !judge.includes(window)), judge }));
  if (!isTimed || !isDrifting(loads, seed)) return { turns, ahead: [] };
  const cuts = [...new Set([Math.floor(windows / 2), Math.floor((windows * 3) / 4)])];
  return { turns, ahead: cuts.map((cut) => ({ search: all.slice(0, cut), judge: all.slice(cut) })) };
}

function dealWindows(windows: number, parts: number, random: Random): number[][] {
  const dealt: number[][] = Array.from({ length: parts }, () => []);
  for (let first = 0; first < windows; first += parts) {
    const order = shuffleNumbers(parts, random);
    for (let i = 0; i < parts && first + i < windows; i++) dealt[order[i]].push(first + i);
  }
  return dealt;
}
