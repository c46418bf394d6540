import type { ExpertLoads } from '../../balance/index.js';

/** What the experts of one step got. */
export interface StepLoads {
  /** From 1. */
  readonly step: number;
  /** `[MoE layers, experts]`: tokens, of all ranks together. */
  readonly counts: Int32Array;
}

/** What is counted in a run. */
export interface CountedLoads {
  /** The MoE layers, ascending, by their number among all layers. */
  readonly layers: readonly number[];
  readonly experts: number;
  /** The first steps of the run, which are left out. */
  readonly warmUpSteps: number;
}

/** The loads of the last steps that count. */
export interface LoadWindow extends CountedLoads {
  /** Steps that it holds at most. */
  readonly capacity: number;
  /** Ascending by step; without those that were left out. */
  readonly steps: readonly StepLoads[];
}

/** Fewer steps than this say more about single microbatches than about experts. */
const FEWEST = 16;
/** More do not change a decision, and their memory counts in checkpoints. */
export const MOST_WINDOW_STEPS = 100;
const LONGEST_WARM_UP = 10;

/**
 * The first steps of a run that say nothing about its loads, as the router has not learnt yet and the learning rate still rises: 10, or half of the interval between decisions where
 * that is less, so that the first decision always has steps to look at.
 */
export function countWarmUpSteps(interval: number): number {
  return Math.min(LONGEST_WARM_UP, Math.floor(interval / 2));
}

/** An empty window for a run that decides every `interval` steps (from 1): as many steps as that, but 16 to 100. */
export function createLoadWindow({
  layers,
  experts,
  interval,
}: Pick<LoadWindow, 'layers' | 'experts'> & { readonly interval: number }): LoadWindow {
  const capacity = Math.min(MOST_WINDOW_STEPS, Math.max(FEWEST, interval));
  return { layers, experts, capacity, warmUpSteps: countWarmUpSteps(interval), steps: [] };
}

/**
 * The loads of a step; undefined where it does not count: in the warm-up, and a dead one, in which some layer has no token. `counts` are the step's by absolute layer, `[experts]` each,
 * summed over all ranks. Throws an `Error` for counts of other layers or sizes.
 */
export function countStep(
  { layers, experts, warmUpSteps }: CountedLoads,
  step: number,
  counts: ReadonlyMap<number, readonly number[]>,
): StepLoads | undefined {
  const row = new Int32Array(layers.length * experts);
  let isDead = false;
  for (const [index, layer] of layers.entries()) {
    const own = counts.get(layer);
    if (own?.length !== experts) throw new Error(`step ${step} has no counts of ${experts} experts of layer ${layer}`);
    isDead ||= own.every((count) => count === 0);
    row.set(own, index * experts);
  }
  return isDead || step <= warmUpSteps ? undefined : { step, counts: row };
}

/**
 * The window with one step more, if that counts (`countStep`, which says what `counts` are and what is thrown); the oldest goes where it is full. Steps from this one on that it holds
 * already (before a crash) are replaced.
 */
export function addStep(window: LoadWindow, step: number, counts: ReadonlyMap<number, readonly number[]>): LoadWindow {
  const kept = window.steps.filter((other) => other.step < step);
  const counted = countStep(window, step, counts);
  return { ...window, steps: counted === undefined ? kept : [...kept, counted].slice(-window.capacity) };
}

/** The window as loads, `[steps, layers, experts]`; it must hold a step. */
export function windowLoads({ layers, experts, steps }: LoadWindow): ExpertLoads {
  const size = layers.length * experts;
  const counts = new Float64Array(steps.length * size);
  for (const [index, step] of steps.entries()) counts.set(step.counts, index * size);
  return { windows: steps.length, layers: layers.length, experts, counts };
}

/** `[layers, experts]` each: mean and variance over the window's steps of an expert's tokens in one; 0 of an empty window. */
export function measureWindow({ layers, experts, steps }: LoadWindow): {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
} {
  const size = layers.length * experts;
  const mean = new Float64Array(size);
  const variance = new Float64Array(size);
  const weight = 1 / Math.max(1, steps.length);
  for (const { counts } of steps) for (let i = 0; i < size; i++) mean[i] += counts[i] * weight;
  for (const { counts } of steps) for (let i = 0; i < size; i++) variance[i] += (counts[i] - mean[i]) ** 2 * weight;
  return { mean, variance };
}
