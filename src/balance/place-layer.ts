import type { Random } from '../base/index.js';
import { boundByMean, boundBySlots } from './bounds.js';
import { isUniform, searchExactly } from './exact.js';
import {
  countDuplicates,
  type LayerProblem,
  type LayerState,
  largestTime,
  refreshGpus,
  setPlacement,
} from './layer-state.js';
import { countDuplicateSlots } from './measure.js';
import { packReplicas, separateDuplicates } from './pack.js';
import { descend, type SearchLimits, searchAround } from './refine.js';
import { replicateExperts } from './replicate.js';

/** A placed layer. */
export interface PlacedLayer {
  /** `[slots]`. */
  readonly expertOf: Int32Array;
  /** The largest time of a GPU. */
  readonly largest: number;
  /** No placement has a smaller largest time; equal to `largest` where that is proven to be the optimum. */
  readonly lowerBound: number;
}

/** What bounds the search of a layer. */
export interface LayerSearch {
  readonly limits: SearchLimits;
  /** The search is content with this much above the lower bound, relative. */
  readonly tolerance: number;
  readonly random: Random;
  /** Another placement `[slots]`; the result is never worse. */
  readonly rival?: Int32Array;
}

/**
 * Places one layer so that its largest time is small: replicas by greatest share, packed largest first, then exchanges, then kicks of both until the lower bound is met
 * within the tolerance or the limits end the search; for small layers, an exhaustive search proves the optimum or finds it. Two replicas of an expert lie on one GPU
 * only where the slots leave no other way, or where `rival` has them there and no placement as good was found without.
 * The state's arrays are used for the work, and hold the placement at the end.
 */
export function placeLayer(state: LayerState, search: LayerSearch): PlacedLayer {
  const { problem, count, share } = state;
  const { limits, tolerance, random, rival } = search;
  const mean = boundByMean(problem);
  replicateExperts(problem, count, share);
  packReplicas(state);
  refreshGpus(state);
  descend(state, mean * (1 + tolerance), limits);
  let bound = mean;
  if (largestTime(state) > mean * (1 + tolerance)) {
    bound = boundBySlots(problem, largestTime(state));
    searchAround(state, bound * (1 + tolerance), limits, random);
  }
  if (isSmall(problem)) bound = provePlacement(state, bound);
  if (rival !== undefined) keepRival(state, rival, search);
  setPlacement(state, state.expertOf);
  const largest = largestTime(state);
  // A proof is up to rounding, by which the rival may still have been better.
  const lowerBound = isClose(bound, largest) ? largest : Math.min(bound, largest);
  return { expertOf: state.expertOf.slice(), largest, lowerBound };
}

/** Rounding of sums in another order. */
export function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b));
}

const MOST_EXACT_SLOTS = 40;
const EXACT_NODES = 50_000;

function isSmall(problem: LayerProblem): boolean {
  return problem.slots <= MOST_EXACT_SLOTS && isUniform(problem);
}

/** Takes better placements as long as the exhaustive search finds some. Gives the optimum, if that is proven, else `bound`. */
function provePlacement(state: LayerState, bound: number): number {
  const { problem } = state;
  for (;;) {
    const largest = largestTime(state);
    if (isClose(bound, largest)) return largest;
    const result = searchExactly(problem, largest * (1 - 1e-9), { nodes: EXACT_NODES, allowDuplicates: true });
    if (result.outcome === 'impossible') return largest;
    if (result.outcome === 'unknown') return bound;
    const found = hasDuplicates(problem, result.expertOf)
      ? searchExactly(problem, largest * (1 - 1e-9), { nodes: EXACT_NODES, allowDuplicates: false })
      : result;
    if (found.outcome !== 'found') return bound;
    setPlacement(state, found.expertOf);
  }
}

function hasDuplicates(problem: LayerProblem, physicalToLogical: Int32Array): boolean {
  const { experts, slots } = problem;
  return countDuplicateSlots({ layers: 1, experts, slots, physicalToLogical }, problem) > 0;
}

/** Goes on from the rival where it is better: without its duplicates if that can be made as good, else as it is. */
function keepRival(state: LayerState, rival: Int32Array, { limits, tolerance, random }: LayerSearch): void {
  const own = state.expertOf.slice();
  setPlacement(state, own);
  const ownLargest = largestTime(state);
  const ownDuplicates = countDuplicates(state);
  setPlacement(state, rival);
  const rivalLargest = largestTime(state);
  // Equal but for rounding is equal.
  if (rivalLargest >= ownLargest * (1 - 1e-12)) {
    setPlacement(state, own);
    return;
  }
  separateDuplicates(state);
  const target = rivalLargest * (1 - tolerance);
  // A budget of time has no end of steps: the search would not end where duplicates are needed to be as good.
  const steps = Number.isFinite(limits.iterations) ? limits.iterations : 0;
  const more = { iterations: Math.max(steps, MIN_ITERATIONS), isOver: () => false };
  descend(state, target, more);
  if (largestTime(state) > rivalLargest) searchAround(state, rivalLargest, more, random);
  if (largestTime(state) <= rivalLargest && countDuplicates(state) <= ownDuplicates) return;
  setPlacement(state, rival);
}

/** So many steps are taken to be as good as the rival without its duplicates, whatever the budget. */
const MIN_ITERATIONS = 200;
