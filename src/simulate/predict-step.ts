import { generateSchedule, type Schedule } from '../schedule/index.js';
import { type SegmentSimulation, simulateSegments } from './segments.js';
import { composeTimes } from './stage-times.js';
import type { StepRecord } from './step-record.js';

/** What a predicted step runs; what is left out is as in the run. */
export interface PredictedStep {
  readonly schedule?: Schedule;
  /** `[stage of a pipeline]`: its layers. */
  readonly layers?: StepRecord['layers'];
  readonly overlap?: boolean;
}

/** The step of a run as the times of its segments make it. Throws as `generateSchedule`, `composeTimes` and `simulateSegments`. */
export function predictStep(
  record: StepRecord,
  {
    schedule = generateSchedule(record.schedule),
    layers = record.layers,
    overlap = record.overlap,
  }: PredictedStep = {},
): SegmentSimulation {
  return simulateSegments({ schedule, overlap, times: composeTimes(record, schedule, layers) });
}
