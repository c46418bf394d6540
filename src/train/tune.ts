import { DoubletrackError, InputError, WorkError } from '../base/index.js';
import { formatTrainingConfig, parseTrainingConfig, type TrainingConfig } from '../config/index.js';
import { findPinningObstacle } from '../device/index.js';
import { parseToml } from '../formats/index.js';
import { listCandidates, withOtherAffinity } from '../plan/index.js';
import { benchmarkInProcess } from './benchmark-process.js';
import { loadCorpus } from './data/index.js';
import { planRun } from './plan-run.js';
import { type RaceProgress, raceCandidates, rankTrials, type Sample, type Trial } from './race.js';

export interface TuneOptions {
  readonly config: TrainingConfig;
  /** Cores that ranks may compute on, all together. */
  readonly cores: number;
  /** About how long it may take. */
  readonly seconds: number;
  readonly signal: AbortSignal;
  readonly onStart: (start: Pick<TuneResult, 'refused'> & { readonly candidates: number }) => void;
  readonly onRun: (progress: RaceProgress<TrainingConfig>) => void;
}

export interface TuneResult {
  /** Everything that was measured or failed, the fastest first; failures last. */
  readonly trials: readonly Trial<TrainingConfig>[];
  readonly best: Trial<TrainingConfig>;
  /** Whether the middle half of the best's steps lies below the middle half of the next one's. */
  readonly isClear: boolean;
  /** The config as given, if it runs. */
  readonly given: Trial<TrainingConfig> | undefined;
  /** How many candidates the schedules or the model do not allow, by the reason. */
  readonly refused: ReadonlyMap<string, number>;
  /** Candidates that there was no time for. */
  readonly untried: number;
}

/** Timed steps of a run at least. */
const leastSteps = 2;

/**
 * Finds the fastest way to run a config on this machine by short runs, each in a process of its own, one after the other. Throws `InputError` if the text cannot be
 * read or no candidate is allowed, `WorkError` if none runs, an `AbortError` when the signal comes.
 */
export async function tuneConfig(options: TuneOptions): Promise<TuneResult> {
  const { config, cores, seconds, signal, onRun } = options;
  await loadCorpus(config);
  const { allowed, refused } = chooseAllowed(listCandidates(config, cores));
  options.onStart({ candidates: allowed.length, refused });
  const trials = await raceCandidates({
    candidates: allowed,
    seconds,
    measure: (candidate, limit) => measureCandidate(candidate, limit, signal),
    challenge: challengeAffinity,
    clock: () => performance.now() / 1000,
    onRun,
  });
  const ranked = rankTrials(trials.map((trial) => ({ trial }))).map(({ trial }) => trial);
  const failed = trials.filter(({ failure }) => failure !== undefined);
  const [best] = ranked;
  if (best === undefined) throw new WorkError({ what: `nothing ran: ${failed[0]?.failure ?? 'there was no time'}` });
  return {
    trials: [...ranked, ...failed],
    best,
    isClear: isClearlyFaster(best, ranked[1]),
    given: ranked.find(({ candidate }) => candidate === config),
    refused,
    untried: trials.slice(0, allowed.length).filter(isUntried).length,
  };
}

function isUntried({ stepSeconds, failure }: Trial<unknown>): boolean {
  return stepSeconds.length === 0 && failure === undefined;
}

/** The candidates that training takes, and why it refuses others. Throws `InputError` with the reason for the first if there is none. */
function chooseAllowed(candidates: readonly TrainingConfig[]) {
  const refused = new Map<string, number>();
  const refusals = candidates.map((candidate) => findRefusal(candidate));
  for (const refusal of refusals) {
    if (refusal !== undefined) refused.set(refusal.problem.what, (refused.get(refusal.problem.what) ?? 0) + 1);
  }
  const allowed = candidates.filter((_, index) => refusals[index] === undefined);
  if (allowed.length === 0 && refusals[0] !== undefined) throw refusals[0];
  return { allowed, refused };
}

/** Asks the two that say so: the reader of configs, and whoever plans a run. */
function findRefusal(config: TrainingConfig): InputError | undefined {
  try {
    const where = 'a candidate';
    parseTrainingConfig({ tables: parseToml(formatTrainingConfig(config), where), where });
    planRun(config);
    return undefined;
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
}

async function measureCandidate(
  config: TrainingConfig,
  seconds: number,
  signal: AbortSignal,
): Promise<Sample | { readonly failure: string }> {
  try {
    return await benchmarkInProcess({ config, leastSteps, seconds }, signal);
  } catch (error) {
    if (error instanceof DoubletrackError) return { failure: error.message };
    throw error;
  }
}

function isClearlyFaster(best: Trial<unknown>, next: Trial<unknown> | undefined): boolean {
  return next === undefined || quantile(best.stepSeconds, 0.75) < quantile(next.stepSeconds, 0.25);
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(part * (sorted.length - 1))]!;
}

/** The fastest with the other affinity, where that makes a difference. */
function challengeAffinity(config: TrainingConfig): TrainingConfig | undefined {
  const { pipeline, expert, computeThreads } = config.parallel;
  const obstacle = findPinningObstacle({ ranks: pipeline * expert, computeThreads });
  return obstacle === undefined ? withOtherAffinity(config) : undefined;
}
