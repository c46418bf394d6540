import type { StepRecord } from '../../../simulate/index.js';

/** What the prediction of a step takes time for: the segments of every microbatch on every expert rank, and the actions that hold them, at least three a stage. */
export function countPredicted({ schedule, layers, expert, parts }: StepRecord): number {
  const segments = parts.reduce((sum, { forward, backward }) => sum + forward.length + backward.length, 0);
  return schedule.microbatches * (segments * expert + 3 * layers.length);
}
