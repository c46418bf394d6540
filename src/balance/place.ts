import { createRandom, InputError } from '../base/index.js';
import { boundByMean, boundBySlots } from './bounds.js';
import { rebalanceExperts } from './deepseek.js';
import { createHierarchicalPlacer, createSite, type Site } from './hierarchy.js';
import { checkLoads, type ExpertLoads, sumWindows } from './loads.js';
import type { Machine } from './machine.js';
import { measureLargestLoads } from './measure.js';
import { isClose, type LayerSearch, type PlacedLayer, placeLayer } from './place-layer.js';
import { placeForWindows } from './place-windows.js';
import type { Placement } from './placement.js';
import { type SearchBudget, startLimits } from './search-budget.js';
import type { TrafficWeight } from './traffic.js';
import type { PlacementObjective } from './windowed-state.js';

/** Who decides where experts go: DeepSeek's EPLB to the bit, or our own search. */
export type PlacementPolicy = 'best' | 'deepseek';

/** Whether each group of experts stays on one node. */
export type PlacementStrategy = 'global' | 'hierarchical';

export interface PlaceOptions extends SearchBudget {
  /** Default 'best'. */
  readonly policy?: PlacementPolicy | undefined;
  /** Groups of neighbouring experts (`n_group` of a DeepSeek model). Default 1. */
  readonly groups?: number | undefined;
  /** Default 'auto': both, and hierarchical where that costs less than 1% of the largest GPU loads. */
  readonly strategy?: PlacementStrategy | 'auto' | undefined;
  /** What is made small where there are several windows. Default 'sum'. DeepSeek's policy knows nothing else. */
  readonly objective?: PlacementObjective | undefined;
  /** Default 0. */
  readonly seed?: number | undefined;
  /** Trades balance for fewer nodes a token. */
  readonly traffic?: TrafficWeight | undefined;
  /** Called after each layer of a search, of which there may be several. */
  readonly onLayer?: ((done: number, layers: number) => void) | undefined;
}

/** Where experts go, and how good that is for the sum of the windows. */
export interface PlacedExperts {
  readonly placement: Placement;
  readonly strategy: PlacementStrategy;
  /** Why this strategy: a clause for a person. */
  readonly reason: string;
  /** `[layers]`: the largest GPU load (tokens over speed) of all windows together. */
  readonly maxGpuLoad: Float64Array;
  /** `[layers]`: no placement has a smaller one; equal to it where that is proven. */
  readonly lowerBound: Float64Array;
}

/** So much more load on the most loaded GPU is worth that each group stays on one node. */
const HIERARCHY_WORTH = 0.01;
/** The search is content within this of the lower bound. */
const TOLERANCE = 5e-4;

/**
 * Places experts on a machine's GPUs so that the most loaded GPU has little: see `placeLayer` for the search,
 * `HierarchicalPlacer` for groups and nodes, and `placeForWindows` for several windows and for traffic. With the policy
 * 'best', no layer is worse by the objective than with DeepSeek's policy, on these loads and on the same machine (where
 * GPUs are alike, which that needs), unless `traffic` asks for something else. On other loads either may be the better.
 *
 * Throws `InputError` for loads that are none, fewer slots than experts, sizes that do not divide, and a machine that DeepSeek's policy cannot treat.
 */
export function placeExperts(loads: ExpertLoads, machine: Machine, options: PlaceOptions = {}): PlacedExperts {
  checkLoads(loads);
  requireRoom(loads, machine);
  const pooled = sumWindows(loads);
  if (options.policy === 'deepseek') return placeDeepSeek(pooled, machine, options.groups ?? 1);
  const rival = isPlain(machine) ? rivalPlacement(pooled, machine, options.groups ?? 1) : undefined;
  return chooseStrategy(machine, options, (strategy) => {
    const placed = placeBest(pooled, machine, { ...options, strategy }, rival);
    const { objective = 'sum', traffic } = options;
    const needsWindows = loads.windows > 1 && objective !== 'sum';
    if (!needsWindows && traffic === undefined) return placed;
    const better = placeForWindows(loads, pooled, machine, { ...options, objective, strategy }, placed, rival);
    return { ...better, lowerBound: boundLayers(pooled, machine, better.maxGpuLoad) };
  });
}

/** `[layers]`: a lower bound of each layer's largest GPU load, given one that was reached. */
export function boundLayers(loads: ExpertLoads, machine: Machine, reached: Float64Array): Float64Array {
  const { problem } = createSite(machine, 0, machine.gpus, loads.experts).state;
  return Float64Array.from(reached, (largest, layer) => {
    problem.load.set(loads.counts.subarray(layer * loads.experts, (layer + 1) * loads.experts));
    const bound = isClose(boundByMean(problem), largest) ? largest : boundBySlots(problem, largest);
    return isClose(bound, largest) ? largest : bound;
  });
}

function requireRoom({ experts }: ExpertLoads, machine: Machine): void {
  const { slotOf } = createSite(machine, 0, machine.gpus, experts);
  if (slotOf.length >= experts) return;
  throw new InputError({
    what: `${slotOf.length} slots cannot hold ${experts} experts`,
    mend: `use ${experts} slots or more on the GPUs that are not excluded`,
  });
}

/** Whether all GPUs are used and alike, as DeepSeek's policy needs. */
export function isPlain({ slotStarts, isUsed, speeds }: Machine): boolean {
  const slots = slotStarts[1]!;
  return (
    isUsed.every((used) => used === 1) &&
    speeds.every((speed) => speed === speeds[0]) &&
    slotStarts.every((start, gpu) => start === gpu * slots)
  );
}

function rivalPlacement({ layers, experts, counts }: ExpertLoads, machine: Machine, groups: number): Int32Array {
  const { slots, nodes, gpus } = machine;
  const isGrouped = groups % nodes === 0 && experts % groups === 0;
  const shape = { layers, experts, slots, gpus, ...(isGrouped ? { groups, nodes } : { groups: 1, nodes: 1 }) };
  const canHold = (slots / shape.nodes) % 1 === 0;
  return rebalanceExperts(counts, canHold ? shape : { ...shape, groups: 1, nodes: 1 }).physicalToLogical;
}

function placeDeepSeek(pooled: ExpertLoads, machine: Machine, groups: number): PlacedExperts {
  if (!isPlain(machine)) {
    throw new InputError({
      what: "DeepSeek's policy needs GPUs that are all used and alike",
      mend: 'use --policy best with excluded GPUs, speeds or uneven slots',
    });
  }
  const { layers, experts, counts } = pooled;
  const { slots, nodes, gpus } = machine;
  const { physicalToLogical } = rebalanceExperts(counts, { layers, experts, slots, groups, nodes, gpus });
  const placement = { layers, experts, slots, physicalToLogical };
  const isHierarchical = groups % nodes === 0 && nodes > 1;
  const maxGpuLoad = measureLargestLoads(placement, pooled, machine);
  return {
    placement,
    strategy: isHierarchical ? 'hierarchical' : 'global',
    reason: isHierarchical ? `${nodes} nodes divide ${groups} groups` : describeGlobal(groups, nodes),
    maxGpuLoad,
    lowerBound: boundLayers(pooled, machine, maxGpuLoad),
  };
}

function describeGlobal(groups: number, nodes: number): string {
  if (nodes === 1) return 'there is one node';
  return groups === 1 ? 'there is one group' : `${groups} groups do not divide by ${nodes} nodes`;
}

type Place = (strategy: PlacementStrategy) => Omit<PlacedExperts, 'strategy' | 'reason'>;

function chooseStrategy(
  machine: Machine,
  { strategy = 'auto', groups = 1 }: PlaceOptions,
  place: Place,
): PlacedExperts {
  const { nodes } = machine;
  if (strategy !== 'auto') return { ...place(strategy), strategy, reason: 'asked for' };
  if (nodes === 1 || groups === 1 || groups % nodes !== 0)
    return { ...place('global'), strategy: 'global', reason: describeGlobal(groups, nodes) };
  const global = place('global');
  let hierarchical: ReturnType<Place>;
  try {
    hierarchical = place('hierarchical');
  } catch (error) {
    // A node has too few slots for its groups, or they do not divide the experts.
    if (!(error instanceof InputError)) throw error;
    return { ...global, strategy: 'global', reason: error.problem.what };
  }
  const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
  const excess = sum(hierarchical.maxGpuLoad) / (sum(global.maxGpuLoad) || 1) - 1;
  const text = `largest GPU loads ${(100 * Math.abs(excess)).toFixed(2)}% ${excess < 0 ? 'below' : 'above'} global's`;
  return excess <= HIERARCHY_WORTH
    ? { ...hierarchical, strategy: 'hierarchical', reason: `${text}, and each group of experts stays on one node` }
    : { ...global, strategy: 'global', reason: `hierarchical would have its ${text}` };
}

function placeBest(
  pooled: ExpertLoads,
  machine: Machine,
  options: PlaceOptions & { readonly strategy: PlacementStrategy },
  rival: Int32Array | undefined,
): Omit<PlacedExperts, 'strategy' | 'reason'> {
  const { layers, experts, counts } = pooled;
  const { slots } = machine;
  const place = createLayerPlacer(machine, experts, options);
  const physicalToLogical = new Int32Array(layers * slots);
  const maxGpuLoad = new Float64Array(layers);
  const lowerBound = new Float64Array(layers);
  for (let layer = 0; layer < layers; layer++) {
    const ofRival = rival?.subarray(layer * slots, (layer + 1) * slots);
    const placed = place(counts.subarray(layer * experts, (layer + 1) * experts), {
      limits: startLimits(options),
      tolerance: TOLERANCE,
      random: createRandom(options.seed ?? 0, 'balance', layer),
      ...(ofRival === undefined ? {} : { rival: ofRival }),
    });
    physicalToLogical.set(placed.expertOf, layer * slots);
    maxGpuLoad[layer] = placed.largest;
    lowerBound[layer] = placed.lowerBound;
    options.onLayer?.(layer + 1, layers);
  }
  return { placement: { layers, experts, slots, physicalToLogical }, maxGpuLoad, lowerBound };
}

type LayerPlacer = (load: Float64Array, search: LayerSearch) => PlacedLayer;

function createLayerPlacer(
  machine: Machine,
  experts: number,
  { strategy, groups = 1 }: { readonly strategy: PlacementStrategy; readonly groups?: number | undefined },
): LayerPlacer {
  if (strategy === 'hierarchical') return createHierarchicalPlacer(machine, experts, groups).place;
  const site = createSite(machine, 0, machine.gpus, experts);
  return (load, search) => placeOnSite(site, machine, load, search);
}

function placeOnSite({ state, slotOf }: Site, machine: Machine, load: Float64Array, search: LayerSearch): PlacedLayer {
  state.problem.load.set(load);
  const placed = placeLayer(state, search);
  const expertOf = new Int32Array(machine.slots).fill(-1);
  for (const [i, slot] of slotOf.entries()) expertOf[slot] = placed.expertOf[i]!;
  return { ...placed, expertOf };
}
