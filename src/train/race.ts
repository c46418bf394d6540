import { measureSpread } from './benchmark.js';

/** What some steps took. */
export interface Sample {
  readonly stepSeconds: readonly number[];
  readonly peakMemoryBytes: number;
}

/** A candidate and all that was measured of it. */
export interface Trial<C> {
  readonly candidate: C;
  readonly stepSeconds: readonly number[];
  readonly peakMemoryBytes: number;
  /** Why it cannot run; it takes no further part. */
  readonly failure?: string;
}

/** A run that ended, for whoever shows it. */
export interface RaceProgress<C> {
  readonly round: number;
  readonly run: number;
  /** Runs of this round, if there is time for all. */
  readonly runs: number;
  readonly trial: Trial<C>;
  readonly secondsLeft: number;
}

export interface RaceOptions<C> {
  /** The first is the yardstick: it runs in every round. */
  readonly candidates: readonly C[];
  /** About how long the race may take. */
  readonly seconds: number;
  /** Runs a candidate for about so many seconds; a failure is a result. */
  readonly measure: (candidate: C, seconds: number) => Promise<Sample | { readonly failure: string }>;
  /** Another candidate for the last round, made from the fastest. */
  readonly challenge: (fastest: C) => C | undefined;
  /** The time in seconds. */
  readonly clock: () => number;
  readonly onRun: (progress: RaceProgress<C>) => void;
}

/** Whom a round leaves at least. */
const finalists = 2;

/**
 * Finds the fastest of many candidates by successive halving (Jamieson and Talwalkar, "Non-stochastic best arm identification", 2016): half of the time goes to all of
 * them, then each round to the better half of the one before, so that the last few are measured longest. All steps of a candidate count, so the last ones are measured at several times.
 * Gives the trials in the order of the candidates; those that there was no time for have no steps.
 */
export async function raceCandidates<C>(options: RaceOptions<C>): Promise<Trial<C>[]> {
  const { clock, seconds, challenge } = options;
  const trials: Trial<C>[] = options.candidates.map(startTrial);
  const start = clock();
  const end = start + seconds;
  const everyone = trials.map((_, index) => index);
  await runRound({ options, trials, field: everyone, round: 1, until: start + seconds / 2, end });
  let field = chooseSurvivors(trials, everyone);
  for (let round = 2; field.length > 0 && clock() < end; round++) {
    const isFinal = field.length <= finalists + 1;
    const challenger = isFinal ? challenge(trials[field[0]!]!.candidate) : undefined;
    if (challenger !== undefined) field = [...field, trials.push(startTrial(challenger)) - 1];
    const now = clock();
    const share = isFinal ? 1 : 1 / Math.ceil(Math.log2(field.length));
    await runRound({ options, trials, field, round, until: now + (end - now) * share, end });
    if (isFinal) break;
    field = chooseSurvivors(trials, field);
  }
  return trials;
}

function startTrial<C>(candidate: C): Trial<C> {
  return { candidate, stepSeconds: [], peakMemoryBytes: 0 };
}

/** The better half, fastest first, and the yardstick. */
function chooseSurvivors(trials: readonly Trial<unknown>[], field: readonly number[]): number[] {
  const measured = rankTrials(field.map((index) => ({ index, trial: trials[index]! }))).map(({ index }) => index);
  const better = measured.slice(0, Math.max(finalists, Math.ceil(measured.length / 2)));
  return measured.filter((index) => better.includes(index) || index === 0);
}

/** Those that ran, by their median step, the fastest first. */
export function rankTrials<T extends { readonly trial: Trial<unknown> }>(entries: readonly T[]): T[] {
  return entries
    .filter(({ trial }) => trial.failure === undefined && trial.stepSeconds.length > 0)
    .map((entry) => ({ entry, median: measureSpread(entry.trial.stepSeconds).median }))
    .sort((a, b) => a.median - b.median)
    .map(({ entry }) => entry);
}

interface Round<C> {
  readonly options: RaceOptions<C>;
  readonly trials: Trial<C>[];
  /** Positions in `trials`. */
  readonly field: readonly number[];
  readonly round: number;
  readonly until: number;
  readonly end: number;
}

/** Runs the field once, an equal share of the time left for each; after `until` no run starts, but for the first few of the first round. */
async function runRound<C>({ options, trials, field, round, until, end }: Round<C>): Promise<void> {
  const { clock, measure, onRun } = options;
  for (const [position, index] of field.entries()) {
    const left = until - clock();
    if (left <= 0 && (round > 1 || position >= finalists)) return;
    const before = trials[index]!;
    const sample = await measure(before.candidate, left / (field.length - position));
    const trial = 'failure' in sample ? { ...before, failure: sample.failure } : addSample(before, sample);
    trials[index] = trial;
    onRun({ round, run: position + 1, runs: field.length, trial, secondsLeft: Math.max(0, end - clock()) });
  }
}

function addSample<C>(trial: Trial<C>, { stepSeconds, peakMemoryBytes }: Sample): Trial<C> {
  return {
    ...trial,
    stepSeconds: [...trial.stepSeconds, ...stepSeconds],
    peakMemoryBytes: Math.max(trial.peakMemoryBytes, peakMemoryBytes),
  };
}
