import { type ExpertLoads, pickWindows } from '../loads.js';
import type { Machine } from '../machine.js';
import { type Balancedness, measureBalancedness, measureEvenLoads, measureLargestLoads } from '../measure.js';
import type { Placement } from '../placement.js';
import { type Estimate, estimateAhead, estimateRatio, type RatioSample } from './estimate.js';
import type { Split, Splits } from './splits.js';

/** The windows that splits judge, one row after the other. */
interface JudgedWindows {
  /** `[rows]`: the window of each. */
  readonly windows: readonly number[];
  /** `[rows]`: the split of each. */
  readonly parts: readonly number[];
  /** `[rows, layers]`: what each GPU would get if all got the same. */
  readonly even: Float64Array;
}

/** What is the same for all placements that are judged; `ahead` only where loads drift. */
export interface Bench {
  /** Those of `turns` first. */
  readonly splits: readonly Split[];
  readonly turns: JudgedWindows;
  readonly ahead: JudgedWindows | undefined;
}

/** Largest GPU loads of windows that the placement under them was not made from. */
interface JudgedRows extends JudgedWindows {
  /** `[rows, layers]`. */
  readonly largest: Float64Array;
}

/** Rows of all splits, as the bench has them. */
export interface JudgedTrial {
  readonly turns: JudgedRows;
  readonly ahead: JudgedRows | undefined;
}

/** What splits judge of the loads. */
export function openBench(loads: ExpertLoads, machine: Machine, { turns, ahead }: Splits): Bench {
  const gather = (splits: readonly Split[]): JudgedWindows => {
    const windows = splits.flatMap((split) => split.judge);
    return {
      windows,
      parts: splits.flatMap((split, index) => split.judge.map(() => index)),
      even: measureEvenLoads(pickWindows(loads, windows), machine),
    };
  };
  return {
    splits: [...turns, ...ahead],
    turns: gather(turns),
    ahead: ahead.length === 0 ? undefined : gather(ahead),
  };
}

/** Judges every split: `judge` gives the largest GPU loads `[windows that judge, layers]`. */
export function judgeSplits(
  { splits, turns, ahead }: Bench,
  judge: (split: Split, index: number) => Float64Array,
): JudgedTrial {
  const largest = joinRows(splits.map(judge));
  return {
    turns: { ...turns, largest: largest.subarray(0, turns.even.length) },
    ahead: ahead && { ...ahead, largest: largest.subarray(turns.even.length) },
  };
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
  return estimateRatio(sampleRatio({ windows, parts: windows }, even, measureLargestLoads(placement, loads, machine)));
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
