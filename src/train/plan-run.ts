import { InputError } from '../base/index.js';
import type { ModelConfig, TrainingConfig } from '../config/index.js';
import { type LayerRange, splitLayers } from '../model/index.js';
import { createBatchMemory, forwardSchedule, type RunSpec } from '../runtime/index.js';
import { generateSchedule, type Schedule, type ScheduleRequest } from '../schedule/index.js';

/** A schedule, and the layers of each stage of its pipelines. */
export interface SchedulePlan {
  readonly schedule: Schedule;
  readonly layers: readonly LayerRange[];
}

/** Spreads a model over the stages of a schedule. Throws `InputError` if the schedule's limits or the model do not allow it. */
export function planSchedule(request: ScheduleRequest, model: ModelConfig, sequenceLength: number): SchedulePlan {
  const schedule = generateSchedule(request);
  const stageToRank = schedule.pipelines[0].map((stage) => schedule.stageToRank[stage]);
  return { schedule, layers: splitLayers(model, stageToRank, sequenceLength) };
}

/** What the ranks need to know of a training run. Throws `InputError` if the schedule's limits or the model do not allow the layout. */
export function planRun(config: TrainingConfig): RunSpec {
  const { model, data, parallel, optimizer } = config;
  const { name, microbatches, microbatchSize } = config.schedule;
  if (model.tieWordEmbeddings) {
    throw new InputError({
      what: 'tie_word_embeddings is true, which training does not do',
      where: '[model]',
      mend: 'set it to false',
    });
  }
  const request = { name, ranks: parallel.pipeline, microbatches };
  const { schedule, layers } = planSchedule(request, model, data.sequenceLength);
  const batch = { sequences: microbatchSize, sequenceLength: data.sequenceLength };
  return {
    model,
    batch,
    schedule,
    evaluation: forwardSchedule(schedule, microbatches),
    overlap: parallel.overlap,
    expert: parallel.expert,
    shardsOptimizer: parallel.shardOptimizer,
    layers,
    optimizer,
    batchMemory: createBatchMemory(parallel.expert * microbatches, microbatchSize * data.sequenceLength),
    exports: [],
    computeThreads: parallel.computeThreads,
    affinity: parallel.affinity,
  };
}
