import { InputError, type Problem } from '../base/index.js';
import { defaultTrainingConfig } from './defaults.js';
import { readFields, readPlainTable, showValue } from './fields.js';
import { checkRepeatingKeys, parseHuggingFaceConfig, readModelTable } from './hugging-face.js';
import { checkModel, type ModelConfig, modelFields } from './model-config.js';
import { parseOverride } from './overrides.js';
import {
  type DataConfig,
  readTableName,
  type TableName,
  type TrainingConfig,
  trainingFields,
} from './training-fields.js';

type Table = Readonly<Record<string, unknown>>;

/** Where a training config comes from. */
export interface TrainingConfigSource {
  /** The parsed TOML file; an empty table takes every default. */
  readonly tables: unknown;
  /** Name of that file, for errors. */
  readonly where: string;
  /** `optimizer.learning_rate=1e-3` and so on; the last one wins. */
  readonly overrides?: readonly string[];
  /** Makes a path absolute; those of a file are relative to it, those of overrides to the working directory. */
  readonly resolvePath?: (path: string, writtenIn: 'file' | 'override') => string;
  /** The parsed `config.json` that `path` of `[model]` names (already resolved). */
  readonly readModelFile?: (path: string) => unknown;
}

/** What reading one table needs to know of its surroundings. */
interface Context {
  readonly where: string;
  readonly resolve: (path: string) => string;
  readonly readModelFile: (path: string) => unknown;
}

/**
 * The values of a training run: the defaults, then the file, then the overrides.
 * Throws `InputError` for an unknown table or key, a value that its key does not take, and values that do not fit each other.
 */
export function parseTrainingConfig(source: TrainingConfigSource): TrainingConfig {
  const { where, overrides = [], resolvePath = (path) => path, readModelFile = refuseModelFile } = source;
  const resolve = (path: string) => resolvePath(path, 'file');
  let config = defaultTrainingConfig;
  for (const [name, table] of Object.entries(readPlainTable(source.tables, 'the file', where))) {
    const place = `${where}, [${name}]`;
    config = withTable(config, readTableName(name, where), readPlainTable(table, name, place), {
      where: place,
      resolve,
      readModelFile,
    });
  }
  for (const { table, key, value, text } of overrides.map((override) => parseOverride(override))) {
    const resolveOverride = (path: string) => resolvePath(path, 'override');
    config = withTable(
      config,
      table,
      { [key]: value },
      { where: `--set ${text}`, resolve: resolveOverride, readModelFile },
    );
  }
  checkModel(config.model, `${where}, [model]`);
  const problem = trainingRules.map((rule) => rule(config)).find((found) => found !== undefined);
  if (problem !== undefined) throw new InputError({ ...problem, where: `${where}, ${problem.where}` });
  return config;
}

/** The config with the values of one table over its own. */
function withTable(config: TrainingConfig, name: TableName, table: Table, context: Context): TrainingConfig {
  switch (name) {
    case 'model':
      return { ...config, model: readModel(config.model, table, context) };
    case 'data':
      return { ...config, data: readData(config.data, table, context) };
    case 'parallel':
    case 'schedule':
    case 'optimizer':
    case 'train':
    case 'balance':
      return { ...config, [name]: readFields(trainingFields[name], table, config[name] as never, context) };
  }
}

/** `path` names a `config.json` whose values the other keys of the table then change. */
function readModel(base: ModelConfig, table: Table, context: Context): ModelConfig {
  const { path, ...rest } = table;
  const own = readModelTable(rest, context.where);
  const model = readFields(modelFields, own, path === undefined ? base : readModelAt(path, context), context);
  checkRepeatingKeys(rest, model, context.where);
  return model;
}

function readModelAt(path: unknown, context: Context): ModelConfig {
  if (typeof path !== 'string' || path === '') {
    throw new InputError({
      what: `path is ${showValue(path)}`,
      where: context.where,
      mend: 'use the path of a config.json',
    });
  }
  const file = context.resolve(path);
  return parseHuggingFaceConfig(context.readModelFile(file), file);
}

/** `text` and `dataset` exclude each other: the one that is written takes the other's place. */
function readData(base: DataConfig, table: Table, context: Context): DataConfig {
  const resolve = (path: string) => (path === 'bytes' ? path : context.resolve(path));
  const data = readFields(trainingFields.data, table, base, { ...context, resolve });
  const hasText = Object.hasOwn(table, 'text') && data.text.length > 0;
  const hasDataset = Object.hasOwn(table, 'dataset') && data.dataset !== 'none';
  if (hasText && hasDataset) {
    throw new InputError({
      what: 'both text and dataset are given',
      where: context.where,
      mend: 'leave one of them out',
    });
  }
  if (hasText) return { ...data, dataset: 'none' };
  return hasDataset ? { ...data, text: [] } : data;
}

type Rule = (config: TrainingConfig) => (Problem & { readonly where: string }) | undefined;

const trainingRules: readonly Rule[] = [
  ({ data }) =>
    data.text.length > 0 || data.dataset !== 'none'
      ? undefined
      : {
          what: 'there is nothing to train on',
          where: '[data]',
          mend: 'give text = "book.txt" or dataset = "moby-dick"',
        },
  ({ data }) =>
    data.blockSteps === 0 || data.text.length > 1 || data.dataset === 'mixture'
      ? undefined
      : {
          what: `block_steps is ${data.blockSteps}, but there is one kind of text only`,
          where: '[data]',
          mend: 'use 0, several files as text, or dataset = "mixture"',
        },
  ({ data }) =>
    data.tokenizer !== ''
      ? undefined
      : { what: 'tokenizer is ""', where: '[data]', mend: `use ${trainingFields.data.tokenizer.expects}` },
  ({ data, model }) =>
    data.sequenceLength <= model.maxPositionEmbeddings
      ? undefined
      : {
          what: `sequence_length is ${data.sequenceLength}, longer than max_position_embeddings, ${model.maxPositionEmbeddings}`,
          where: '[data]',
          mend: 'shorten the sequences, or raise max_position_embeddings in [model]',
        },
  ({ data, model }) =>
    data.tokenizer !== 'bytes' || model.vocabSize >= 256
      ? undefined
      : { what: `vocab_size is ${model.vocabSize}, too small for bytes`, where: '[model]', mend: 'use 256' },
  checkSlots,
  ({ balance, parallel }) =>
    balance.interval === 0 || parallel.expert > 1
      ? undefined
      : {
          what: `interval is ${balance.interval}, but with one expert rank all experts lie together`,
          where: '[balance]',
          mend: 'use 0, or expert = 2 or more in [parallel]',
        },
  ({ optimizer }) =>
    optimizer.minimumLearningRate <= optimizer.learningRate
      ? undefined
      : {
          what: `minimum_learning_rate is ${optimizer.minimumLearningRate}, above learning_rate, ${optimizer.learningRate}`,
          where: '[optimizer]',
          mend: `use ${optimizer.learningRate} or less`,
        },
];

/** Each of the ranks that share the experts holds as many slots, and an expert at most once. */
function checkSlots({ parallel, balance, model }: TrainingConfig): ReturnType<Rule> {
  const { nRoutedExperts: experts } = model;
  const { expert: ranks } = parallel;
  const { redundantSlots: redundant } = balance;
  const most = experts * (ranks - 1);
  const fits = (count: number) => count >= 0 && count <= most && (experts + count) % ranks === 0;
  if (fits(redundant)) return undefined;
  const below = Math.floor((experts + Math.min(redundant, most)) / ranks) * ranks - experts;
  const nearest = [below, below + ranks].filter(fits).join(' or ');
  if (redundant === 0) {
    return {
      what: `expert is ${ranks}, which does not divide n_routed_experts, ${experts}`,
      where: '[parallel]',
      mend: `use a divisor of ${experts}, or redundant_slots = ${nearest} in [balance]`,
    };
  }
  const what =
    redundant > most
      ? `redundant_slots is ${redundant}, more than the ${most} with which each of ${ranks} expert ranks has all ${experts} experts`
      : `redundant_slots is ${redundant}, but ${ranks} expert ranks cannot share ${experts + redundant} slots evenly`;
  return { what, where: '[balance]', mend: `use ${nearest}` };
}

function refuseModelFile(path: string): never {
  throw new InputError({ what: 'a model file cannot be read here', where: path, mend: 'write the keys into [model]' });
}
