import type { Placement } from '../../balance/index.js';
import { InputError } from '../../base/index.js';

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
  readonly where?: string;
}

export function refuse(what: string, where: string | undefined, mend: string): InputError {
  return new InputError({ what, mend, ...(where === undefined ? {} : { where }) });
}

export function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A value of a file as an error shows it: short, on one line. */
export function show(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'a table' : 'nothing';
}

/** Throws `InputError` where `keys` has one that is not in `known`. */
export function checkKeys(keys: Iterable<unknown>, known: readonly string[], where: string): void {
  for (const key of keys) {
    if (typeof key !== 'string' || !known.includes(key))
      throw refuse(`the key ${show(key)} is not known`, where, `leave only ${known.join(', ')}`);
  }
}

/** `value` as a list that is not empty; throws `InputError` that calls it `name`. */
export function checkList(value: unknown, name: string, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw refuse(`${name} is ${show(value)}, not a list`, where, 'correct the file');
  if (value.length === 0) throw refuse(`${name} is empty`, where, 'correct the file');
  return value;
}

/** The layer numbers of a placement: ascending, none too large. Throws `InputError`. */
export function checkLayerNumbers(numbers: readonly unknown[], where?: string): readonly number[] {
  let last = -1;
  for (const [row, number] of numbers.entries()) {
    if (!isNatural(number) || number > highestLayer) {
      const what = `row ${row} is of layer ${show(number)}`;
      throw refuse(what, where, `give whole numbers from 0 to ${highestLayer}`);
    }
    if (number <= last)
      throw refuse(`row ${row} is of layer ${number}, after layer ${last}`, where, 'sort the layers, each once');
    last = number;
  }
  return numbers as readonly number[];
}

/** `[gpus + 1]` first slots of the GPUs, and last their number. Throws `InputError` unless they ascend from 0 to `slots`. */
export function checkSlotStarts(starts: ArrayLike<unknown>, slots: number, where?: string): void {
  const values = Array.from(starts);
  const ascend = values.every((start, gpu) => isNatural(start) && (gpu === 0 || start >= (values[gpu - 1] as number)));
  if (values.length < 2 || !ascend || values[0] !== 0 || values.at(-1) !== slots)
    throw refuse(
      'the first slots of the GPUs are wrong',
      where,
      `let them ascend from 0 to ${slots}, the number of slots`,
    );
}

/**
 * Throws `InputError` that names layer, slot and expert unless each slot holds a whole number in `[0, experts)`, or -1 where `allowsEmpty`, and each
 * expert has a slot.
 */
export function checkSlots(slots: ArrayLike<unknown>, { experts, layer, allowsEmpty, where }: SlotRules): void {
  const isPlaced = new Uint8Array(experts);
  for (let slot = 0; slot < slots.length; slot++) {
    const expert = slots[slot];
    if (expert === -1 && allowsEmpty) continue;
    if (!isNatural(expert) || expert >= experts) {
      const what = `layer ${layer}, slot ${slot} holds ${show(expert)}, which is no expert`;
      throw refuse(what, where, `give a whole number from 0 to ${experts - 1}`);
    }
    isPlaced[expert] = 1;
  }
  const missing = isPlaced.indexOf(0);
  if (missing >= 0)
    throw refuse(`layer ${layer} has no slot for expert ${missing}`, where, 'give every expert a slot in every layer');
}

/**
 * A placement from the rows of a file. Throws `InputError` that names the layer unless all rows are lists of the same length that keep to `checkSlots`.
 */
export function createPlacement(
  rows: readonly unknown[],
  layerNumbers: readonly number[],
  { where, experts, allowsEmpty = false }: Source & { readonly allowsEmpty?: boolean },
): Placement {
  const lists = rows.map((row, index) => checkList(row, `layer ${layerNumbers[index]}`, where));
  const slots = lists[0]?.length ?? 0;
  for (const [row, list] of lists.entries()) {
    if (list.length !== slots) {
      const what = `layer ${layerNumbers[row]} has ${list.length} slots, layer ${layerNumbers[0]} has ${slots}`;
      throw refuse(what, where, 'give every layer as many slots');
    }
  }
  if (rows.length * slots > mostSlots)
    throw refuse(`it has ${rows.length} layers of ${slots} slots`, where, `give at most ${mostSlots} slots in all`);
  const physicalToLogical = new Int32Array(rows.length * slots);
  for (const [row, list] of lists.entries()) {
    checkSlots(list, { experts, layer: layerNumbers[row]!, allowsEmpty, where });
    physicalToLogical.set(list as readonly number[], row * slots);
  }
  return { layers: rows.length, experts, slots, physicalToLogical };
}

/** The error for a file that is no placement of any format. */
export function refuseFormat(where: string): InputError {
  const mend = 'name a placement of SGLang, vLLM, TensorRT-LLM, vLLM-Ascend or our json';
  return refuse('it is no placement of a known format', where, mend);
}
