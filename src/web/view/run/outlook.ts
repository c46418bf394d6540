import { formatSeconds } from '../../../base/index.js';
import { paceOf, type StepMetrics } from '../../../formats/browser.js';

/** A run is quiet that takes so many times as long for a step as it did, and no less than this. */
const quietSteps = 10;
const leastQuietSeconds = 60;

export interface OutlookOptions {
  /** The last step of the run, as far as that is known. */
  readonly steps: number | undefined;
  /** Since the last step was done. */
  readonly quietSeconds: number;
  readonly isFinished: boolean;
}

/** What is to be expected of a run: how long it takes at the pace of its last steps, that it is over, or that it seems to have stopped. */
export function describeOutlook(
  history: readonly StepMetrics[],
  { steps, quietSeconds, isFinished }: OutlookOptions,
): string {
  if (isFinished) return 'the run is over';
  const pace = paceOf(history);
  if (quietSeconds > Math.max(leastQuietSeconds, quietSteps * pace))
    return `no step for ${formatSeconds(quietSeconds)}: has it stopped?`;
  if (steps === undefined) return 'the last one so far';
  return `about ${formatSeconds(Math.max(0, steps - (history.at(-1)?.step ?? 0)) * pace)} left`;
}
