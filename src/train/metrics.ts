import type { StepReport } from '../runtime/index.js';

/** Sum of the losses of all microbatches, in the batch's order whatever the schedule's. */
export function sumLosses(reports: readonly Pick<StepReport, 'scalars'>[]): number {
  const losses = reports.flatMap(({ scalars }) => scalars).filter(({ meaning }) => meaning === 'loss');
  return losses.sort((a, b) => a.batchRow - b.batchRow).reduce((sum, { value }) => sum + value, 0);
}

/** Mean over layers of mean load over largest load of an expert; 1 without experts. */
export function measureBalancedness(reports: readonly Pick<StepReport, 'expertCounts'>[]): number {
  const layers = new Map(reports.flatMap(({ expertCounts }) => [...expertCounts]));
  const ratios = [...layers.values()].map(
    (counts) => counts.reduce((sum, count) => sum + count, 0) / counts.length / Math.max(...counts),
  );
  return ratios.length === 0 ? 1 : ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
}
