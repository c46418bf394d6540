import { type ExpertLoads, sumWindows, type TokenRoutes } from './loads.js';
import type { Machine } from './machine.js';
import { countReplicas } from './measure.js';
import { gapOf, type Measurement, measurePlacement } from './measure-placement.js';
import type { MoveCost } from './migrate.js';
import { type Migration, migratePlacement } from './migrate-placement.js';
import {
  boundLayers,
  type PlacedExperts,
  type PlacementPolicy,
  type PlacementStrategy,
  placeExperts,
} from './place.js';
import { type Placement, placeInOrderOn } from './placement.js';
import type { SearchBudget } from './search-budget.js';
import { judgeMoves, type MoveVerdict } from './verdict.js';
import type { RobustObjective } from './windowed-state.js';

/** What is to be placed, where and how. Plain data, which threads can post. */
export interface BalanceRequest {
  readonly loads: ExpertLoads;
  readonly machine: Machine;
  /** Which experts single tokens chose; with a weight, fewer nodes a token are worth load (see `TrafficWeight`). */
  readonly traffic?: { readonly routes: TokenRoutes; readonly weight?: number | undefined } | undefined;
  /** The placement now, from which replicas move; it has the layers and slots of loads and machine. */
  readonly current?: Placement | undefined;
  /** What was in force when the loads were recorded: the placement before, where there is none now and its sizes fit. */
  readonly recorded?: Placement | undefined;
  readonly policy: PlacementPolicy;
  readonly strategy: PlacementStrategy | 'auto';
  readonly groups: number;
  readonly robust?: RobustObjective | undefined;
  readonly seed: number;
  /** Steps of the search of each layer, or a time for it; see `SearchBudget`. */
  readonly iterations?: number | undefined;
  readonly budgetMilliseconds?: number | undefined;
  /** Replicas that may move. */
  readonly mostMoves?: number | undefined;
  /** With it, only what pays for its moves is moved. */
  readonly cost?: MoveCost | undefined;
}

/** How a run is timed and watched. */
export interface BalanceWatch {
  /** A clock, in milliseconds. */
  readonly now: () => number;
  /** Called after each layer of a search, of which there may be several. */
  readonly onLayer?: ((done: number, layers: number) => void) | undefined;
}

/** What came of a request. Plain data, which threads can post. */
export interface BalanceSolution {
  readonly machine: Machine;
  /** Of the loads. */
  readonly windows: number;
  readonly placement: Placement;
  /** `[layers, experts]`: how many slots hold each expert. */
  readonly replicas: Int32Array;
  readonly policy: PlacementPolicy;
  readonly strategy: PlacementStrategy;
  /** Why this strategy: a clause for a person. */
  readonly reason: string;
  /** Whether `before` is the placement now, not what engines begin with or had when the loads were recorded. */
  readonly hasCurrent: boolean;
  readonly before: Measurement;
  readonly after: Measurement;
  /** What keeping each group on one node comes to, beside routes with a weight. */
  readonly grouped?: Measurement;
  /** `[layers]`: no placement has a smaller largest GPU load. */
  readonly lowerBound: Float64Array;
  /** How far the largest GPU loads are above the bound, as a share; 0 only where each is proven the least. */
  readonly gap: number;
  /** Where there is a placement now. */
  readonly verdict?: MoveVerdict;
  /** That placing and migrating took. */
  readonly seconds: number;
}

/**
 * Places experts (`placeExperts`), goes there from the placement now (`migratePlacement`), and measures before and after. Throws as these two do.
 */
export function solveBalance(request: BalanceRequest, { now, onLayer }: BalanceWatch): BalanceSolution {
  const { loads, machine, traffic, current, policy } = request;
  const start = now();
  const budget = budgetOf(request, now);
  const placed = placeExperts(loads, machine, {
    ...budget,
    policy,
    groups: request.groups,
    strategy: request.strategy,
    robust: request.robust,
    traffic: weightOf(request),
    onLayer,
  });
  const migration = current && migrate(request, current, placed, budget);
  const placement = migration?.placement ?? placed.placement;
  const after = measurePlacement(placement, loads, machine, traffic?.routes);
  const isOther = after.maxGpuLoad.some((load, layer) => load !== placed.maxGpuLoad[layer]);
  const lowerBound = isOther ? boundLayers(sumWindows(loads), machine, after.maxGpuLoad) : placed.lowerBound;
  const seconds = (now() - start) / 1000;
  const grouped = measureGrouped(request);
  return {
    machine,
    windows: loads.windows,
    placement,
    replicas: countReplicas(placement),
    policy,
    strategy: placed.strategy,
    reason: placed.reason,
    hasCurrent: current !== undefined,
    before: measurePlacement(current ?? placementBefore(request), loads, machine, traffic?.routes),
    after,
    ...(grouped === undefined ? {} : { grouped }),
    lowerBound,
    gap: gapOf(after.maxGpuLoad, lowerBound),
    ...(migration === undefined ? {} : { verdict: judgeMoves(migration, request.cost) }),
    seconds,
  };
}

type Budget = SearchBudget & { readonly seed: number };

function budgetOf({ seed, iterations, budgetMilliseconds }: BalanceRequest, now: () => number): Budget {
  const time = budgetMilliseconds === undefined ? undefined : { milliseconds: budgetMilliseconds, now };
  return { seed, iterations, time };
}

function weightOf({ traffic }: BalanceRequest) {
  return traffic?.weight === undefined ? undefined : { routes: traffic.routes, weight: traffic.weight };
}

function migrate(request: BalanceRequest, current: Placement, placed: PlacedExperts, budget: Budget): Migration {
  const { loads, machine, policy, robust } = request;
  const hasWindows = robust !== undefined || policy === 'best';
  return migratePlacement(hasWindows ? loads : sumWindows(loads), machine, current, placed.placement, {
    ...budget,
    objective: robust ?? 'mean',
    keepsNodes: placed.strategy === 'hierarchical',
    traffic: weightOf(request),
    mostMoves: request.mostMoves,
    cost: request.cost,
  });
}

/** What was in force when the loads were recorded, or else what engines begin with. */
function placementBefore({ recorded, loads, machine }: BalanceRequest): Placement {
  return recorded !== undefined && recorded.slots === machine.slots && recorded.layers === loads.layers
    ? recorded
    : placeInOrderOn(loads, machine);
}

/** DeepSeek's way to the same end as a weight of traffic, for the comparison: each group on one node, by load alone. */
function measureGrouped({ groups, traffic, loads, machine }: BalanceRequest): Measurement | undefined {
  if (traffic?.weight === undefined || machine.nodes === 1 || groups === 1 || groups % machine.nodes !== 0)
    return undefined;
  const { placement } = placeExperts(loads, machine, { groups, strategy: 'hierarchical' });
  return measurePlacement(placement, loads, machine, traffic.routes);
}
