import { InputError } from '../base/index.js';

/** An object of a JSON file. */
export type Table = Readonly<Record<string, unknown>>;

/** A place in the file, for errors. */
export interface Place {
  readonly file: string;
  readonly key: string;
}

/** An object. Throws `InputError` for anything else; so do the others here for what they do not read. */
export function readTable(value: unknown, place: Place): Table {
  if (isTable(value)) return value;
  throw refuse(value, place, 'use a table of keys and values');
}

/** Whether a value is an object, and no list. */
export function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The keys and values of an object; none of anything else. */
export function asTable(value: unknown): Table {
  return isTable(value) ? value : {};
}

/** A list of `fewest` to `most` entries. */
export function readList(value: unknown, place: Place, most: number, fewest = 1): readonly unknown[] {
  if (Array.isArray(value) && value.length >= fewest && value.length <= most) return value;
  throw refuse(value, place, `use a list of ${fewest} to ${most} entries`);
}

/** A whole number from 1. */
export function readCount(value: unknown, place: Place, most: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most) return value as number;
  throw refuse(value, place, `use a whole number from 1 to ${most}`);
}

/** A number from 0. */
export function readNumber(value: unknown, place: Place, most: number): number {
  if (typeof value === 'number' && value >= 0 && value <= most) return value;
  throw refuse(value, place, `use a number from 0 to ${most}`);
}

/** A name in one line, for people. */
export function readName(value: unknown, place: Place): string {
  if (typeof value === 'string' && /^[A-Za-z0-9][\w-]{0,39}$/.test(value)) return value;
  throw refuse(value, place, 'use up to 40 letters and digits');
}

/** One of the choices. */
export function readChoice<T extends string | boolean>(value: unknown, place: Place, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw refuse(value, place, `use ${choices.join(' or ')}`);
  return found;
}

/** The place of a key, or of an entry of a list, within a place. */
export function at({ file, key }: Place, next: string): Place {
  return { file, key: key === '' ? next : `${key}.${next}` };
}

/** A place as an error shows it. */
export function describe({ file, key }: Place): string {
  return key === '' ? file : `${file}, ${key}`;
}

/** The error of a value that cannot be. */
export function refuse(value: unknown, place: Place, mend: string): InputError {
  const last = place.key.split('.').at(-1);
  return new InputError({ what: `${last === '' ? 'it' : last} is ${show(value)}`, where: describe(place), mend });
}

/** A value as an error shows it: short, on one line. */
function show(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'a table' : JSON.stringify(value).slice(0, 60);
}
