import type { TrainingConfig } from '../config/index.js';
import { writeFileWhole } from '../formats/index.js';
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
  /** Only where ranks share experts. */
  readonly balance?: BalanceSummary;
}

/** Sums up a run of at least one step. */
export function summarizeRun({ steps, record }: TrainingResult, config: TrainingConfig): RunSummary {
  const { expert } = config.parallel;
  const total = steps.reduce((sum, { seconds }) => sum + seconds, 0);
  const share = (pick: (metrics: (typeof steps)[number]) => readonly number[], rank: number) =>
    steps.reduce((sum, metrics) => sum + pick(metrics)[rank], 0) / total;
  const rates = steps.map(({ tokensPerSecond }) => tokensPerSecond).sort((a, b) => a - b);
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
    lossLast: steps[steps.length - 1].loss,
    validationLoss: steps.findLast(({ validationLoss }) => validationLoss !== undefined)?.validationLoss,
    tokensPerSecond: rates[rates.length >> 1],
    ranks,
    predictedBubble: record === undefined ? 0 : predictBubble(record, config),
    measuredBubble: waited / ranks.length,
    ...(expert > 1 && { balance: summarizeBalance(steps, expert) }),
  };
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
