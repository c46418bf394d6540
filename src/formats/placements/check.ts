import type { Placement } from '../../balance/index.js';
import { InputError } from '../../base/index.js';
import type { LayerNumbering } from './types.js';

/** More slots of all layers together than any cluster has: a short file must not become a long array. */
const mostSlots = 2 ** 25;
/** The largest number of a layer: formats with a row for every hidden layer get as many rows. */
const highestLayer = 9999;

export type Table = Readonly<Record<string, unknown>>;

/** The file that is read, and what the caller knows of its model. */
export interface Source {
  readonly where: string;
  readonly experts: number;
}

/** What slots are checked against. */
interface SlotRules {
  readonly experts: number;
  /** The layer's number, for the error. */
  readonly layer: number;
  readonly allowsEmpty: boolean;
  readonly where?: string | undefined;
  /** How many experts the placement has, where that is known to be another number. */
  readonly placedExperts?: number | undefined;
}

export function refuse(what: string, where: string | undefined, mend: string): InputError {
  return new InputError({ what, mend, ...(where === undefined ? {} : { where }) });
}

/**
 * A table of JSON, of YAML or of a pickle, whose keys may be numbers, by the texts of its keys; undefined where the
 * value is none. Throws `InputError` for the same key as a number and as a text.
 */
export function asTable(value: unknown, where: string): Table | undefined {
  if (!(value instanceof Map)) return isPlainTable(value) ? value : undefined;
  const keys = [...value.keys()];
  if (!keys.every((key) => typeof key === 'string' || typeof key === 'number')) return undefined;
  const table: Table = Object.fromEntries(value);
  if (Object.keys(table).length !== keys.length) {
    const twice = keys.find((key) => typeof key === 'number' && value.has(String(key)));
    throw refuse(`the key ${twice} comes twice, as a number and as a text`, where, 'leave one of the two');
  }
  return table;
}

function isPlainTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

export function isNatural(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** A value of a file as an error shows it: short, on one line. */
export function show(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'a table' : 'nothing';
}

/** A note that names the keys of a table which `engine` does not know; none where there are none. */
export function noteOtherKeys(keys: readonly string[], known: readonly string[], engine: string): string[] {
  const others = keys.filter((key) => !known.includes(key));
  if (others.length === 0) return [];
  const shown = others.slice(0, 4).map((key) => show(key));
  const more = others.length > shown.length ? ` and ${others.length - shown.length} more` : '';
  return [`not read: ${shown.join(', ')}${more}, which ${engine} does not take in such a file`];
}

/** `value` as a list that is not empty; throws `InputError` that calls it `name`. */
export function checkList(
  value: unknown,
  name: string,
  where: string,
  mend = 'give a list with the expert of each slot',
): readonly unknown[] {
  if (!Array.isArray(value)) throw refuse(`${name} is ${show(value)}, not a list`, where, mend);
  if (value.length === 0) throw refuse(`${name} is empty`, where, mend);
  return value;
}

/** The entries of a table by numbers, ascending. Throws `InputError` for another key, and where there are none. */
export function sortByNumber(table: Table, name: string, where: string): readonly [number, unknown][] {
  const entries = Object.entries(table).map(([key, value]): [number, unknown] => {
    if (/^(0|[1-9]\d{0,8})$/.test(key)) return [Number(key), value];
    throw refuse(`the ${name} ${show(key)} is no whole number`, where, `name each ${name} by its number`);
  });
  if (entries.length === 0) throw refuse(`there is no ${name} in it`, where, `give each ${name} its list of experts`);
  return entries.sort(([a], [b]) => a - b);
}

/** The layer numbers of a placement: ascending, none too large. Throws `InputError`. */
export function checkLayerNumbers(numbers: readonly unknown[], where?: string): readonly number[] {
  const checked: number[] = [];
  for (const [row, number] of numbers.entries()) {
    if (!isNatural(number) || number > highestLayer) {
      const what = `row ${row} is of layer ${show(number)}`;
      throw refuse(what, where, `give whole numbers from 0 to ${highestLayer}`);
    }
    const last = checked.at(-1) ?? -1;
    if (number <= last)
      throw refuse(`row ${row} is of layer ${number}, after layer ${last}`, where, 'sort the layers, each once');
    checked.push(number);
  }
  return checked;
}

/** Which layers a file may number. Throws `InputError` for any other value. */
export function checkLayerNumbering(value: unknown, where: string): LayerNumbering {
  if (value === 'absolute' || value === 'moe') return value;
  throw refuse(`layerNumbering is ${show(value)}`, where, 'use "absolute" (all layers) or "moe" (those with experts)');
}

/**
 * `[gpus + 1]`: the first slot of each GPU, and last their number. Throws `InputError` unless they ascend from 0 to
 * `slots`.
 */
export function checkSlotStarts(starts: ArrayLike<unknown>, slots: number, where?: string): readonly number[] {
  const values = Array.from(starts);
  const checked = values.filter(isNatural);
  const ascend = checked.every((start, gpu) => gpu === 0 || start >= checked[gpu - 1]);
  const isWhole = checked.length === values.length && checked.length >= 2 && checked[0] === 0;
  if (isWhole && ascend && checked.at(-1) === slots) return checked;
  throw refuse(
    'the first slots of the GPUs are wrong',
    where,
    `let them ascend from 0 to ${slots}, the number of slots`,
  );
}

/** Throws `InputError` where so many layers have more slots than is held. */
export function checkSlotTotal(layers: number, slots: number, where: string): void {
  if (layers > highestLayer + 1)
    throw refuse(`it has ${layers} layers`, where, `give at most ${highestLayer + 1} layers`);
  if (layers * slots > mostSlots)
    throw refuse(`it has ${layers} layers of ${slots} slots`, where, `give at most ${mostSlots} slots in all`);
}

/**
 * Throws `InputError` that names layer, slot and expert unless each slot holds a whole number in `[0, experts)`, or -1
 * where `allowsEmpty`, and each expert has a slot.
 */
export function checkSlots(
  slots: ArrayLike<unknown>,
  { experts, layer, allowsEmpty, where, placedExperts }: SlotRules,
): void {
  const fail = (what: string, mend: string): InputError => {
    if (placedExperts === undefined) return refuse(what, where, mend);
    const other = `${what}: it places ${placedExperts} experts, the loads have ${experts}`;
    return refuse(other, where, placedExperts > experts ? `${sameModel}${orRoutes} ${placedExperts}` : sameModel);
  };
  const isPlaced = new Uint8Array(experts);
  for (let slot = 0; slot < slots.length; slot++) {
    const expert = slots[slot];
    if (expert === -1 && allowsEmpty) continue;
    if (!isNatural(expert) || expert >= experts) {
      const what = `layer ${layer}, slot ${slot} holds ${show(expert)}, which is no expert`;
      throw fail(what, `give a whole number from 0 to ${experts - 1}`);
    }
    isPlaced[expert] = 1;
  }
  const missing = isPlaced.indexOf(0);
  if (missing >= 0)
    throw fail(`layer ${layer} has no slot for expert ${missing}`, 'give every expert a slot in every layer');
}

const sameModel = 'give a placement and loads of the same model';
/** Other loads know their experts. */
const orRoutes = ', or for a route log that does not show all experts --experts';

/**
 * A placement from the rows of a file. Throws `InputError` that names the layer unless all rows are of the same length
 * and keep to `checkSlots`, and says so where they are of a model with more or fewer experts.
 */
export function createPlacement(
  rows: readonly ArrayLike<unknown>[],
  layerNumbers: readonly number[],
  { where, experts, allowsEmpty = false }: Source & { readonly allowsEmpty?: boolean },
): Placement {
  const slots = rows[0]?.length ?? 0;
  for (const [row, list] of rows.entries()) {
    if (list.length !== slots) {
      const what = `layer ${layerNumbers[row]} has ${list.length} slots, layer ${layerNumbers[0]} has ${slots}`;
      throw refuse(what, where, 'give every layer as many slots');
    }
  }
  checkSlotTotal(rows.length, slots, where);
  const placedExperts = findOtherExperts(rows, experts);
  const physicalToLogical = new Int32Array(rows.length * slots);
  for (const [row, list] of rows.entries()) {
    checkSlots(list, { experts, layer: layerNumbers[row], allowsEmpty, where, placedExperts });
    for (let slot = 0; slot < slots; slot++) physicalToLogical[row * slots + slot] = Number(list[slot]);
  }
  return { layers: rows.length, experts, slots, physicalToLogical };
}

/** How many experts rows place, where each places as many and not `experts`: it is the placement of another model. */
function findOtherExperts(rows: readonly ArrayLike<unknown>[], experts: number): number | undefined {
  const placed = countExperts(rows[0] ?? []);
  if (placed === undefined || placed === experts) return undefined;
  return rows.every((row) => countExperts(row) === placed) ? placed : undefined;
}

/** How many experts a row places, 0 to the largest; undefined where one of them, or a slot, is none. */
function countExperts(row: ArrayLike<unknown>): number | undefined {
  const placed = new Set<number>();
  let most = -1;
  for (let slot = 0; slot < row.length; slot++) {
    const expert = row[slot];
    if (expert === -1) continue;
    if (!isNatural(expert)) return undefined;
    placed.add(expert);
    most = Math.max(most, expert);
  }
  return placed.size === most + 1 ? placed.size : undefined;
}
