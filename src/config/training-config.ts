import { InputError } from '../base/index.js';
import { defaultTrainingConfig } from './defaults.js';
import { readFields, readPlainTable, showValue, type TableContext, toSnakeCase } from './fields.js';
import { checkRepeatingKeys, parseHuggingFaceConfig, readModelTable } from './hugging-face.js';
import { suggestKey, suggestTable } from './key-aliases.js';
import { type ModelConfig, modelFields } from './model-config.js';
import { type FlagValue, parseOverride } from './overrides.js';
import {
  type DataConfig,
  isTableName,
  type TableName,
  type TrainingConfig,
  trainingFields,
} from './training-fields.js';
import { findTrainingProblem } from './training-rules.js';
import { placeProblem, type ValueSource, type ValueSources } from './value-sources.js';

type Table = Readonly<Record<string, unknown>>;

/** Where a training config comes from. */
export interface TrainingConfigSource {
  /** The parsed TOML file; an empty table takes every default. */
  readonly tables: unknown;
  /** Name of that file, for errors. */
  readonly where: string;
  /** `optimizer.learning_rate=1e-3` and so on; the last one wins. */
  readonly overrides?: readonly (string | FlagValue)[];
  /** Makes a path absolute; those of a file are relative to it, those of overrides to the working directory. */
  readonly resolvePath?: (path: string, writtenIn: 'file' | 'override') => string;
  /** The parsed `config.json` that `path` of `[model]` names (already resolved). */
  readonly readModelFile?: (path: string) => unknown;
  /** The files that folders, patterns and lists of `text` in `[data]` stand for; without it, they stay as they are. */
  readonly findTexts?: (entries: readonly string[], writtenIn: 'file' | 'override') => readonly string[];
}

/** What reading one table needs to know of its surroundings. */
interface Context extends TableContext {
  readonly readModelFile: (path: string) => unknown;
  readonly findTexts: (entries: readonly string[]) => readonly string[];
}

/** A config, and where its values were written. */
export interface TracedConfig {
  readonly config: TrainingConfig;
  readonly sources: ValueSources;
}

/**
 * The values of a training run: the defaults, then the file, then the overrides.
 * Throws `InputError` for an unknown table or key, a value that its key does not take, and values that do not fit each other.
 */
export function parseTrainingConfig(source: TrainingConfigSource): TrainingConfig {
  return traceTrainingConfig(source).config;
}

/** As `parseTrainingConfig`, and says where the values were written. */
export function traceTrainingConfig(source: TrainingConfigSource): TracedConfig {
  const { where, overrides = [] } = source;
  const contexts = { file: contextOf(source, 'file'), override: contextOf(source, 'override') };
  const sources = new Map<string, ValueSource>();
  let config = defaultTrainingConfig;
  const add = (name: TableName, table: Table, place: ValueSource) => {
    const context = contexts[place.kind === 'flag' ? 'override' : 'file'];
    const suggest = (key: string) => suggestKey(name, key);
    config = withTable(config, name, table, { ...context, where: place.where, suggest });
    for (const [key, one] of listSources(name, table, place, context)) sources.set(key, one);
  };
  for (const [name, table] of Object.entries(readPlainTable(source.tables, 'the file', where))) {
    if (!isTableName(name))
      throw new InputError({ what: `unknown table '${name}'`, where, mend: suggestTable(name, name) });
    const place = `${where}, [${name}]`;
    add(name, readPlainTable(table, name, place), { kind: 'file', where: place });
  }
  for (const override of overrides.map(parseOverride))
    add(override.table, { [override.key]: override.value }, { kind: 'flag', where: override.where });
  const problem = findTrainingProblem(config);
  if (problem !== undefined) throw new InputError(placeProblem(problem, sources));
  return { config, sources };
}

function contextOf(source: TrainingConfigSource, writtenIn: 'file' | 'override'): Omit<Context, 'where'> {
  const { resolvePath = (path) => path, readModelFile = refuseModelFile, findTexts = (entries) => entries } = source;
  return {
    resolve: (path) => resolvePath(path, writtenIn),
    readModelFile,
    findTexts: (entries) => findTexts(entries, writtenIn),
  };
}

/** Where the values of a table come from: what `path` of `[model]` names has all of the table's. */
function listSources(
  name: TableName,
  table: Table,
  place: ValueSource,
  { resolve }: Pick<Context, 'resolve'>,
): (readonly [key: string, source: ValueSource])[] {
  const written = Object.keys(table).map((key) => [`${name}.${key}`, place] as const);
  if (name !== 'model' || typeof table.path !== 'string') return written;
  const ofFile = { kind: place.kind, where: resolve(table.path) };
  return [...Object.keys(modelFields).map((key) => [`model.${toSnakeCase(key)}`, ofFile] as const), ...written];
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
  const data = readFields(trainingFields.data, withTextFiles(table, context), base, { ...context, resolve });
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

/** The table with the files that `text` stands for; what is no text stays, for its field to refuse. */
function withTextFiles(table: Table, { findTexts }: Context): Table {
  const entries: unknown[] = [table.text].flat();
  const isPath = (entry: unknown): entry is string =>
    typeof entry === 'string' && entry !== '' && !entry.includes('\0');
  return entries.every(isPath) ? { ...table, text: findTexts(entries) } : table;
}

function refuseModelFile(path: string): never {
  throw new InputError({ what: 'a model file cannot be read here', where: path, mend: 'write the keys into [model]' });
}
