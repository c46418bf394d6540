import { createPointChooser, type MoveCost } from './choose-points.js';
import {
  chooseWithin,
  type HeldOut,
  type JudgedBefore,
  judgeBefore,
  judgeMoves,
  summarizeTrials,
  type Trials,
  tryPlacing,
} from './held-out/index.js';
import { type ExpertLoads, sumWindows, type TokenRoutes } from './loads.js';
import type { Machine } from './machine.js';
import { countReplicas } from './measure.js';
import { gapOf, type Measurement, measurePlacement } from './measure-placement.js';
import {
  listPoints,
  type Migration,
  type MigrationOptions,
  migratePlacement,
  placeLost,
  takePoints,
  traceMoves,
} from './migrate-placement.js';
import {
  boundLayers,
  type PlacedExperts,
  type PlacementPolicy,
  type PlacementStrategy,
  type PlaceOptions,
  placeExperts,
} from './place.js';
import { type Placement, placeInOrderOn } from './placement.js';
import { judgeMigration, type MoveVerdict } from './verdict.js';
import type { PlacementObjective } from './windowed-state.js';

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
  /**
   * What is made small where there are several windows. Left out, it is the one of 'sum' and 'mean' that does better on
   * windows that the search has not seen.
   */
  readonly objective?: PlacementObjective | undefined;
  /** Whether windows follow each other in time, so that loads may drift; default true. Domains of text do not. */
  readonly isTimed?: boolean | undefined;
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
  /** Called after each layer of a search, of which there may be several: `search` of `searches`, as far as is known. */
  readonly onLayer?: ((done: number, layers: number, search: number, searches: number) => void) | undefined;
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
  /** What was made small. */
  readonly objective: PlacementObjective;
  /** Whether `before` is the placement now, not what engines begin with or had when the loads were recorded. */
  readonly hasCurrent: boolean;
  /** On the windows of the request, by which `after` was placed: it fits these better than any others. */
  readonly before: Measurement;
  readonly after: Measurement;
  /** On windows that the placement measured was not made from; only where there are several. */
  readonly heldOut?: HeldOut;
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
 * Places experts (`placeExperts`), goes there from the placement now as far as that gains, and measures before and after.
 * With several windows, what is chosen and what is said of it is measured on windows that the search has not seen
 * (`tryPlacing`, `judgeMoves`). Throws as `placeExperts` and `migratePlacement`.
 */
export function solveBalance(request: BalanceRequest, watch: BalanceWatch): BalanceSolution {
  const { loads, machine, traffic, current, policy } = request;
  const start = watch.now();
  const origin = current === undefined ? placementBefore(request) : placeLost(current, machine);
  const place = placeOptionsOf(request, watch);
  const progress = createProgress(watch);
  const trials =
    loads.windows > 1 ? tryAll(request, origin, { ...place, onLayer: progress.onLayer }, progress) : undefined;
  const objective = request.objective ?? trials?.objective ?? 'sum';
  progress.begin();
  const placed = placeExperts(loads, machine, { ...place, objective, onLayer: progress.onLayer });
  const judged = trials && { trials, before: judgeBefore(trials, placed.placement) };
  const moved = current && goTo(request, { current, origin, placed, objective }, judged, progress);
  const placement = moved?.placement ?? placed.placement;
  const after = measurePlacement(placement, loads, machine, traffic?.routes);
  const isOther = after.maxGpuLoad.some((load, layer) => load !== placed.maxGpuLoad[layer]);
  const lowerBound = isOther ? boundLayers(sumWindows(loads), machine, after.maxGpuLoad) : placed.lowerBound;
  const heldOut = moved?.heldOut ?? (judged && summarizeTrials(judged.trials, judged.before, judged.trials.placed));
  const seconds = (watch.now() - start) / 1000;
  const grouped = measureGrouped(request);
  return {
    machine,
    windows: loads.windows,
    placement,
    replicas: countReplicas(placement),
    policy,
    strategy: placed.strategy,
    reason: placed.reason,
    objective,
    hasCurrent: current !== undefined,
    before: measurePlacement(origin, loads, machine, traffic?.routes),
    after,
    ...(heldOut === undefined ? {} : { heldOut }),
    ...(grouped === undefined ? {} : { grouped }),
    lowerBound,
    gap: gapOf(after.maxGpuLoad, lowerBound),
    ...(moved === undefined ? {} : { verdict: moved.verdict }),
    seconds,
  };
}

/** Which search is going on, for the watcher. */
interface Progress {
  /** The next search begins, of so many in all where that is known by now. */
  readonly begin: (searches?: number) => void;
  readonly onLayer: (done: number, layers: number) => void;
}

function createProgress({ onLayer }: BalanceWatch): Progress {
  let search = 0;
  let total = 1;
  return {
    begin(searches = total) {
      search += 1;
      total = searches;
    },
    onLayer: (done, layers) => onLayer?.(done, layers, search, Math.max(search, total)),
  };
}

function tryAll(request: BalanceRequest, before: Placement, place: PlaceOptions, { begin }: Progress): Trials {
  const { loads, machine, objective, isTimed = true, current } = request;
  return tryPlacing({
    loads,
    machine,
    before,
    place: { ...place, objective },
    isTimed,
    // All windows are placed by at last, and ways are looked for from each split and from all.
    onPart: ({ parts, splits }) => begin(parts + 1 + (current === undefined ? 0 : splits + 1)),
  });
}

function placeOptionsOf(request: BalanceRequest, { now }: BalanceWatch): PlaceOptions {
  const { policy, groups, strategy, seed, iterations, budgetMilliseconds } = request;
  const time = budgetMilliseconds === undefined ? undefined : { milliseconds: budgetMilliseconds, now };
  return { policy, groups, strategy, seed, iterations, time, traffic: weightOf(request) };
}

function weightOf({ traffic }: BalanceRequest) {
  return traffic?.weight === undefined ? undefined : { routes: traffic.routes, weight: traffic.weight };
}

/** Where moves lead, and whether they are worth it. */
interface Moved {
  readonly placement: Placement;
  readonly verdict: MoveVerdict;
  readonly heldOut?: HeldOut;
}

/** Ways are looked for on so many windows, more being merged: a step looks at the largest load of each. */
const WAY_WINDOWS = 4;

function goTo(
  request: BalanceRequest,
  ends: {
    readonly current: Placement;
    /** The placement now with lost experts placed, which stays where moves are not worth it. */
    readonly origin: Placement;
    readonly placed: PlacedExperts;
    readonly objective: PlacementObjective;
  },
  judged: { readonly trials: Trials; readonly before: JudgedBefore } | undefined,
  { begin, onLayer }: Progress,
): Moved {
  const { loads, machine, mostMoves, cost } = request;
  const { current, origin, placed, objective } = ends;
  const options: MigrationOptions = {
    objective,
    keepsNodes: placed.strategy === 'hierarchical',
    traffic: weightOf(request),
    mostMoves,
    cost,
    mostWindows: WAY_WINDOWS,
    onLayer,
  };
  if (judged === undefined) {
    const migration = migratePlacement(loads, machine, current, placed.placement, options);
    const { verdict, isKept } = judgeMigration(migration, { cost, windows: 1 });
    return { verdict, placement: isKept ? origin : migration.placement };
  }
  const { trials, before } = judged;
  const { best, whole } = judgeMoves(trials, before, current, { ...options, onSplit: () => begin() });
  begin();
  const paths = traceMoves(loads, machine, current, placed.placement, options);
  const choose = createPointChooser(listPoints(paths), cost);
  const migrate = (budget: number): Migration => takePoints(paths, chooseWithin({ paths, choose }, budget));
  const found = migrate(best.budget);
  const { verdict, isKept } = judgeMigration(
    {
      moves: found.moves,
      needed: paths.needed,
      gain: best.gain.value,
      spread: best.gain.spread,
      whole: { moves: found.whole.moves, gain: whole.gain.value, spread: whole.gain.spread },
    },
    { cost, windows: loads.windows },
  );
  return {
    verdict,
    placement: isKept ? origin : found.placement,
    heldOut: summarizeTrials(trials, before, isKept ? before.trial : best.trial),
  };
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
