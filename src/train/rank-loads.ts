import { createMachine, measureGpuLoads, type Placement } from '../balance/index.js';
import type { RunSpec, StepReport } from '../runtime/index.js';
import { measureBalancedness } from './metrics.js';

/** A list in the order of the ranks, cut into the ranks that share the experts of one pipeline rank. */
function cutGroups(byRank: readonly number[], expert: number): number[][] {
  const starts = Array.from({ length: byRank.length / expert }, (_, group) => group * expert);
  return starts.map((first) => byRank.slice(first, first + expert));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/**
 * The slowest rank over the mean: of each pipeline rank's expert ranks the largest, added up over pipeline ranks and `lists`, over the mean; 1 where nobody did
 * anything.
 *
 * @param lists what each rank did, by rank: a list a step
 * @param expert ranks that share experts
 */
export function measureImbalance(lists: readonly (readonly number[])[], expert: number): number {
  const groups = lists.flatMap((byRank) => cutGroups(byRank, expert));
  const mean = sum(groups.map(sum)) / expert;
  return mean === 0 ? 1 : sum(groups.map((group) => Math.max(...group))) / mean;
}

/** What each rank did over the mean of those that it shares experts with, by rank; 0 where none of them did anything. */
export function divideByGroupMeans(byRank: readonly number[], expert: number): number[] {
  return cutGroups(byRank, expert).flatMap((group) => group.map((value) => (value * expert) / (sum(group) || 1)));
}

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
