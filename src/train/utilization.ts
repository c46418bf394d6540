import { availableParallelism } from 'node:os';
import type { Launch } from '../comm/index.js';
import { modelFlops, type TrainingConfig } from '../config/index.js';
import type { StepMetrics } from '../formats/index.js';
import type { StepReport } from '../runtime/index.js';
import { measureThreadPeak } from './benchmark.js';

/** How much of what the machine could compute a run uses. */
export interface Utilization {
  /**
   * Of a step in which that many tokens a second were trained on. To be called between steps: it may measure the
   * machine.
   */
  rate(tokensPerSecond: number): Pick<StepMetrics, 'gflops' | 'mfu'>;
}

export interface UtilizationOptions {
  /** Only the leader's process measures. */
  readonly isLeader: boolean;
  readonly launch: Launch | undefined;
  readonly cores?: number;
  /** GFLOP/s of one thread at its best. */
  readonly measurePeak?: () => number;
  /** Seconds since any moment. */
  readonly clock?: () => number;
}

/**
 * The peak is measured once, after this time, in which it is below 1% of the run: neither the start nor a short run
 * waits for it.
 */
const PEAK_AFTER_SECONDS = 20;

/**
 * The peak is what one thread reaches in a plain matrix product, times the threads that compute, of which there are no
 * more than cores: what `doubletrack bench matmul` measures. Model FLOPs are those of `modelFlops`.
 */
export function createUtilization(config: TrainingConfig, options: UtilizationOptions): Utilization {
  const { isLeader, launch, cores = availableParallelism(), measurePeak = measureThreadPeak, clock } = options;
  const { pipeline, expert, computeThreads } = config.parallel;
  const ranks = pipeline * expert;
  const ranksHere = launch?.host.ranks ?? ranks;
  const threads = (Math.min(ranksHere * computeThreads, cores) * ranks) / ranksHere;
  const { trainingFlopsPerToken } = modelFlops(config.model, config.data.sequenceLength);
  const seconds = clock ?? (() => performance.now() / 1000);
  const opened = seconds();
  let peakGflops: number | undefined;
  return {
    rate(tokensPerSecond) {
      const gflops = (tokensPerSecond * trainingFlopsPerToken) / 1e9;
      if (isLeader && peakGflops === undefined && seconds() - opened >= PEAK_AFTER_SECONDS)
        peakGflops = threads * measurePeak();
      return { gflops, ...(peakGflops !== undefined && { mfu: gflops / peakGflops }) };
    },
  };
}

/** Threads are of one process, ranks over MPI each of their own. */
export function sumMemory(reports: readonly Pick<StepReport, 'peakMemoryBytes'>[], launch: Launch | undefined): number {
  const bytes = reports.map(({ peakMemoryBytes }) => peakMemoryBytes);
  return launch === undefined ? Math.max(...bytes) : bytes.reduce((sum, one) => sum + one, 0);
}
