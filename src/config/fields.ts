import { InputError, suggestWord } from '../base/index.js';

/** What a key of a config may hold; the sentence in `help` is its documentation everywhere. */
export interface Field<T> {
  readonly help: string;
  /** The values it takes, after "use": `an integer from 1 to 8`. */
  readonly expects: string;
  readonly kind: 'integer' | 'number' | 'flag' | 'choice' | 'path';
  /** The value, or undefined if it is none that the key takes. */
  readonly read: (value: unknown) => T | undefined;
  /** How to mend a value that it does not take, where there is more to say than what it expects. */
  readonly explain?: (value: unknown) => string | undefined;
}

/** A table's fields under their names in code; in files the names are in snake_case. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The values that fields take. */
export type Values<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** One lower and one upper bound. */
type Range = ({ readonly from: number; readonly above?: never } | { readonly above: number; readonly from?: never }) &
  ({ readonly to: number; readonly below?: never } | { readonly below: number; readonly to?: never });

export function integer(help: string, range: Range): Field<number> {
  const read = (value: unknown) =>
    Number.isSafeInteger(value) && isWithin(value as number, range) ? (value as number) : undefined;
  return { kind: 'integer', help, expects: `an integer ${describeRange(range)}`, read };
}

export function number(help: string, range: Range): Field<number> {
  const read = (value: unknown) =>
    Number.isFinite(value) && isWithin(value as number, range) ? (value as number) : undefined;
  return { kind: 'number', help, expects: `a number ${describeRange(range)}`, read };
}

export function flag(help: string): Field<boolean> {
  const read = (value: unknown) => (typeof value === 'boolean' ? value : undefined);
  return { kind: 'flag', help, expects: 'true or false', read };
}

export function choice<const T extends string>(help: string, choices: readonly T[]): Field<T> {
  const read = (value: unknown) => choices.find((word) => word === value);
  return { kind: 'choice', help, expects: choices.map((word) => `"${word}"`).join(' or '), read };
}

/** The path of a file or folder, which readers resolve against where it is written. */
export function path(help: string, expects: string): Field<string> {
  const read = (value: unknown) => (typeof value === 'string' && !value.includes('\0') ? value : undefined);
  return { kind: 'path', help, expects, read };
}

/** One path or a list of them; a list in code. */
export function paths(help: string, expects: string): Field<readonly string[]> {
  const isPathText = (value: unknown): value is string =>
    typeof value === 'string' && value !== '' && !value.includes('\0');
  const read = (value: unknown) => {
    const list: unknown[] = Array.isArray(value) ? value : [value];
    return list.every(isPathText) ? list : undefined;
  };
  return { kind: 'path', help, expects, read };
}

/** `kvLoraRank` -> `kv_lora_rank`. */
export function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Plain data that is a table, or an `InputError` that says where one is needed. */
export function readPlainTable(value: unknown, what: string, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError({ what: `${what} is ${showValue(value)}`, where, mend: 'use a table of keys and values' });
  }
  return value as Readonly<Record<string, unknown>>;
}

/** What reading a table needs to know of its surroundings. */
export interface TableContext {
  /** As errors name the table. */
  readonly where: string;
  /** Makes a path independent of where it is written. */
  readonly resolve: (path: string) => string;
  /** How to mend a key that there is not; without it, the nearest key. */
  readonly suggest?: (key: string) => string;
}

/**
 * The values of a table in a file, over `base` where the table is silent.
 * Throws `InputError` for a key that is unknown or a value that the key does not take.
 */
export function readFields<F extends Fields>(
  fields: F,
  table: Readonly<Record<string, unknown>>,
  base: Values<F>,
  { where, resolve, suggest }: TableContext,
): Values<F> {
  const names = new Map(Object.keys(fields).map((name) => [toSnakeCase(name), name]));
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(table)) {
    const name = names.get(key);
    if (name === undefined) {
      const mend = suggest?.(key) ?? suggestWord(key, [...names.keys()]);
      throw new InputError({ what: `unknown key '${shorten(key)}'`, where, mend });
    }
    const field = fields[name]!;
    const read = field.read(value);
    if (read === undefined) {
      const mend = field.explain?.(value) ?? `use ${field.expects}`;
      throw new InputError({ what: `${key} is ${showValue(value)}`, where, mend });
    }
    values[name] = field.kind === 'path' ? resolveAll(read, resolve) : read;
  }
  return { ...base, ...values };
}

/** A value as an error shows it: short, on one line. */
export function showValue(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value !== 'object' && typeof value !== 'string') return String(value);
  return value instanceof Date ? value.toISOString() : shorten(JSON.stringify(value));
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** An empty path is none, and stays so. */
function resolveAll(value: unknown, resolve: (path: string) => string): unknown {
  if (value === '') return value;
  return Array.isArray(value) ? value.map((one: string) => resolve(one)) : resolve(value as string);
}

function isWithin(value: number, { from, above, to, below }: Range): boolean {
  return !(
    (from !== undefined && value < from) ||
    (above !== undefined && value <= above) ||
    (to !== undefined && value > to) ||
    (below !== undefined && value >= below)
  );
}

/** `from 0 to below 1`, `above 0, at most 10`. */
function describeRange({ from, above, to, below }: Range): string {
  const lower = from === undefined ? `above ${above}` : `from ${from}`;
  if (below !== undefined) return `${lower} to below ${below}`;
  return from === undefined ? `${lower}, at most ${to}` : `${lower} to ${to}`;
}
