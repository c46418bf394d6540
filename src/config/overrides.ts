import { parse } from 'smol-toml';
import { InputError } from '../base/index.js';
import { type Field, toSnakeCase } from './fields.js';
import { readTableName, type TableName, trainingFields } from './training-fields.js';

/** One `--set table.key=value`, with its value as plain data. */
export interface Override {
  readonly table: TableName;
  readonly key: string;
  readonly value: unknown;
  /** As it was written. */
  readonly text: string;
}

/**
 * Reads `schedule.name=1f1b`. The value is TOML; a text may stand without quotes.
 * Throws `InputError` unless it names a table and a key; whether the table has the key is for the reader of the table to say.
 */
export function parseOverride(text: string): Override {
  const match = /^\s*([^.=\s]+)\.([^.=\s]+)\s*=(.*)$/s.exec(text);
  if (match === null) {
    throw new InputError({
      what: `--set ${text} is no table.key=value`,
      mend: 'write for example --set optimizer.learning_rate=1e-3',
    });
  }
  const [, tableName, key, value] = match as unknown as [string, string, string, string];
  const table = readTableName(tableName, `--set ${text}`);
  return { table, key, value: isBareText(table, key, value.trim()) ? value.trim() : parseValue(value.trim()), text };
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
