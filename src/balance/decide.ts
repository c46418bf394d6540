import { type Dispatch, measureDispatchedLoads, measureSharedLoads } from './dispatch.js';
import { quantileOfT, standardErrorOf } from './held-out/index.js';
import {
  checkLoads,
  type ExpertLoads,
  mergeWindows,
  normalizeWindows,
  pickLayers,
  pickWindows,
  sumWindows,
  weighWindows,
} from './loads.js';
import type { Machine } from './machine.js';
import {
  type Balancedness,
  countDuplicateSlots,
  largestOfRows,
  measureBalancedness,
  measureEvenLoads,
} from './measure.js';
import { migratePlacement } from './migrate-placement.js';
import { type PlacementPolicy, placeExperts } from './place.js';
import type { Placement } from './placement.js';
import { countMoves, relabelLayer } from './relabel.js';
import { separateReplicas } from './separate.js';

/** What a decision whether to move experts is made from. */
export interface DecisionRequest {
  /** `[windows, layers, experts]`: what was counted lately; windows are of one length. */
  readonly loads: ExpertLoads;
  /** `[windows]`: what each window counts, above 0; absent: all the same. Loads that change are better foretold by the latest. */
  readonly weights?: Float64Array | undefined;
  readonly machine: Machine;
  /** How tokens choose among the replicas of their expert. */
  readonly dispatch: Dispatch;
  /** The placement in force. */
  readonly current: Placement;
  readonly policy: PlacementPolicy;
  readonly seed: number;
  /** What moving one replica takes, in units of what the experts of all layers would take in one window on GPUs that are evenly loaded. */
  readonly windowsPerMove: number;
  /** For how many windows the placement will be in force; above 0. */
  readonly windowsAhead: number;
}

/**
 * Why a layer moves or stays: it `moves`; it is so `even` that no placement could gain enough, and none was looked for; nothing better was found (`best`); the gain is `small` against what is there, `uncertain` against how it differs from window to
 * window, or too `dear` for what moving takes.
 */
export type Verdict = 'moves' | 'even' | 'best' | 'small' | 'uncertain' | 'dear';

/** What was decided for a layer. Loads are largest over mean of GPUs, of all windows together; 1 is even. */
export interface LayerDecision {
  readonly verdict: Verdict;
  /** Replicas that travel; 0 unless it moves. */
  readonly moves: number;
  readonly before: number;
  /** With what was found, whether it moves there or not; at most `before`. */
  readonly after: number;
  /** What that saves of each window, in units of `windowsPerMove`. */
  readonly gain: number;
}

/** Where experts should lie from now on, and why. */
export interface PlacementDecision {
  /** The current one but for the layers that move. */
  readonly placement: Placement;
  /** `[layers]`. */
  readonly layers: readonly LayerDecision[];
  readonly moves: number;
  /** Of the GPUs on the request's windows, with the placement in force and with the new one. */
  readonly before: Balancedness;
  readonly after: Balancedness;
  /** What the new placement saves of each window, in units of `windowsPerMove`; and how far it may be from this (19 of 20 times). */
  readonly gain: number;
  readonly spread: number;
}

/** A layer moves for no less than this share of its largest GPU load: a band within which loads may drift without a move, and back. */
export const LEAST_GAIN = 0.02;
/** And for no less than so many standard errors of its mean gain over windows. */
const LEAST_CERTAINTY = 3;

/** Where moving takes more than this share of what it gains, a way with fewer moves is looked for: that is all it could save. */
const WORTH_SEARCHING = 0.05;
/** On how many windows, more being merged, a placement is made and a way with fewer moves is looked for. */
interface Effort {
  readonly placed: number;
  readonly fewer: number;
}

const THOROUGH: Effort = { placed: 32, fewer: 4 };
/**
 * Where layers times slots times experts are more than `MOST_THOROUGH`: a large model then takes 3 seconds instead of 30, and its ranks are no less even, as it has too many experts for what a search
 * fits to single windows to hold on others.
 */
const QUICK: Effort = { placed: 4, fewer: 1 };
const MOST_THOROUGH = 2 ** 19;

/** Windows times layers times slots that are split optimally to judge a placement, about half a second; with more, some windows judge it. */
const MOST_SPLIT = 2 ** 18;

/**
 * Decides, layer by layer, whether experts should move: makes a placement for one half of the windows (`placeExperts`) and moves the layers whose gain on the other half is large,
 * certain and worth the moves; where these take a good part of the gain, `migratePlacement` looks for fewer. Every window counts with the largest GPU load that it has by itself, as
 * the slowest GPU keeps the others waiting in every one of them. The search splits an expert's tokens evenly over its replicas, the score as the request's dispatch does
 * (`measureDispatchedLoads`, `measureSharedLoads`).
 *
 * No layer's score is worse than it was, none gets an expert twice on a GPU that had no such, and the same request gives the same decision. A layer does not flip back and forth: to
 * go back, loads must have changed by more than the gain that made it go, since both ways need `LEAST_GAIN` on windows that the search has not seen.
 * Throws `InputError` as `placeExperts` and `migratePlacement`.
 */
export function decidePlacement(request: DecisionRequest): PlacementDecision {
  checkLoads(request.loads);
  const { machine, current } = request;
  const weights = request.weights ?? new Float64Array(request.loads.windows).fill(1);
  const [searching, rest] = splitWindows(weights.length);
  const judging = request.dispatch === 'even' ? rest : spreadWindows(rest, mostSplitWindows(current));
  const weighed = weighWindows(normalizeWindows(request.loads), weights);
  const loads = pickWindows(weighed, judging);
  const even = measureEvenLoads(loads, machine);
  const now = measureLargest(request, current, loads);
  const unit = sum(even) / loads.windows;
  const bench: Bench = {
    request,
    loads,
    weights: Float64Array.from(judging, (window) => weights[window]!),
    now,
    even,
    unit,
  };
  const open = listUneven(bench);
  const searched = pickLayers(pickWindows(weighed, searching), open);
  const whole = open.length === 0 ? pickRows(current, open) : placeWhole(request, searched, open);
  const judged = judgeLayers(bench, whole, open);
  const chosen = preferFewer(bench, searched, whole, judged);
  return summarize(bench, chosen);
}

function summarize(
  { request, loads, weights, now, even, unit }: Bench,
  chosen: readonly JudgedLayer[],
): PlacementDecision {
  const { current } = request;
  const physicalToLogical = current.physicalToLogical.slice();
  const next = now.slice();
  const moving = chosen.filter(({ verdict }) => verdict === 'moves');
  for (const { layer, row, largest } of moving) {
    physicalToLogical.set(row, layer * current.slots);
    for (const [window, load] of largest.entries()) next[window * loads.layers + layer] = load;
  }
  const decided = new Map(chosen.map((one) => [one.layer, one]));
  const layers = Array.from({ length: loads.layers }, (_, layer): LayerDecision => {
    const one = decided.get(layer);
    if (one !== undefined) {
      const { verdict, moves, before, after, gain } = one;
      return { verdict, moves, before, after, gain };
    }
    const share = meanOf(columnOf(even, layer, loads));
    const before = share === 0 ? 0 : meanOf(columnOf(now, layer, loads)) / share;
    return { verdict: 'even', moves: 0, before, after: before, gain: 0 };
  });
  const sizes = { windows: loads.windows, gpus: 1 };
  const saved = Float64Array.from({ length: loads.windows }, (_, window) =>
    sum(differencesOf(now, next, window, loads.layers)),
  );
  const error = standardErrorOf(saved, weights) / (unit || 1);
  return {
    placement: { ...current, physicalToLogical },
    layers,
    moves: moving.reduce((total, { moves }) => total + moves, 0),
    before: measureBalancedness(now, even, sizes),
    after: measureBalancedness(next, even, sizes),
    gain: moving.reduce((total, { gain }) => total + gain, 0),
    // Of a single window nothing is known.
    spread: loads.windows === 1 ? 0 : quantileOfT(loads.windows - 1) * error,
  };
}

/** What each layer saves in a window. */
function differencesOf(now: Float64Array, next: Float64Array, window: number, layers: number): Float64Array {
  return now
    .subarray(window * layers, (window + 1) * layers)
    .map((load, layer) => load - next[window * layers + layer]);
}

/** The largest GPU load, `[windows, layers]`, as the dispatcher would make it. */
function measureLargest(
  { dispatch, machine }: DecisionRequest,
  placement: Placement,
  loads: ExpertLoads,
): Float64Array {
  const measure = dispatch === 'even' ? measureDispatchedLoads : measureSharedLoads;
  return largestOfRows(measure(placement, loads, machine), machine.gpus);
}

function mostSplitWindows({ layers, slots }: Placement): number {
  return Math.floor(MOST_SPLIT / (layers * slots));
}

/** The layers that could gain enough to move, if all GPUs had the same load. */
function listUneven({ loads, now, even }: Bench): number[] {
  return Array.from({ length: loads.layers }, (_, layer) => layer).filter((layer) => {
    const [most, least] = [sum(columnOf(now, layer, loads)), sum(columnOf(even, layer, loads))];
    return most > 0 && most - least >= LEAST_GAIN * most;
  });
}

/**
 * Half of the windows for the search and the others to judge what it found, which fits its own windows better than any other. They take turns as in the sequence of Thue and Morse,
 * 0110 1001 ..., so that neither a trend nor a period puts what is alike into one half. A single window is both.
 */
function splitWindows(windows: number): readonly [number[], number[]] {
  const all = Array.from({ length: windows }, (_, window) => window);
  if (windows === 1) return [all, all];
  return [all.filter((window) => countOnes(window) % 2 === 0), all.filter((window) => countOnes(window) % 2 === 1)];
}

/** At most `most` of the windows, the last one among them, as evenly spread as they can be. */
function spreadWindows(windows: readonly number[], most: number): readonly number[] {
  const kept = Math.min(windows.length, Math.max(1, most));
  return Array.from({ length: kept }, (_, index) => windows[Math.floor(((index + 1) * windows.length) / kept) - 1]!);
}

function countOnes(value: number): number {
  let ones = 0;
  for (let left = value; left > 0; left = Math.floor(left / 2)) ones += left % 2;
  return ones;
}

/** The placement of some layers that is best for their windows, with its GPUs named so that few replicas travel. */
function placeWhole(
  { machine, current, policy, seed }: DecisionRequest,
  loads: ExpertLoads,
  layers: readonly number[],
): Placement {
  const merged = mergeWindows(loads, effortFor(layers.length, current).placed);
  const placed = placeExperts(merged, machine, { policy, seed, ...(policy === 'best' && { objective: 'mean' }) });
  const target = separateReplicas(placed.placement, sumWindows(loads), machine);
  const physicalToLogical = target.physicalToLogical.slice();
  for (const [index, layer] of layers.entries()) {
    const row = relabelLayer(rowOf(current, layer), rowOf(target, index), machine, false);
    physicalToLogical.set(row, index * target.slots);
  }
  return { ...target, physicalToLogical };
}

function effortFor(layers: number, { slots, experts }: Placement): Effort {
  return layers * slots * experts > MOST_THOROUGH ? QUICK : THOROUGH;
}

/** What candidates are judged by. */
interface Bench {
  readonly request: DecisionRequest;
  /** The windows that the search has not seen. */
  readonly loads: ExpertLoads;
  /** `[windows]`: what each of them counts; its loads are multiplied by it. */
  readonly weights: Float64Array;
  /** `[windows, layers]`: the largest load under the current placement. */
  readonly now: Float64Array;
  /** `[windows, layers]`: what each GPU would have if all had the same. */
  readonly even: Float64Array;
  /** What the experts of all layers take in a window on evenly loaded GPUs, in tokens of a GPU. */
  readonly unit: number;
}

interface JudgedLayer extends LayerDecision {
  readonly layer: number;
  /** The row that was judged, and `[windows]`: the largest load with it. */
  readonly row: Int32Array;
  readonly largest: Float64Array;
  /** What the moves take of each window ahead, in units of `windowsPerMove`. */
  readonly cost: number;
}

function isDear({ verdict, gain, cost }: JudgedLayer): boolean {
  return verdict === 'dear' || (verdict === 'moves' && cost > WORTH_SEARCHING * gain);
}

/** The judged layers with, for those whose moves are dear, a way of fewer where that leaves more. `searched` and `whole` are of the judged layers. */
function preferFewer(
  bench: Bench,
  searched: ExpertLoads,
  whole: Placement,
  judged: readonly JudgedLayer[],
): readonly JudgedLayer[] {
  const { machine, current, windowsPerMove, windowsAhead } = bench.request;
  const dear = [...judged.keys()].filter((index) => isDear(judged[index]!));
  if (dear.length === 0) return judged;
  const layers = dear.map((index) => judged[index]!.layer);
  const largestNow = layers.reduce((total, layer) => total + meanOf(columnOf(bench.now, layer, bench.loads)), 0);
  const { fewer: windows } = effortFor(dear.length, current);
  const { placement } = migratePlacement(
    mergeWindows(pickLayers(searched, dear), windows),
    machine,
    pickRows(current, layers),
    pickRows(whole, dear),
    {
      objective: 'mean',
      keepsNodes: false,
      // In windows; the layers' share of a window is what gains are shares of.
      cost: { secondsPerMove: windowsPerMove, intervalSeconds: (windowsAhead * largestNow) / bench.unit },
    },
  );
  const fewer = judgeLayers(bench, placement, layers);
  const net = ({ verdict, gain, cost }: JudgedLayer): number => (verdict === 'moves' ? gain - cost : 0);
  return judged.map((one) => {
    const other = fewer.find(({ layer }) => layer === one.layer);
    return other !== undefined && net(other) > net(one) ? other : one;
  });
}

/** Whether each of the layers should go to the candidate, which is of these alone. */
function judgeLayers(bench: Bench, candidate: Placement, layers: readonly number[]): JudgedLayer[] {
  const { request, loads, now } = bench;
  const picked = pickLayers(loads, layers);
  const largest = measureLargest(request, candidate, picked);
  return layers.map((layer, index) => {
    const before = columnOf(now, layer, loads);
    const after = columnOf(largest, index, picked);
    return judge(bench, { layer, row: rowOf(candidate, index), before, after });
  });
}

interface LayerCandidate {
  readonly layer: number;
  readonly row: Int32Array;
  /** `[windows]`: the largest load now and with `row`. */
  readonly before: Float64Array;
  readonly after: Float64Array;
}

function judge(
  { request, loads, weights, even, unit }: Bench,
  { layer, row, before, after }: LayerCandidate,
): JudgedLayer {
  const { machine, current, windowsPerMove, windowsAhead } = request;
  const currentRow = rowOf(current, layer);
  const gains = before.map((load, window) => load - after[window]!);
  const mean = meanOf(before);
  const duplicatesOf = (physicalToLogical: Int32Array): number =>
    countDuplicateSlots({ ...current, layers: 1, physicalToLogical }, machine);
  const isBetter = meanOf(gains) > 0 && duplicatesOf(row) <= duplicatesOf(currentRow);
  const gain = isBetter ? meanOf(gains) : 0;
  const moves = countMoves(currentRow, row, machine);
  const cost = (moves * windowsPerMove) / windowsAhead;
  const verdict = ((): Verdict => {
    if (!isBetter) return 'best';
    if (gain < LEAST_GAIN * mean) return 'small';
    if (gain < LEAST_CERTAINTY * standardErrorOf(gains, weights)) return 'uncertain';
    return gain <= cost * unit ? 'dear' : 'moves';
  })();
  const share = meanOf(columnOf(even, layer, loads)) || 1;
  return {
    layer,
    row,
    largest: after,
    verdict,
    moves: verdict === 'moves' ? moves : 0,
    before: mean / share,
    after: (mean - gain) / share,
    gain: gain / (unit || 1),
    cost,
  };
}

function rowOf({ slots, physicalToLogical }: Placement, layer: number): Int32Array {
  return physicalToLogical.subarray(layer * slots, (layer + 1) * slots);
}

function pickRows(placement: Placement, layers: readonly number[]): Placement {
  const physicalToLogical = new Int32Array(layers.length * placement.slots);
  for (const [index, layer] of layers.entries())
    physicalToLogical.set(rowOf(placement, layer), index * placement.slots);
  return { ...placement, layers: layers.length, physicalToLogical };
}

/** `[windows]` of one layer of `[windows, layers]`. */
function columnOf(values: Float64Array, layer: number, { windows, layers }: ExpertLoads): Float64Array {
  return Float64Array.from({ length: windows }, (_, window) => values[window * layers + layer]!);
}

function meanOf(values: Float64Array): number {
  return sum(values) / values.length;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
