import { createLoads, type ExpertLoads } from '../../balance/index.js';
import { isNumberTensor, type NumberTensor } from '../number-tensor.js';
import {
  isRecord,
  leaveOutEmpty,
  makeLoads,
  numberLayers,
  plural,
  type ReadLoads,
  type ReadOptions,
  refuseLoads,
} from './recorded-loads.js';
import { trimWarmupWindows } from './warm-up.js';

/** Lists may be shared in a pickle, so that a small one stands for many numbers. */
const mostNumbers = 2 ** 27;
const mostDims = 8;

/** A dict of JSON or Python. */
export type Entries = readonly (readonly [key: string, value: unknown])[];

/** The entries of a dict, in their order, with its keys as text; undefined for what is none. */
export function entriesOf(value: unknown): Entries | undefined {
  if (value instanceof Map) return [...(value as Map<unknown, unknown>)].map(([key, one]) => [nameOf(key), one]);
  return isRecord(value) && !isNumberTensor(value) ? Object.entries(value) : undefined;
}

/** A key of a pickle may be anything, also an object whose text is endless. */
function nameOf(key: unknown): string {
  return typeof key === 'string' || typeof key === 'number' ? String(key) : '?';
}

/**
 * How many lists lie within each other until a number, or the dims of an array: 0 for a number; undefined for what is
 * no such thing. Only the first entry of each list is looked at.
 */
export function dimsOf(value: unknown, depth = 0): number | undefined {
  if (isNumberTensor(value)) return value.shape.length;
  if (isNumberLike(value)) return 0;
  if (!Array.isArray(value) || depth > mostDims) return undefined;
  if (value.length === 0) return 1;
  const inner = dimsOf(value[0], depth + 1);
  return inner === undefined ? undefined : inner + 1;
}

/**
 * What stands where a number should in files that Python wrote is as good as one here: what is wrong with it is said
 * where it is read.
 */
function isNumberLike(value: unknown): boolean {
  return typeof value === 'number' || value === null || (typeof value === 'string' && /^-?(NaN|Infinity)$/.test(value));
}

/**
 * The loads of a list or array `[windows, layers, experts]`, `[layers, experts]` or `[experts]`; lists may hold arrays.
 * Throws `InputError` as `createLoads`, and for any other number of dims.
 */
export function readArray(value: unknown, where: string): ExpertLoads {
  const dims = dimsOf(value);
  if (dims === undefined || dims < 1 || dims > 3) {
    const what = `the counts have ${dims ?? 'no'} dimensions${isNumberTensor(value) ? `, [${value.shape.join(', ')}]` : ''}`;
    return refuseLoads(what, where, 'give [windows, layers, experts], [layers, experts], or [experts] of one layer');
  }
  return isNumberTensor(value) ? readTensor(value, where) : readLists(value, dims, where);
}

/** How many numbers a list or array has, as far as the first entries of its lists say. */
export function countNumbers(value: unknown): number {
  let numbers = 1;
  let inner = value;
  for (let depth = 0; Array.isArray(inner) && depth <= mostDims; depth++) {
    numbers *= inner.length;
    inner = inner[0] as unknown;
  }
  return isNumberTensor(inner) ? inner.shape.reduce((product, size) => product * size, numbers) : numbers;
}

/** An entry of a dict takes as long to read as so many numbers of a list. */
const entryCost = 16;

/** What reading the entries of a dict takes, as numbers of a list; 0 for what is none. */
export function costOfEntries(value: unknown): number {
  if (value instanceof Map) return entryCost * value.size;
  return isRecord(value) && !isNumberTensor(value) ? entryCost * Object.keys(value).length : 0;
}

function readTensor(tensor: NumberTensor, where: string): ExpertLoads {
  const { shape } = tensor;
  if (shape.includes(0))
    return refuseLoads(`the loads are empty, of shape [${shape.join(', ')}]`, where, 'record some tokens');
  const [layers, experts] = [1, ...shape].slice(-2);
  const counts = tensor.read();
  if (counts.includes(-1))
    return refuseLoads('it holds -1, as a map of experts or routes do, and counts do not', where, 'give the counts');
  return makeLoads(counts, { layers, experts }, where);
}

function readLists(value: unknown, dims: number, where: string): ExpertLoads {
  if (countNumbers(value) > mostNumbers)
    refuseLoads(`it has more than ${mostNumbers} numbers`, where, 'record fewer steps');
  const lists = unpack(value, dims);
  const wrapped = dims === 1 ? [[lists]] : dims === 2 ? [lists] : lists;
  // `createLoads` refuses what is no list or number, whatever its type says.
  return createLoads(wrapped as number[][][], where);
}

/** Lists with the arrays in them as lists. */
function unpack(value: unknown, dims: number): unknown {
  if (isNumberTensor(value)) return toLists([...value.read()], value.shape);
  if (!Array.isArray(value) || dims <= 1) return value;
  return value.map((one) => unpack(one, dims - 1));
}

function toLists(numbers: readonly number[], [size = 0, ...rest]: readonly number[]): unknown {
  if (rest.length === 0) return numbers;
  const each = numbers.length / Math.max(size, 1);
  return Array.from({ length: size }, (_, index) => toLists(numbers.slice(index * each, (index + 1) * each), rest));
}

/** Whether a value may be a table of loads: a list or array of 2 or 3 dims. */
export function isTableValue(value: unknown): boolean {
  const dims = dimsOf(value);
  return dims === 2 || dims === 3;
}

/**
 * The loads of a table of `dims` dims without names; with 0, names tell what its dims are. Windows without tokens and,
 * if asked, warm-up are left out.
 */
export function describeTable(all: ExpertLoads, dims: number, { trimWarmup }: ReadOptions): ReadLoads {
  const used = leaveOutEmpty(all);
  const empty = all.windows - used.windows;
  const { kept, notes } = trimWarmupWindows(used, trimWarmup);
  const { windows, layers, experts } = all;
  const sizes = [plural(windows, 'window'), plural(layers, 'layer'), plural(experts, 'expert')].slice(
    3 - Math.max(dims, 2),
  );
  return {
    format: 'table',
    loads: kept,
    layerNumbers: numberLayers(layers),
    layerNumbering: 'moe',
    notes: [
      ...(dims === 2 && isPlacement(all)
        ? ['each row holds all numbers from 0 up, as a placement does: are these loads?']
        : []),
      ...(dims === 0 ? [] : [`a table without names: taken as ${sizes.join(' of ')}`]),
      ...(empty === 0 ? [] : [`${plural(empty, 'window')} without tokens left out`]),
      ...notes,
    ],
  };
}

/** Whether each row holds the same whole numbers from 0 to the largest, as the slots of a placement do. */
function isPlacement({ experts, counts }: ExpertLoads): boolean {
  const largest = counts.reduce((most, count) => Math.max(most, count), 0);
  if (largest >= experts || largest < 2) return false;
  for (let start = 0; start < counts.length; start += experts) {
    const row = new Set(counts.subarray(start, start + experts));
    if (row.size !== largest + 1 || [...row].some((count) => !Number.isInteger(count))) return false;
  }
  return true;
}
