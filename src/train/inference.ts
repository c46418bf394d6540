import { defaultTrainingConfig, type ModelConfig } from '../config/index.js';
import { splitLayers } from '../model/index.js';
import {
  createBatchMemory,
  forwardSchedule,
  placeAtStart,
  type RankGroup,
  type RunSpec,
  startRanks,
} from '../runtime/index.js';
import { generateSchedule } from '../schedule/index.js';
import { loadParameters } from './checkpoint.js';
import { describeCheckpoint } from './read-parameters.js';

/** A checkpoint on one rank, for forward passes and gradients. */
export interface OpenModel {
  readonly model: ModelConfig;
  readonly spec: RunSpec;
  readonly group: RankGroup;
  /** What a person should know about the checkpoint. */
  readonly notes: readonly string[];
}

export interface OpenOptions {
  /** Sequences of a microbatch. */
  readonly sequences: number;
  readonly sequenceLength: number;
  /** Microbatches of a call. */
  readonly rows: number;
  /** Values that `evaluate` gives out, such as `logits`. */
  readonly exports: readonly string[];
}

/** Starts one rank with the parameters of a folder; close its group in the end. Throws `InputError` for a bad checkpoint. */
export async function openModel(folder: string, model: ModelConfig, options: OpenOptions): Promise<OpenModel> {
  const { sequences, sequenceLength, rows, exports } = options;
  const schedule = generateSchedule({ name: 'gpipe', ranks: 1, microbatches: rows });
  const spec: RunSpec = {
    model,
    batch: { sequences, sequenceLength },
    schedule,
    evaluation: forwardSchedule(schedule, rows),
    overlap: false,
    expert: 1,
    shardsOptimizer: false,
    movesExperts: false,
    placement: placeAtStart(model, model.nRoutedExperts),
    replicaShares: 'even',
    layers: splitLayers(model, [0], sequenceLength),
    optimizer: { ...defaultTrainingConfig.optimizer, sequenceBalanceWeight: 0 },
    batchMemory: createBatchMemory(rows, sequences * sequenceLength),
    exports,
    computeThreads: 1,
    affinity: 'none',
  };
  const notes = describeCheckpoint(folder, model);
  const group = await startRanks(spec);
  try {
    await group.call('initialize', 0);
    loadParameters(folder, group.states);
    return { model, spec, group, notes };
  } catch (error) {
    await group.close();
    throw error;
  }
}
