import { InputError } from '../base/index.js';
import type { TrainingConfig } from '../config/index.js';
import { generateSchedule, type Schedule } from '../schedule/index.js';
import { predictStep, type SegmentSimulation, type StepRecord } from '../simulate/index.js';
import { planSchedule, type SchedulePlan } from './plan-run.js';

/** What is to be other than it was in the run. */
export interface PredictionRequest {
  readonly schedule?: string;
  readonly microbatches?: number;
  readonly stagesPerRank?: number;
  readonly overlap?: boolean;
}

/** A step as the run's own segment times make it. */
export interface StepPrediction {
  readonly schedule: Schedule;
  readonly overlap: boolean;
  /** Its makespan is that of the whole step. */
  readonly simulation: SegmentSimulation;
}

/**
 * Predicts a step of a run from the times of its segments: as it was run, or with another schedule, number of microbatches or overlap on the same
 * ranks. `config` is the run's; layers are spread over the stages of another schedule as training would do it. What lies outside of the schedule is
 * taken to stay as it is. Throws `InputError` if schedule or model do not allow it, or record and config are not of one model.
 */
export function predictRun(
  record: StepRecord,
  { model, data }: Pick<TrainingConfig, 'model' | 'data'>,
  request: PredictionRequest = {},
): StepPrediction {
  const ran = record.schedule;
  const layers = record.layers[record.layers.length - 1].end;
  if (layers !== model.numHiddenLayers) {
    throw new InputError({
      what: `the record is of ${layers} layers, the config of ${model.numHiddenLayers}`,
      mend: 'use the record and the config of one run',
    });
  }
  const { schedule: name = ran.name, microbatches = ran.microbatches, overlap = record.overlap } = request;
  const stagesPerRank = request.stagesPerRank ?? (name === ran.name ? ran.stagesPerRank : undefined);
  const wanted = { name, ranks: ran.ranks, microbatches, ...(stagesPerRank !== undefined && { stagesPerRank }) };
  const plan: SchedulePlan =
    name === ran.name && stagesPerRank === ran.stagesPerRank
      ? { schedule: generateSchedule(wanted), layers: record.layers }
      : planSchedule(wanted, model, data.sequenceLength);
  return { schedule: plan.schedule, overlap, simulation: predictStep(record, { ...plan, overlap }) };
}
