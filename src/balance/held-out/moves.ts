import { createPointChooser, type PointChooser } from '../choose-points.js';
import { type ExpertLoads, pickLayers, pickWindows } from '../loads.js';
import type { Machine } from '../machine.js';
import { measureLargestLoads } from '../measure.js';
import type { MigrationPoint } from '../migrate.js';
import {
  isWholeOnly,
  listBudgets,
  listPoints,
  type MigrationOptions,
  type MovePaths,
  traceMoves,
} from '../migrate-placement.js';
import type { Placement } from '../placement.js';
import type { Estimate } from './estimate.js';
import { estimateGain, type JudgedBefore, type Trials } from './hold-out.js';
import { type JudgedTrial, judgeSplits } from './trials.js';

/** A number of moves, and what it gains on windows that neither the target nor the way to it was made from. */
interface JudgedBudget {
  /** Moves that are allowed; infinite for all of the target. */
  readonly budget: number;
  /** Moves that are made of these, in the mean of the splits. */
  readonly moves: number;
  readonly gain: Estimate;
  readonly trial: JudgedTrial;
}

/** What moving comes to. */
interface JudgedMoves {
  /** The budget that gains most, with what its moves cost. */
  readonly best: JudgedBudget;
  /** All of the target. */
  readonly whole: JudgedBudget;
}

/** A split's ways from the current placement, and their points on the windows that judge. */
interface SplitPaths {
  readonly paths: MovePaths;
  readonly choose: PointChooser;
  /** `[judge]`: the largest GPU load of a point of a layer. */
  readonly largestOf: (layer: number, point: MigrationPoint) => Float64Array;
}

/** So much of the most that can be gained is given up for fewer moves. */
const GIVEN_UP = 0.02;

/**
 * Judges numbers of moves up to the limit: for each split the placement of the search's windows is approached from `current`
 * (`traceMoves`) within every budget of `listBudgets`, and measured on the windows that judge. The best is the smallest that
 * gains all but 2% of the most: as what is compared for a limit is also compared for a larger one, more moves never gain less.
 * Throws as `traceMoves`.
 */
export function judgeMoves(
  trials: Trials,
  before: JudgedBefore,
  current: Placement,
  options: MigrationOptions & { readonly onSplit?: () => void },
): JudgedMoves {
  const { request, bench, placements } = trials;
  const { loads, machine } = request;
  const ways = bench.splits.map(({ search, judge }, index) => {
    options.onSplit?.();
    return openSplit(pickWindows(loads, search), pickWindows(loads, judge), machine, {
      current,
      target: placements[index],
      before,
      options,
    });
  });
  const judgeBudget = (budget: number): JudgedBudget => {
    const chosen = ways.map((way) => chooseWithin(way, budget));
    const trial = judgeSplits(bench, ({ judge }, index) =>
      joinLayers(
        chosen[index].map((point, layer) => ways[index].largestOf(layer, point)),
        judge.length,
      ),
    );
    const moves = chosen.flat().reduce((sum, point) => sum + point.moves, 0) / chosen.length;
    return { budget, moves, gain: estimateGain(before, trial), trial };
  };
  const whole = judgeBudget(Number.POSITIVE_INFINITY);
  const budgets = isWholeOnly(options)
    ? [ways[0].paths.needed]
    : ways.map(({ paths }) => listBudgets(paths, options.mostMoves)).reduce((a, b) => (a.length >= b.length ? a : b));
  const judged = [...budgets.map(judgeBudget), ...(isWholeOnly(options) ? [whole] : [])];
  return { best: pickBest(judged, options), whole };
}

/**
 * By how much the largest GPU load of a layer is corrected that moves a part of the way to its target: where the placement
 * now looks better than it is, a layer that stays does so in full, and one that goes all the way not at all.
 */
function correctFor({ correction }: JudgedBefore, moves: number, wholeMoves: number): number {
  const way = wholeMoves === 0 ? 0 : Math.min(1, moves / wholeMoves);
  return correction ** (1 - way);
}

function openSplit(
  searched: ExpertLoads,
  judging: ExpertLoads,
  machine: Machine,
  ends: {
    readonly current: Placement;
    readonly target: Placement;
    readonly before: JudgedBefore;
    readonly options: MigrationOptions;
  },
): SplitPaths {
  const paths = traceMoves(searched, machine, ends.current, ends.target, ends.options);
  const byLayer = Array.from({ length: judging.layers }, (_, layer) => pickLayers(judging, [layer]));
  const known = new Map<MigrationPoint, Float64Array>();
  const largestOf = (layer: number, point: MigrationPoint): Float64Array => {
    const cached = known.get(point);
    if (cached !== undefined) return cached;
    const placement = { ...ends.current, layers: 1, physicalToLogical: paths.toSlots(point) };
    const correction = correctFor(ends.before, point.moves, paths.layers[layer].whole.moves);
    const largest = measureLargestLoads(placement, byLayer[layer], machine).map((load) => load * correction);
    known.set(point, largest);
    return largest;
  };
  return { paths, choose: createPointChooser(listPoints(paths), ends.options.cost), largestOf };
}

/** A point of each layer: those within the budget, or with an infinite one those of the target. */
export function chooseWithin(
  { paths, choose }: { readonly paths: MovePaths; readonly choose: PointChooser },
  budget: number,
): MigrationPoint[] {
  return budget === Number.POSITIVE_INFINITY ? paths.layers.map(({ whole }) => whole) : choose(budget);
}

/** `[windows, layers]` of `[windows]` for each layer. */
function joinLayers(byLayer: readonly Float64Array[], windows: number): Float64Array {
  const layers = byLayer.length;
  return Float64Array.from(
    { length: windows * layers },
    (_, index) => byLayer[index % layers][Math.floor(index / layers)],
  );
}

/** Of budgets in ascending order, the first that nets all but a little of the most, in gain less what its moves cost. */
function pickBest(judged: readonly JudgedBudget[], { cost }: MigrationOptions): JudgedBudget {
  const price = cost === undefined ? 0 : cost.secondsPerMove / cost.intervalSeconds;
  const net = judged.map(({ gain, moves }) => gain.value - price * moves);
  const most = Math.max(...net);
  const enough = most > 0 ? most * (1 - GIVEN_UP) : most;
  return judged[net.findIndex((value) => value >= enough)];
}
