import type { Measurement } from './measure-placement.js';

/** A measure of placements, for people. */
export interface MeasureRow {
  /** What it is, and the engine that names it so: they name alike what they define differently. */
  readonly name: string;
  /** `[measurements]` */
  readonly values: readonly string[];
}

/** All that placements of the same loads are compared by; measures that none of them has are left out. */
export function listMeasures(measurements: readonly Measurement[]): readonly MeasureRow[] {
  const number = (value: number): string => value.toFixed(4);
  const hasWindows = measurements.some(({ balancedness: { p50, ratioOfSums } }) => p50 !== ratioOfSums);
  const row = (name: string, pick: (measured: Measurement) => string): MeasureRow => ({
    name,
    values: measurements.map(pick),
  });
  return [
    row('balancedness, ratio of sums (vLLM)', ({ balancedness }) => number(balancedness.ratioOfSums)),
    row('balancedness, mean of ratios (SGLang)', ({ balancedness }) => number(balancedness.meanOfRatios)),
    row('imbalance, (max - mean) / mean (TensorRT-LLM)', ({ balancedness }) => number(balancedness.imbalance)),
    ...(hasWindows
      ? [
          row('balancedness of the median window (p50)', ({ balancedness }) => number(balancedness.p50)),
          row('balancedness of all but 1% of windows (p99)', ({ balancedness }) => number(balancedness.p99)),
        ]
      : []),
    ...(measurements.some(({ nodeBalancedness }) => nodeBalancedness !== undefined)
      ? [row('balancedness of nodes, ratio of sums', ({ nodeBalancedness }) => number(nodeBalancedness ?? 1))]
      : []),
    row('experts twice on a GPU', ({ duplicates }) => String(duplicates)),
    ...(measurements.some(({ spread }) => spread !== undefined)
      ? [
          row("nodes that a token's experts lie on", ({ spread }) => spread?.nodes.toFixed(3) ?? ''),
          row("GPUs that a token's experts lie on", ({ spread }) => spread?.gpus.toFixed(3) ?? ''),
        ]
      : []),
  ];
}
