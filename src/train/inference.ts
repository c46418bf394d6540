import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../base/index.js';
import { defaultTrainingConfig, type ModelConfig, parseHuggingFaceConfig } from '../config/index.js';
import { readJson } from '../formats/index.js';
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
import { openTokenizer, type Tokenizer } from './data/index.js';

const MAX_CONFIG_BYTES = 2 ** 20;

/** A checkpoint on one rank, for forward passes and gradients. */
export interface OpenModel {
  readonly model: ModelConfig;
  readonly spec: RunSpec;
  readonly group: RankGroup;
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

/** The model of a Hugging Face folder. Throws `InputError` if `config.json` is missing, bad, or of a model that we do not do. */
export function readModelConfig(folder: string): ModelConfig {
  const file = join(folder, 'config.json');
  const model = parseHuggingFaceConfig(readJson(file, { maxBytes: MAX_CONFIG_BYTES }), file);
  if (!model.tieWordEmbeddings) return model;
  throw new InputError({
    what: 'tie_word_embeddings is true, which is not supported',
    where: file,
    mend: 'use a model whose output matrix is its own',
  });
}

/** The tokens of a folder's model: its `tokenizer.json`, or bytes. */
export function openFolderTokenizer(folder: string): Tokenizer {
  const file = join(folder, 'tokenizer.json');
  return openTokenizer(existsSync(file) ? file : 'bytes');
}

/** Tokens that the model was trained to look back on: what its training wrote, or 256. */
export function contextLength(folder: string, model: ModelConfig): number {
  const file = join(folder, 'training.json');
  const training = existsSync(file)
    ? (readJson(file, { maxBytes: MAX_CONFIG_BYTES }) as { sequenceLength?: unknown } | null)
    : null;
  const length = training?.sequenceLength;
  const known = Number.isSafeInteger(length) && (length as number) > 0 ? (length as number) : 256;
  return Math.min(known, model.maxPositionEmbeddings);
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
  const group = await startRanks(spec);
  try {
    await group.call('initialize', 0);
    loadParameters(folder, group.states);
    return { model, spec, group };
  } catch (error) {
    await group.close();
    throw error;
  }
}
