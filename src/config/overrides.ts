import { parse } from 'smol-toml';
import { InputError } from '../base/index.js';
import { type Field, toSnakeCase } from './fields.js';
import { meantKey, suggestTable } from './key-aliases.js';
import { isTableName, type TableName, trainingFields } from './training-fields.js';

/** A value that a flag of its own sets: `train.steps=3` of `--steps 3`. A text alone is one of `--set`. */
export interface FlagValue {
  /** `train.steps=3` */
  readonly text: string;
  /** The flag as it was written: `--steps 3`. */
  readonly where: string;
}

/** One `--set table.key=value`, with its value as plain data. */
interface Override {
  readonly table: TableName;
  readonly key: string;
  readonly value: unknown;
  /** The flag, as it was written. */
  readonly where: string;
}

/**
 * Reads `schedule.name=1f1b`. The value is TOML; a text may stand without quotes.
 * Throws `InputError` unless it names a table and a key; whether the table has the key is for the reader of the table to say.
 */
export function parseOverride(flag: string | FlagValue): Override {
  const { text, where } = typeof flag === 'string' ? { text: flag, where: `--set ${flag}` } : flag;
  const match = /^\s*([^.=\s]+)\.([^.=\s]+)\s*=(.*)$/s.exec(text);
  if (match === null) {
    throw new InputError({ what: `${where} is no table.key=value`, mend: `write for example --set ${example(text)}` });
  }
  const [, tableName, key, value] = match as unknown as [string, string, string, string];
  if (!isTableName(tableName))
    throw new InputError({ what: `unknown table '${tableName}'`, where, mend: suggestTable(tableName, key) });
  const trimmed = value.trim();
  const plain = isBareText(tableName, key, trimmed) ? trimmed : parseValue(trimmed);
  return { table: tableName, key, value: plain, where };
}

/** What was meant by `lr=1e-3`, as far as that is known. */
function example(text: string): string {
  const [, word, value] = /^\s*([\w-]+)\s*=\s*(\S.*)$/.exec(text) ?? [];
  const key = word === undefined ? undefined : meantKey(word);
  return key === undefined ? 'optimizer.learning_rate=1e-3' : `${key}=${value}`;
}

function isBareText(table: TableName, key: string, value: string): boolean {
  if (/^["'[]/.test(value)) return false;
  const fields: Readonly<Record<string, Field<unknown>>> = trainingFields[table];
  const field = Object.entries(fields).find(([name]) => toSnakeCase(name) === key);
  return (table === 'model' && key === 'path') || field?.[1].kind === 'choice' || field?.[1].kind === 'path';
}

/** The value of a piece of TOML; what is none stays text, which the key then refuses. */
function parseValue(text: string): unknown {
  try {
    const table = parse(`value = ${text}`);
    return Object.keys(table).length === 1 ? table.value : text;
  } catch {
    return text;
  }
}
