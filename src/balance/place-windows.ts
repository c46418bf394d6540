import { createRandom } from '../base/index.js';
import { anneal, type Constraints } from './anneal.js';
import type { ExpertLoads } from './loads.js';
import type { Machine } from './machine.js';
import { measureLargestLoads } from './measure.js';
import type { Placement } from './placement.js';
import { type SearchBudget, startLimits } from './search-budget.js';
import type { TrafficWeight } from './traffic.js';
import { createWindowedLayers } from './windowed-layers.js';
import { objectiveOf, type PlacementObjective, setWindowedPlacement, type WindowedState } from './windowed-state.js';

/** A placement, and its rows' largest GPU loads over all windows together. */
export interface WindowedStart {
  readonly placement: Placement;
  /** `[layers]`. */
  readonly maxGpuLoad: Float64Array;
}

export interface WindowedOptions extends SearchBudget {
  readonly objective: PlacementObjective;
  readonly traffic?: TrafficWeight | undefined;
  readonly seed?: number | undefined;
  readonly strategy: 'global' | 'hierarchical';
  readonly onLayer?: ((done: number, layers: number) => void) | undefined;
}

/** Each costs more than for one window. */
const WINDOWED_ITERATIONS = 250;

/**
 * Improves a placement for several windows, or for traffic, by annealing each layer: makes the objective small, plus what
 * split pairs of experts cost. It starts from `start` or from `rival` (`[layers, slots]`), and is never worse than either
 * by that objective (but for traffic).
 */
export function placeForWindows(
  loads: ExpertLoads,
  pooled: ExpertLoads,
  machine: Machine,
  options: WindowedOptions,
  start: WindowedStart,
  rival: Int32Array | undefined,
): WindowedStart {
  const { layers, slots } = start.placement;
  const { objective, traffic, strategy, seed = 0 } = options;
  const opened = createWindowedLayers(loads, machine, {
    objective,
    keepsNodes: strategy === 'hierarchical',
    traffic,
  });
  const physicalToLogical = start.placement.physicalToLogical.slice();
  for (let layer = 0; layer < layers; layer++) {
    const range = [layer * slots, (layer + 1) * slots] as const;
    const own = opened.toSite(physicalToLogical.subarray(...range));
    const { state, constraints } = opened.open(layer, own);
    const others = rival === undefined ? [own] : [own, opened.toSite(rival.subarray(...range))];
    if (rival !== undefined) takeBetter(state, constraints, own, others[1]!);
    const limits = startLimits({ ...options, iterations: options.iterations ?? iterationsBy(options) });
    anneal(state, constraints, limits, createRandom(seed, 'windows', layer));
    if (traffic === undefined) keepLeast(state, others);
    physicalToLogical.set(opened.toMachine(state.expertOf), range[0]);
    options.onLayer?.(layer + 1, layers);
  }
  const placement = { ...start.placement, physicalToLogical };
  const maxGpuLoad = measureLargestLoads(placement, pooled, machine);
  return { placement, maxGpuLoad };
}

function iterationsBy({ time }: SearchBudget): number | undefined {
  return time === undefined ? WINDOWED_ITERATIONS : undefined;
}

/** Goes on from the other placement if that is better and has no expert twice on a GPU. */
function takeBetter(state: WindowedState, { affinity }: Constraints, own: Int32Array, other: Int32Array): void {
  const cost = (): number => objectiveOf(state) + (affinity?.cost() ?? 0);
  const set = (expertOf: Int32Array): void => {
    setWindowedPlacement(state, expertOf);
    affinity?.set(expertOf);
  };
  const ownCost = cost();
  set(other);
  if (cost() >= ownCost || state.held.some((count) => count > 1)) set(own);
}

/** Goes back to one of the others where the search, which lowers the smooth objective, ended above it. */
function keepLeast(state: WindowedState, others: readonly Int32Array[]): void {
  let best: Int32Array = state.expertOf.slice();
  let least = objectiveOf(state);
  for (const other of others) {
    setWindowedPlacement(state, other);
    if (objectiveOf(state) >= least * (1 - 1e-12)) continue;
    least = objectiveOf(state);
    best = other;
  }
  setWindowedPlacement(state, best);
}
