import { stringify } from 'smol-toml';
import { defaultTrainingConfig } from './defaults.js';
import { type Field, toSnakeCase } from './fields.js';
import { type TrainingConfig, trainingFields } from './training-fields.js';

/** One key of a training config, as help shows it. */
export interface TrainingKey {
  /** `optimizer.learning_rate`. */
  readonly key: string;
  readonly help: string;
  /** `a number above 0, at most 10`. */
  readonly expects: string;
  /** As it would stand in the file. */
  readonly defaultText: string;
}

/** Every key of a training config in the order of the file. */
export function listTrainingKeys(): TrainingKey[] {
  return listFields(defaultTrainingConfig).map(({ table, key, field, value }) => {
    return { key: `${table}.${key}`, help: field.help, expects: field.expects, defaultText: formatValue(value) };
  });
}

/** The TOML file of a config: all values, each with its sentence. `parseTrainingConfig` of it gives the same config. */
export function formatTrainingConfig(config: TrainingConfig): string {
  const lines: string[] = [];
  let last = '';
  for (const { table, key, field, value } of listFields(config)) {
    if (table !== last) lines.push(...(last === '' ? [] : ['']), `[${table}]`);
    last = table;
    // An empty list is no value that `text` takes: it means that a dataset is used.
    if (Array.isArray(value) && value.length === 0) continue;
    lines.push(`# ${field.help}`, `${key} = ${formatValue(value)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** All values of a config by their keys, such as `train.steps`, as plain data. */
export function flattenTrainingConfig(config: TrainingConfig): Record<string, unknown> {
  return Object.fromEntries(listFields(config).map(({ table, key, value }) => [`${table}.${key}`, value]));
}

interface ListedField {
  readonly table: string;
  readonly key: string;
  readonly field: Field<unknown>;
  readonly value: unknown;
}

function listFields(config: TrainingConfig): ListedField[] {
  return Object.entries(trainingFields).flatMap(([table, fields]) => {
    const values: Readonly<Record<string, unknown>> = { ...config[table as keyof TrainingConfig] };
    return Object.entries<Field<unknown>>(fields).map(([name, field]) => {
      return { table, key: toSnakeCase(name), field, value: values[name] };
    });
  });
}

function formatValue(value: unknown): string {
  return stringify({ value })
    .trim()
    .replace(/^value = /, '');
}
