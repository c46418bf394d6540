import { InputError } from '../base/index.js';
import type { ModelConfig, TrainingConfig } from '../config/index.js';
import { type LayerRange, splitLayers } from '../model/index.js';
import { createBatchMemory, forwardSchedule, placeAtStart, type RunSpec } from '../runtime/index.js';
import { generateSchedule, isWithinLimits, type Schedule, type ScheduleRequest } from '../schedule/index.js';

/** A schedule, and the layers of each stage of its pipelines. */
export interface SchedulePlan {
  readonly schedule: Schedule;
  readonly layers: readonly LayerRange[];
}

/** Spreads a model over the stages of a schedule. Throws `InputError` if the schedule's limits or the model do not allow it. */
export function planSchedule(request: ScheduleRequest, model: ModelConfig, sequenceLength: number): SchedulePlan {
  const schedule = orderSchedule(request);
  requireLayers(request, schedule, model.numHiddenLayers);
  const stageToRank = schedule.pipelines[0].map((stage) => schedule.stageToRank[stage]);
  return { schedule, layers: splitLayers(model, stageToRank, sequenceLength) };
}

/** As `generateSchedule`; what it refuses is said of a config's keys. */
function orderSchedule(request: ScheduleRequest): Schedule {
  try {
    return generateSchedule(request);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const keys = ['schedule.microbatches', 'parallel.pipeline', 'schedule.stages_per_rank', 'schedule.name'];
    throw new InputError({ keys, ...error.problem }, { cause: error });
  }
}

/** Throws `InputError` with the nearest counts that work if the model has fewer layers than a pipeline has stages. */
function requireLayers(request: ScheduleRequest, { name, ranks, pipelines }: Schedule, layers: number): void {
  const stages = pipelines[0].length;
  if (layers >= stages) return;
  const fewerRanks = findMost(Math.floor((layers * ranks) / stages), (count) => ({ ...request, ranks: count }));
  const fewerStages = findMost(Math.floor(layers / ranks), (count) => ({ ...request, stagesPerRank: count }));
  const ways = [
    `${stages} layers or more`,
    ...(fewerRanks === 0 ? [] : [countOf(fewerRanks, 'pipeline rank')]),
    ...(fewerStages === 0 ? [] : [`${countOf(fewerStages, 'stage')} a rank`]),
  ];
  throw new InputError({
    what: `${name} on ${countOf(ranks, 'rank')} has ${stages} stages, but the model has ${countOf(layers, 'layer')}`,
    where: '[model] num_hidden_layers',
    keys: ['model.num_hidden_layers', 'parallel.pipeline', 'schedule.name', 'schedule.stages_per_rank'],
    mend: `use ${ways.join(', or ')}`,
  });
}

function countOf(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** The largest count up to `from` with which the schedule's limits allow the request; 0 if there is none. */
function findMost(from: number, requestWith: (count: number) => ScheduleRequest): number {
  let count = from;
  while (count > 0 && !isWithinLimits(requestWith(count))) count--;
  return count;
}

/** What the ranks need to know of a training run. Throws `InputError` if the schedule's limits or the model do not allow the layout. */
export function planRun(config: TrainingConfig): RunSpec {
  const { model, data, parallel, optimizer, balance } = config;
  const { name, stagesPerRank, microbatches, microbatchSize } = config.schedule;
  const request = { name, ranks: parallel.pipeline, microbatches, ...(stagesPerRank > 0 && { stagesPerRank }) };
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
    placement: placeAtStart(model, model.nRoutedExperts + balance.redundantSlots),
    replicaShares: balance.shares,
    movesExperts: balance.interval > 0 && model.firstKDenseReplace < model.numHiddenLayers,
    layers,
    optimizer,
    batchMemory: createBatchMemory(parallel.expert * microbatches, microbatchSize * data.sequenceLength),
    exports: [],
    computeThreads: parallel.computeThreads,
    affinity: parallel.affinity,
  };
}
