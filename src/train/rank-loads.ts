import { createMachine, cutGroups, measureGpuLoads, measureImbalance, type Placement } from '../balance/index.js';
import type { RunSpec, StepReport } from '../runtime/index.js';
import { measureBalancedness } from './metrics.js';

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

type Rows = readonly Pick<StepReport, 'expertRows'>[];

/** Rows that each rank's experts computed, of all layers, by rank. */
export function sumRankLoads(reports: Rows): number[] {
  return reports.map(({ expertRows }) => sum([...expertRows.values()]));
}

/** Sum over layers, and the pipeline ranks that hold them, of the mean expert rank's rows over the sum of the largest; 1 is even, or without experts. */
export function measureRankBalancedness(reports: Rows, expert: number): number {
  return 1 / measureImbalance([...rowsByLayer(reports).values()], expert);
}

/** Rows of each layer by rank; 0 where it does not hold the layer. */
function rowsByLayer(reports: Rows): Map<number, number[]> {
  const layers = new Set(reports.flatMap(({ expertRows }) => [...expertRows.keys()]));
  return new Map([...layers].map((layer) => [layer, reports.map(({ expertRows }) => expertRows.get(layer) ?? 0)]));
}

/**
 * Rows that each rank's experts would have computed with another placement, by rank: an expert's tokens shared evenly by its replicas, of each pipeline rank
 * that holds a layer as many as it had.
 *
 * @param placement of the layers from `firstLayer`
 * @param expert ranks that share experts
 */
export function predictRankLoads(
  reports: readonly Pick<StepReport, 'expertRows' | 'expertCounts'>[],
  placement: Placement,
  { firstLayer, expert }: { readonly firstLayer: number; readonly expert: number },
): number[] {
  const { layers, experts, slots } = placement;
  const counts = new Float64Array(layers * experts);
  for (const [layer, row] of reports.flatMap(({ expertCounts }) => [...expertCounts]))
    counts.set(row, (layer - firstLayer) * experts);
  const machine = createMachine({ gpus: expert, slots });
  const loads = measureGpuLoads(placement, { windows: 1, layers, experts, counts }, machine);
  const predicted = reports.map(() => 0);
  for (const [layer, byRank] of rowsByLayer(reports)) {
    const total = sum(byRank);
    for (const [group, rows] of cutGroups(byRank, expert).entries()) {
      for (let rank = 0; rank < expert && total > 0; rank++)
        predicted[group * expert + rank] += (loads[(layer - firstLayer) * expert + rank] * sum(rows)) / total;
    }
  }
  return predicted;
}

/** How evenly experts and ranks were loaded. */
export function measureLoads(reports: readonly StepReport[], { expert, placement, model, movesExperts }: RunSpec) {
  const at = { firstLayer: model.firstKDenseReplace, expert };
  return {
    balancedness: measureBalancedness(reports),
    rankBalancedness: measureRankBalancedness(reports, expert),
    rankLoads: sumRankLoads(reports),
    ...(movesExperts && { unmovedRankLoads: predictRankLoads(reports, placement, at) }),
  };
}
