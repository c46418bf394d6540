// What the runs of the overlap benchmark come to: pure functions of their metrics.

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const spread = (values) => ({ median: median(values), min: Math.min(...values), max: Math.max(...values) });

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Sums up the runs of one variant: seconds are medians over all steps, by rank where an array.
 *
 * @param runs metrics of each run, a record a step, those of the warm-up left out
 */
export function summarizeRuns(name, runs) {
  const steps = runs.flat();
  const byRank = (key) => steps[0][key].map((_, rank) => median(steps.map((step) => step[key][rank])));
  return {
    name,
    stepSeconds: spread(steps.map(({ seconds }) => seconds)),
    roundSeconds: runs.map((run) => median(run.map(({ seconds }) => seconds))),
    computeSeconds: byRank('computeSeconds'),
    communicationSeconds: byRank('communicationSeconds'),
    exposedCommunicationSeconds: byRank('exposedCommunicationSeconds'),
    idleSeconds: byRank('idleSeconds'),
    /** Computing over the step, mean of the ranks. */
    utilisation: median(steps.map(({ seconds, computeSeconds }) => mean(computeSeconds) / seconds)),
  };
}

/**
 * What the second variant saves of the first one's step.
 *
 * @param linkSeconds seconds a step in which the link must be at work at its rate, the busier direction; 0 without a limit
 */
export function compareVariants(first, second, linkSeconds) {
  const savings = first.roundSeconds.map((seconds, round) => 1 - second.roundSeconds[round] / seconds);
  const longerLaneSeconds = Math.max(...second.computeSeconds, linkSeconds);
  return {
    saving: 1 - second.stepSeconds.median / first.stepSeconds.median,
    savingByRound: spread(savings),
    utilisationGain: second.utilisation / first.utilisation - 1,
    linkSeconds,
    longerLaneSeconds,
    stepOverLongerLane: second.stepSeconds.median / longerLaneSeconds,
  };
}

/** The largest relative difference between the losses of two runs, step by step. */
export function lossDifference(one, other) {
  return Math.max(...one.map(({ loss }, index) => Math.abs(loss - other[index].loss) / Math.abs(loss)));
}
