import { InputError } from '../../base/index.js';
import { type ExpertLoads, pickWindows } from '../loads.js';
import type { Machine } from '../machine.js';
import { type Balancedness, measureLargestLoads } from '../measure.js';
import { isPlain, type PlaceOptions, placeExperts } from '../place.js';
import type { Placement } from '../placement.js';
import type { PlacementObjective } from '../windowed-state.js';
import type { Estimate } from './estimate.js';
import { looksFitted } from './fitted.js';
import { planSplits } from './splits.js';
import {
  type Bench,
  estimateBalancedness,
  estimateRelative,
  type JudgedTrial,
  judgeSplits,
  measureTrial,
  openBench,
  tellingRows,
} from './trials.js';

/** Placements made from parts of the windows, each measured on the windows that it was not made from. Plain data. */
export interface HeldOut {
  /** Measured windows, and the parts that they were held out in. */
  readonly windows: number;
  readonly folds: number;
  /** Whether loads drift: earlier windows then placed, and later ones measured. */
  readonly drifts: boolean;
  /** Whether the placement before looks made from these windows, which flatters it: then `before` and `gain` are corrected. */
  readonly wasFitted: boolean;
  readonly before: Balancedness;
  readonly after: Balancedness;
  /** DeepSeek's policy on the same machine, where it can treat it. */
  readonly deepseek?: Balancedness;
  /** `after.ratioOfSums`. */
  readonly balancedness: Estimate;
  /** By how much the sum over layers of the largest GPU load falls, as a share of that before. */
  readonly gain: Estimate;
  /** What each objective comes to that was compared, the one that was chosen first. */
  readonly objectives: readonly { readonly objective: PlacementObjective; readonly balancedness: Estimate }[];
}

/** What is to be held out. */
export interface HeldOutRequest {
  /** Of two windows or more. */
  readonly loads: ExpertLoads;
  readonly machine: Machine;
  readonly before: Placement;
  /** How each part is placed; without an objective, each of 'sum' and 'mean' is tried. */
  readonly place: PlaceOptions;
  /** Whether windows follow each other in time; they do not where they are domains of text. */
  readonly isTimed: boolean;
  /** Called before each part is placed: so many placements will be made, of so many splits. */
  readonly onPart?: ((all: { readonly parts: number; readonly splits: number }) => void) | undefined;
}

/** Placements of parts of the windows by one objective, each judged. */
export interface Trials {
  readonly request: HeldOutRequest;
  readonly bench: Bench;
  readonly objective: PlacementObjective;
  /** `[splits]`: those of `turns` first. */
  readonly placements: readonly Placement[];
  readonly placed: JudgedTrial;
  readonly deepseek: JudgedTrial | undefined;
  readonly objectives: HeldOut['objectives'];
}

/** The placement before on the windows that judge, and how it is flattered. */
export interface JudgedBefore {
  readonly trial: JudgedTrial;
  /** Whether it looks made from these windows. */
  readonly wasFitted: boolean;
  /** What its largest GPU loads were multiplied by, as they are larger on other windows. */
  readonly correction: number;
}

/** Parts that windows are held out in, at most; and for large models, each of whose searches takes seconds. */
const FOLDS = 6;
const FEW_FOLDS = 2;
/** Layers times slots times experts. */
const LARGE = 2 ** 19;

/** Whether a search of these loads takes seconds. */
function isLarge({ layers, experts }: ExpertLoads, { slots }: Machine): boolean {
  return layers * slots * experts > LARGE;
}

/**
 * Places parts of the windows and measures each placement on the others (cross-validation: M. Stone, "Cross-validatory choice
 * and assessment of statistical predictions", JRSS B 1974). Without an objective in the request the one is chosen that does
 * best on windows that it has not seen. Throws as `placeExperts`.
 */
export function tryPlacing(request: HeldOutRequest): Trials {
  const { loads, machine, place, isTimed } = request;
  const folds = isLarge(loads, machine) ? FEW_FOLDS : FOLDS;
  const bench = openBench(loads, machine, planSplits(loads, { folds, isTimed, seed: place.seed ?? 0 }));
  const objectives = listObjectives(place);
  const splits = bench.splits.length;
  const tried = objectives.map((objective) => {
    const placements: Placement[] = [];
    const trial = judgeSplits(bench, ({ search, judge }) => {
      request.onPart?.({ parts: splits * objectives.length, splits });
      const { placement } = placeExperts(pickWindows(loads, search), machine, { ...place, objective });
      placements.push(placement);
      return measureLargestLoads(placement, pickWindows(loads, judge), machine);
    });
    return { objective, placements, trial, balancedness: estimateBalancedness(trial) };
  });
  const best = tried.reduce((simple, other) => (isClearlyBetter(simple.trial, other.trial) ? other : simple));
  const deepseek = place.policy === 'deepseek' ? best.trial : tryDeepSeek(request, bench);
  return {
    request,
    bench,
    objective: best.objective,
    placements: best.placements,
    placed: best.trial,
    deepseek,
    objectives: [best, ...tried.filter((one) => one !== best)].map(({ objective, balancedness }) => ({
      objective,
      balancedness,
    })),
  };
}

function listObjectives({ objective, policy }: PlaceOptions): readonly PlacementObjective[] {
  if (policy === 'deepseek') return ['sum'];
  return objective === undefined ? ['sum', 'mean'] : [objective];
}

/**
 * Whether `other` is the better by a standard error or more, which is half of the spread: the simpler objective, of which a
 * search fits less to single windows, is kept otherwise (L. Breiman and others, "Classification and regression trees", 1984).
 */
function isClearlyBetter(simple: JudgedTrial, other: JudgedTrial): boolean {
  const { value, spread } = estimateRelative(simple, other);
  return 1 - value > spread / 2;
}

function tryDeepSeek({ loads, machine, place }: HeldOutRequest, bench: Bench): JudgedTrial | undefined {
  if (!isPlain(machine)) return undefined;
  const { groups } = place;
  try {
    return judgeSplits(bench, ({ search, judge }) => {
      const { placement } = placeExperts(pickWindows(loads, search), machine, { policy: 'deepseek', groups });
      return measureLargestLoads(placement, pickWindows(loads, judge), machine);
    });
  } catch (error) {
    // Groups and nodes that it cannot treat.
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/**
 * Judges the placement before. One that was made from these windows is worse on others, by how much nobody knows who does not
 * know how it was made: by as much as what is made here, or with DeepSeek's policy, whichever is the more like it.
 *
 * @param placed made from all windows by the objective of the trials
 */
export function judgeBefore(trials: Trials, placed: Placement): JudgedBefore {
  const { loads, machine, before } = trials.request;
  const { layers } = loads;
  const largest = measureLargestLoads(before, loads, machine);
  const wasFitted = looksFitted(before, loads, machine);
  const correction = wasFitted ? measureFlattery(trials, placed, sum(largest)) : 1;
  const corrected = largest.map((load) => load * correction);
  const trial = judgeSplits(trials.bench, ({ judge }) => {
    const rows = new Float64Array(judge.length * layers);
    for (const [row, window] of judge.entries())
      rows.set(corrected.subarray(window * layers, (window + 1) * layers), row * layers);
    return rows;
  });
  return { trial, wasFitted, correction };
}

/** How many times as large largest GPU loads are on windows that a placement was not made from as on those that it was. */
function measureFlattery({ request, placed: own, deepseek }: Trials, placed: Placement, reached: number): number {
  const { loads, machine, place } = request;
  const candidates = [{ trial: own, total: sum(measureLargestLoads(placed, loads, machine)) }];
  if (deepseek !== undefined && place.policy !== 'deepseek') {
    const { placement } = placeExperts(loads, machine, { policy: 'deepseek', groups: place.groups });
    candidates.push({ trial: deepseek, total: sum(measureLargestLoads(placement, loads, machine)) });
  }
  candidates.sort((a, b) => Math.abs(a.total - reached) - Math.abs(b.total - reached));
  const [{ trial, total }] = candidates;
  return total === 0 ? 1 : Math.max(1, sum(trial.turns.largest) / total);
}

/** The measures of trials, `after` being what is placed in the end. */
export function summarizeTrials(trials: Trials, before: JudgedBefore, after: JudgedTrial): HeldOut {
  const { deepseek, objectives } = trials;
  const { windows, parts } = tellingRows(after);
  return {
    windows: new Set(windows).size,
    folds: new Set(parts).size,
    drifts: after.ahead !== undefined,
    wasFitted: before.wasFitted,
    before: measureTrial(before.trial),
    after: measureTrial(after),
    ...(deepseek === undefined ? {} : { deepseek: measureTrial(deepseek) }),
    balancedness: estimateBalancedness(after),
    gain: estimateGain(before, after),
    objectives,
  };
}

/** By how much the largest GPU loads fall. A correction of what was before is itself uncertain by half. */
export function estimateGain({ trial, correction }: JudgedBefore, after: JudgedTrial): Estimate {
  const { value, spread } = estimateRelative(trial, after);
  return { value: 1 - value, spread: spread + ((correction - 1) / 2) * value };
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
