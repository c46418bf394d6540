import type { Measurement } from '../balance/index.js';
import { drawHeatMapText, type HeatMap } from '../draw/index.js';
import { hasColor, outputWidth } from './output.js';
import { formatTable } from './table.js';

/** The maps for a terminal, and for a file or pipe no wider than a page. */
export function drawHeatMaps(maps: readonly HeatMap[]): string {
  return drawHeatMapText(maps, { width: Math.min(outputWidth(), WIDEST_PICTURE), color: hasColor() });
}

const WIDEST_PICTURE = 160;

/** The measures as lines of a table, one column a measurement. */
export function formatMeasures(titles: readonly string[], measurements: readonly Measurement[]): string {
  const number = (value: number): string => value.toFixed(4);
  const hasWindows = measurements.some(({ balancedness: { p50, ratioOfSums } }) => p50 !== ratioOfSums);
  const row = (label: string, pick: (measured: Measurement) => string): string[] => [label, ...measurements.map(pick)];
  const rows = [
    ['', ...titles],
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
  return formatTable(rows);
}
