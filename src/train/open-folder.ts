import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { InputError } from '../base/index.js';
import { type ModelConfig, parseHuggingFaceConfig } from '../config/index.js';
import { asTable, readJson } from '../formats/index.js';
import { openTokenizer, type Tokenizer } from './data/index.js';
import { listCheckpoints } from './run-folder.js';
import { runPaths } from './run-paths.js';

const MAX_CONFIG_BYTES = 2 ** 20;

/** A checkpoint that was looked for, and what a person should know of how it was found. */
export interface FoundCheckpoint {
  readonly folder: string;
  readonly notes: readonly string[];
}

/**
 * A folder with a checkpoint itself, or the last checkpoint of a run, by the run's folder or that of its checkpoints.
 * Throws `InputError` for a run that has saved none.
 */
export function findCheckpoint(folder: string): FoundCheckpoint {
  const parent = join(folder, '..');
  if (basename(resolve(folder)) === 'checkpoints' && existsSync(runPaths(parent).config)) return findCheckpoint(parent);
  const { checkpoints, metrics } = runPaths(folder);
  const isRun = existsSync(checkpoints) || existsSync(metrics);
  if (existsSync(join(folder, 'config.json')) || !isRun) return { folder, notes: [] };
  const step = existsSync(checkpoints) ? listCheckpoints(folder).at(-1) : undefined;
  if (step === undefined) {
    const mend = 'let it save one (train.save_every), or give the folder of another checkpoint';
    throw new InputError({ what: 'the run has no checkpoint yet', where: folder, mend });
  }
  const last = join(checkpoints, String(step));
  return { folder: last, notes: [`the last checkpoint of the run is taken, ${last}`] };
}

/**
 * The model of a Hugging Face folder. Throws `InputError` if `config.json` is missing, bad, or of a model that we do
 * not do.
 */
export function readModelConfig(folder: string): ModelConfig {
  const file = join(folder, 'config.json');
  return parseHuggingFaceConfig(readJson(file, { maxBytes: MAX_CONFIG_BYTES }), file);
}

/** Files of tokenizers that are not read, and of settings of one. */
const otherTokenizers = [
  'tiktoken.model',
  'tokenizer.model',
  'spiece.model',
  'qwen.tiktoken',
  'tekken.json',
  'vocab.json',
  'vocab.txt',
  'tokenizer_config.json',
];

/**
 * The tokens of a folder's model: its `tokenizer.json`; without one bytes, where neither another tokenizer's files nor
 * a vocabulary that is larger speak against it. Throws `InputError`.
 */
export function openFolderTokenizer(folder: string, { vocabSize }: ModelConfig): Tokenizer {
  const file = join(folder, 'tokenizer.json');
  if (existsSync(file)) return openTokenizer(file);
  const other = otherTokenizers.find((name) => existsSync(join(folder, name)));
  const isOurs = existsSync(join(folder, 'training.json'));
  if (other === undefined && (isOurs || vocabSize === 256)) return openTokenizer('bytes');
  const reason =
    other === undefined
      ? `its vocabulary of ${vocabSize} is not that of bytes`
      : `its tokenizer's ${other} is not read`;
  throw new InputError({
    what: `there is no tokenizer.json, and ${reason}`,
    where: folder,
    mend: "put the model's tokenizer.json into the folder; eval also takes token ids, --tokens FILE.json",
  });
}

/** Tokens that the model was trained to look back on: what its training wrote, or 256. */
export function contextLength(folder: string, model: ModelConfig): number {
  const file = join(folder, 'training.json');
  const training = existsSync(file) ? asTable(readJson(file, { maxBytes: MAX_CONFIG_BYTES })) : {};
  const length = Number(training.sequenceLength);
  const known = Number.isSafeInteger(length) && length > 0 ? length : 256;
  return Math.min(known, model.maxPositionEmbeddings);
}

/**
 * The ids after which a text of the folder's model is over: `eos_token_id` of `generation_config.json`, else of
 * `config.json`, else the tokenizer's `eos_token`; none where nothing names one.
 */
export function readEndIds(folder: string, tokenizer: Tokenizer): number[] {
  for (const name of ['generation_config.json', 'config.json']) {
    const file = join(folder, name);
    if (!existsSync(file)) continue;
    const { eos_token_id: ids } = asTable(readJson(file, { maxBytes: MAX_CONFIG_BYTES }));
    const found = [ids].flat().filter((id): id is number => Number.isSafeInteger(id));
    if (found.length > 0) return found;
  }
  return tokenizer.endId === undefined ? [] : [tokenizer.endId];
}
