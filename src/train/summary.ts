import type { TrainingConfig } from '../config/index.js';
import { type StepMetrics, writeFileWhole } from '../formats/index.js';
import type { StepRecord } from '../simulate/index.js';
import { type BalanceSummary, summarizeBalance } from './balance-summary.js';
import { predictRun } from './predict.js';
import type { TrainingResult } from './run.js';
import { runPaths } from './run-paths.js';

/** What a run comes to. */
export interface RunSummary {
  readonly steps: number;
  readonly lossFirst: number;
  readonly lossLast: number;
  readonly validationLoss: number | undefined;
  /** Of the median step. */
  readonly tokensPerSecond: number;
  /** Shares of the time of all steps, by rank: computing, communication that nothing hid and idle time sum to 1. */
  readonly ranks: readonly {
    readonly compute: number;
    /** The communication lane at work, hidden or not. */
    readonly communication: number;
    readonly exposedCommunication: number;
    readonly idle: number;
  }[];
  /** Share of the ranks' time in which they do not compute: as the simulator has it from the run's own segment times, a prediction, and as measured. */
  readonly predictedBubble: number;
  readonly measuredBubble: number;
  /** Of the median step. */
  readonly gflops?: number;
  /** Of the median step among those that know it. */
  readonly mfu?: number;
  readonly peakMemoryBytes?: number;
  /** Only where the system tells for how long threads have a core. */
  readonly coreless?: Coreless;
  /** Only where ranks share experts. */
  readonly balance?: BalanceSummary;
}

/** What it took that threads which compute had to wait for a core: shares of the ranks' time. */
interface Coreless {
  /** In which a rank computed, but had no core. */
  readonly computing: number;
  /** In which a rank did not compute, and which others that had no core can explain: no more than that. */
  readonly waiting: number;
}

/** Sums up a run of at least one step. */
export function summarizeRun({ steps, record }: TrainingResult, config: TrainingConfig): RunSummary {
  const { expert } = config.parallel;
  const total = steps.reduce((sum, { seconds }) => sum + seconds, 0);
  const share = (pick: (metrics: (typeof steps)[number]) => readonly number[], rank: number) =>
    steps.reduce((sum, metrics) => sum + pick(metrics)[rank], 0) / total;
  const last = steps[steps.length - 1];
  const predictedBubble = record === undefined ? 0 : predictBubble(record, config);
  const ranks = steps[0].computeSeconds.map((_, rank) => ({
    compute: share(({ computeSeconds }) => computeSeconds, rank),
    communication: share(({ communicationSeconds }) => communicationSeconds, rank),
    exposedCommunication: share(({ exposedCommunicationSeconds }) => exposedCommunicationSeconds, rank),
    idle: share(({ idleSeconds }) => idleSeconds, rank),
  }));
  const waited = ranks.reduce((sum, { exposedCommunication, idle }) => sum + exposedCommunication + idle, 0);
  return {
    steps: steps.length,
    lossFirst: steps[0].loss,
    lossLast: last.loss,
    validationLoss: steps.findLast(({ validationLoss }) => validationLoss !== undefined)?.validationLoss,
    tokensPerSecond: medianOf(steps, ({ tokensPerSecond }) => tokensPerSecond) ?? 0,
    ranks,
    predictedBubble,
    measuredBubble: waited / ranks.length,
    ...summarizeUse(steps),
    ...summarizeCoreless(steps, ranks, predictedBubble),
    ...(expert > 1 && { balance: summarizeBalance(steps, expert) }),
  };
}

function medianOf(
  steps: readonly StepMetrics[],
  pick: (metrics: StepMetrics) => number | undefined,
): number | undefined {
  const values = steps.flatMap((metrics) => pick(metrics) ?? []).sort((a, b) => a - b);
  return values[values.length >> 1];
}

function summarizeUse(steps: readonly StepMetrics[]): Pick<RunSummary, 'gflops' | 'mfu' | 'peakMemoryBytes'> {
  const gflops = medianOf(steps, (metrics) => metrics.gflops);
  const mfu = medianOf(steps, (metrics) => metrics.mfu);
  const { peakMemoryBytes } = steps[steps.length - 1];
  return {
    ...(gflops !== undefined && { gflops }),
    ...(mfu !== undefined && { mfu }),
    ...(peakMemoryBytes !== undefined && { peakMemoryBytes }),
  };
}

/**
 * A rank that waits longer than predicted waits for another, which may have had no core: it cannot have waited longer
 * for that than all others together had none.
 */
export function summarizeCoreless(
  steps: readonly Pick<StepMetrics, 'seconds' | 'computeSeconds' | 'computeCpuSeconds'>[],
  ranks: RunSummary['ranks'],
  predictedBubble: number,
): Pick<RunSummary, 'coreless'> {
  if (steps.some(({ computeCpuSeconds }) => computeCpuSeconds === undefined)) return {};
  const total = steps.reduce((sum, { seconds }) => sum + seconds, 0);
  const missing = ranks.map((_, rank) => {
    const seconds = steps.map(({ computeSeconds, computeCpuSeconds = [] }) => {
      return Math.max(0, computeSeconds[rank] - (computeCpuSeconds[rank] ?? 0));
    });
    return seconds.reduce((sum, one) => sum + one, 0) / total;
  });
  const all = missing.reduce((sum, share) => sum + share, 0);
  const waiting = ranks.map(({ exposedCommunication, idle }, rank) =>
    Math.min(Math.max(0, exposedCommunication + idle - predictedBubble), all - missing[rank]),
  );
  const mean = (shares: readonly number[]) => shares.reduce((sum, share) => sum + share, 0) / shares.length;
  return { coreless: { computing: mean(missing), waiting: mean(waiting) } };
}

/** A summary as the folder of a run holds it. */
export interface WrittenSummary extends RunSummary {
  /** Of a run whose times are with an emulated link: megabits a second. */
  readonly emulatedLinkMegabits?: number;
}

/** Writes the summary into the run's folder, where it says that the run is over. Throws as `writeFileWhole`. */
export async function writeSummary(folder: string, summary: WrittenSummary): Promise<void> {
  await writeFileWhole(runPaths(folder).summary, `${JSON.stringify(summary)}\n`);
}

function predictBubble(record: StepRecord, config: TrainingConfig): number {
  const { makespan, compute } = predictRun(record, config).simulation;
  return 1 - compute.reduce((sum, seconds) => sum + seconds, 0) / (makespan * compute.length);
}
