import { InputError } from '../base/index.js';
import type { TrainingConfig } from '../config/index.js';
import { splitLayers } from '../model/index.js';
import { createBatchMemory, forwardSchedule, type RunSpec } from '../runtime/index.js';
import { generateSchedule } from '../schedule/index.js';

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
  const schedule = generateSchedule({ name, ranks: parallel.pipeline, microbatches });
  const batch = { sequences: microbatchSize, sequenceLength: data.sequenceLength };
  const stageToRank = schedule.pipelines[0].map((stage) => schedule.stageToRank[stage]);
  return {
    model,
    batch,
    schedule,
    evaluation: forwardSchedule(schedule, microbatches),
    overlap: parallel.overlap,
    expert: parallel.expert,
    shardsOptimizer: parallel.shardOptimizer,
    layers: splitLayers(model, stageToRank, data.sequenceLength),
    optimizer,
    batchMemory: createBatchMemory(parallel.expert * microbatches, microbatchSize * data.sequenceLength),
    exports: [],
    computeThreads: parallel.computeThreads,
    affinity: parallel.affinity,
  };
}
