import type { ExpertLoads } from '../loads.js';
import { pickWindows } from '../loads.js';
import type { Machine } from '../machine.js';
import {
  type Balancedness,
  largestOfRows,
  measureBalancedness,
  measureEvenLoads,
  measureGpuLoads,
} from '../measure.js';
import type { Placement } from '../placement.js';
import { type Estimate, estimateAhead, estimateRatio, type RatioSample } from './estimate.js';
import type { Split, Splits } from './splits.js';

/** Largest GPU loads of windows that the placement under them was not made from. */
export interface JudgedRows {
  /** `[rows]`: the window of each. */
  readonly windows: readonly number[];
  /** `[rows]`: the split of each. */
  readonly parts: readonly number[];
  /** `[rows, layers]`. */
  readonly largest: Float64Array;
  /** `[rows, layers]`: what each GPU would get if all got the same. */
  readonly even: Float64Array;
}

/** Rows of all splits; `ahead` only where loads drift. */
export interface JudgedTrial {
  readonly turns: JudgedRows;
  readonly ahead: JudgedRows | undefined;
}

/** What is done for each split: gives the largest GPU loads `[judge, layers]`. */
type JudgeSplit = (split: Split, index: number) => Float64Array;

/** Judges every split. `turns` come first; their indexes go on with `ahead`. */
export function judgeSplits(
  loads: ExpertLoads,
  machine: Machine,
  { turns, ahead }: Splits,
  judge: JudgeSplit,
): JudgedTrial {
  const gather = (splits: readonly Split[], first: number): JudgedRows => {
    const windows = splits.flatMap((split) => split.judge);
    return {
      windows,
      parts: splits.flatMap((split, index) => split.judge.map(() => index)),
      largest: joinRows(splits.map((split, index) => judge(split, first + index))),
      even: measureEvenLoads(pickWindows(loads, windows), machine),
    };
  };
  return { turns: gather(turns, 0), ahead: ahead.length === 0 ? undefined : gather(ahead, turns.length) };
}

/** `[windows, layers]`: the largest GPU loads of a placement. */
export function largestOf(placement: Placement, loads: ExpertLoads, machine: Machine): Float64Array {
  return largestOfRows(measureGpuLoads(placement, loads, machine), machine.gpus);
}

function joinRows(parts: readonly Float64Array[]): Float64Array {
  const joined = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let next = 0;
  for (const part of parts) {
    joined.set(part, next);
    next += part.length;
  }
  return joined;
}

/** `[rows]`: sums over layers. */
function sumLayers(values: Float64Array, rows: number): Float64Array {
  const layers = values.length / rows;
  return Float64Array.from({ length: rows }, (_, row) =>
    values.subarray(row * layers, (row + 1) * layers).reduce((sum, value) => sum + value, 0),
  );
}

/** The rows that tell what is to come: those of later windows where loads drift, else all. */
export function tellingRows({ turns, ahead }: JudgedTrial): JudgedRows {
  return ahead ?? turns;
}

/** The measures of a trial, from the rows that tell. */
export function measureTrial(trial: JudgedTrial): Balancedness {
  const { windows, largest, even } = tellingRows(trial);
  return measureBalancedness(largest, even, { windows: windows.length, gpus: 1 });
}

/** The ratio of sums of a trial, and its spread. */
export function estimateBalancedness({ turns, ahead }: JudgedTrial): Estimate {
  const sampleOf = (rows: JudgedRows) => sampleRatio(rows, rows.even, rows.largest);
  return estimateAhead(sampleOf(turns), ahead && sampleOf(ahead));
}

/**
 * The ratio of sums of a placement on windows that it was not made from, and its spread on others of their kind; undefined
 * of one window, which does not tell.
 */
export function estimatePlacement(placement: Placement, loads: ExpertLoads, machine: Machine): Estimate | undefined {
  if (loads.windows === 1) return undefined;
  const windows = Array.from({ length: loads.windows }, (_, window) => window);
  const even = measureEvenLoads(loads, machine);
  return estimateRatio(sampleRatio({ windows, parts: windows }, even, largestOf(placement, loads, machine)));
}

/** The largest GPU loads of `after`, all layers together, over those of `before` on the same windows, and its spread. */
export function estimateRelative(before: JudgedTrial, after: JudgedTrial): Estimate {
  const sampleOf = (base: JudgedRows, rows: JudgedRows) => sampleRatio(rows, rows.largest, base.largest);
  const isAhead = before.ahead !== undefined && after.ahead !== undefined;
  return estimateAhead(sampleOf(before.turns, after.turns), isAhead ? sampleOf(before.ahead, after.ahead) : undefined);
}

function sampleRatio(
  { windows, parts }: Pick<JudgedRows, 'windows' | 'parts'>,
  above: Float64Array,
  below: Float64Array,
): RatioSample {
  const rows = windows.length;
  return { windows, parts, numerators: sumLayers(above, rows), denominators: sumLayers(below, rows) };
}
