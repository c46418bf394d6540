import { appendFileSync, existsSync } from 'node:fs';
import { parseMetrics, readFileText, type StepMetrics, writeFileWhole } from '../formats/index.js';
import type { StepReport } from '../runtime/index.js';
import { runPaths } from './run-paths.js';

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

/**
 * Starts the metrics of a run folder: keeps the lines up to step `keepUntil` (0: none) as they are, whichever version wrote them, so that a resumed run continues its own curve. Gives those that are
 * metrics of this version.
 */
export async function startMetrics(folder: string, keepUntil: number): Promise<readonly StepMetrics[]> {
  const file = runPaths(folder).metrics;
  const lines = existsSync(file) ? readFileText(file, { maxBytes: MAX_METRICS_BYTES }).split('\n') : [];
  const kept = lines.filter((line) => stepOf(line) <= keepUntil);
  await writeFileWhole(file, kept.map((line) => `${line}\n`).join(''));
  return kept.flatMap((line) => parseMetrics(line) ?? []);
}

/** The step of a line; NaN of one that was cut short by a crash, or is none. */
function stepOf(line: string): number {
  try {
    return Number((JSON.parse(line) as { readonly step?: unknown } | null)?.step ?? Number.NaN);
  } catch {
    return Number.NaN;
  }
}

/** Adds a line. */
export function appendMetrics(folder: string, metrics: StepMetrics): void {
  appendFileSync(runPaths(folder).metrics, `${JSON.stringify(metrics)}\n`);
}

const MAX_METRICS_BYTES = 2 ** 30;
