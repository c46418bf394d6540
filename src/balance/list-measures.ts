import type { Balancedness } from './measure.js';
import type { Measurement } from './measure-placement.js';
import type { BalanceSolution } from './solve.js';

/** A measure of placements, for people. */
export interface MeasureRow {
  /** What it is, and the engine that names it so: they name alike what they define differently. */
  readonly name: string;
  /** `[columns]`; empty where a column has no such measure. */
  readonly values: readonly string[];
}

/** Measures beside each other. */
export interface MeasureTable {
  /** What each column measures. */
  readonly columns: readonly string[];
  readonly rows: readonly MeasureRow[];
}

/** All that placements of the same loads are compared by; measures that none of them has are left out. */
export function listMeasures(measurements: readonly Measurement[]): readonly MeasureRow[] {
  const hasWindows = measurements.some(({ balancedness: { p50, ratioOfSums } }) => p50 !== ratioOfSums);
  return [
    ...listBalancedness(
      measurements.map(({ balancedness }) => balancedness),
      hasWindows,
    ),
    ...listOthers(measurements),
  ];
}

function listBalancedness(measured: readonly Balancedness[], hasWindows: boolean): readonly MeasureRow[] {
  const row = (name: string, pick: (balancedness: Balancedness) => number): MeasureRow => ({
    name,
    values: measured.map((balancedness) => formatMeasure(pick(balancedness))),
  });
  return [
    row('balancedness, ratio of sums (vLLM)', ({ ratioOfSums }) => ratioOfSums),
    row('balancedness, mean of ratios (SGLang)', ({ meanOfRatios }) => meanOfRatios),
    row('imbalance, (max - mean) / mean (TensorRT-LLM)', ({ imbalance }) => imbalance),
    ...(hasWindows
      ? [
          row('balancedness of the median window (p50)', ({ p50 }) => p50),
          row('balancedness of all but 1% of windows (p99)', ({ p99 }) => p99),
        ]
      : []),
  ];
}

function listOthers(measurements: readonly (Measurement | undefined)[]): readonly MeasureRow[] {
  const row = (name: string, pick: (measured: Measurement) => string | undefined): MeasureRow => ({
    name,
    values: measurements.map((measured) => (measured && pick(measured)) ?? ''),
  });
  return [
    ...(measurements.some((measured) => measured?.nodeBalancedness !== undefined)
      ? [row('balancedness of nodes, ratio of sums', ({ nodeBalancedness = 1 }) => formatMeasure(nodeBalancedness))]
      : []),
    row('experts twice on a GPU', ({ duplicates }) => String(duplicates)),
    ...(measurements.some((measured) => measured?.spread !== undefined)
      ? [
          row("nodes that a token's experts lie on", ({ spread }) => spread?.nodes.toFixed(3)),
          row("GPUs that a token's experts lie on", ({ spread }) => spread?.gpus.toFixed(3)),
        ]
      : []),
  ];
}

function formatMeasure(value: number): string {
  return value.toFixed(4);
}

/**
 * The measures of a solution. Of several windows, the first columns are of windows that the placement measured was not made
 * from, DeepSeek's policy among them where it is known; the last is of the windows that it was placed by, and says so.
 */
export function tabulateSolution(solution: BalanceSolution): MeasureTable {
  const { before, after, grouped, heldOut, hasCurrent, policy } = solution;
  const first = hasCurrent ? 'now' : 'before';
  if (heldOut === undefined) {
    const measured = [before, after, ...(grouped === undefined ? [] : [grouped])];
    const columns = [first, 'after', ...(grouped === undefined ? [] : ['groups on nodes'])];
    return { columns, rows: listMeasures(measured) };
  }
  const { deepseek, balancedness } = heldOut;
  const hasRival = deepseek !== undefined && policy !== 'deepseek';
  const rows = listBalancedness(
    [heldOut.before, heldOut.after, ...(hasRival ? [deepseek] : []), after.balancedness],
    true,
  );
  const withSpread = rows.map(({ name, values }, row) => {
    const [then, now, ...others] = values;
    return { name, values: [then, row === 0 ? `${now} ± ${formatMeasure(balancedness.spread)}` : now, ...others] };
  });
  return {
    columns: [first, 'after', ...(hasRival ? ["DeepSeek's EPLB"] : []), 'after, on the windows it was placed by'],
    rows: [...withSpread, ...listOthers([before, after, ...(hasRival ? [undefined] : []), after])],
  };
}
