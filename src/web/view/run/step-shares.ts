import type { StepMetrics } from '../../../formats/browser.js';
import type { SegmentSimulation } from '../../../simulate/index.js';

/** Where the time of a step goes, in seconds; the three together are the step. */
export interface StepShares {
  readonly compute: number;
  /** Communication that nothing hides. */
  readonly exposed: number;
  readonly idle: number;
}

/** `[rank]`: as measured in a step. */
export function measuredShares({
  computeSeconds,
  exposedCommunicationSeconds,
  idleSeconds,
}: StepMetrics): StepShares[] {
  return computeSeconds.map((compute, rank) => ({
    compute,
    exposed: exposedCommunicationSeconds[rank] ?? 0,
    idle: idleSeconds[rank] ?? 0,
  }));
}

/** `[rank]`: as predicted from the run's own segment times. */
export function predictedShares({ compute, exposedCommunication, idle }: SegmentSimulation): StepShares[] {
  return compute.map((seconds, rank) => ({
    compute: seconds,
    exposed: exposedCommunication[rank] ?? 0,
    idle: idle[rank] ?? 0,
  }));
}
