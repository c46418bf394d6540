import { asTable, checkList, checkSlotTotal, refuse, sortByNumber } from './check.js';

/** The slots of layers as a file lists them. */
export interface SlotTable {
  /** `[layers][slots]`: what the file has there. */
  readonly rows: readonly ArrayLike<unknown>[];
  /** `[layers]`: their numbers, ascending, where the file names them. */
  readonly layerNumbers?: readonly number[];
  /** `[gpus + 1]`: the first slot of each GPU, and last their number, where slots are listed by GPU. */
  readonly slotStarts?: readonly number[];
  /** Whether it is a list for one layer, and so for all of them. */
  readonly isOfEveryLayer: boolean;
}

/** What the files of PyTorch and NumPy hold. */
interface Tensor {
  readonly shape: readonly number[];
  /** In row-major order. */
  readonly read: () => Float64Array;
}

interface Row {
  readonly slots: ArrayLike<unknown>;
  readonly slotStarts?: readonly number[];
}

/** More of a tensor than 100 layers of 400 GPUs with a map of 400 experts each. */
const mostNumbers = 2 ** 24;

/**
 * A table `[layers][slots]` or `[layers][gpus][slots]`, of lists or a tensor; in place of a list of layers, or of GPUs,
 * there may be a table by their numbers. A list `[slots]` is that of every layer. Throws `InputError` that calls it
 * `name`, and names the layer.
 */
export function readSlotTable(value: unknown, name: string, where: string): SlotTable {
  if (isTensor(value)) return readTensor(value, name, where);
  const table = asTable(value, where);
  if (table !== undefined) {
    const layers = sortByNumber(table, 'layer', where);
    const rows = layers.map(([layer, row]) => readRow(row, `layer ${layer}`, where));
    return { ...joinRows(rows, where), layerNumbers: layers.map(([layer]) => layer), isOfEveryLayer: false };
  }
  const list = checkList(value, name, where);
  if (!list.some(isNested)) return { rows: [list], isOfEveryLayer: true };
  checkSlotTotal(list.length, 1, where);
  const rows = list.map((row, layer) => readRow(row, `layer ${layer}`, where));
  return { ...joinRows(rows, where), isOfEveryLayer: false };
}

/** Whether a value is a tensor that a reader gave. */
export function isTensor(value: unknown): value is Tensor {
  return typeof value === 'object' && value !== null && 'read' in value && typeof value.read === 'function';
}

/** A list, table or tensor within another. */
function isNested(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function readTensor(tensor: Tensor, name: string, where: string): SlotTable {
  const { shape } = tensor;
  const size = shape.reduce((product, count) => product * count, 1);
  if (shape.length < 1 || shape.length > 3 || size === 0)
    throw refuse(`${name} has the shape [${shape}]`, where, 'give [layers, slots] or [layers, gpus, slots]');
  if (size > mostNumbers) throw refuse(`${name} has ${size} numbers`, where, `give at most ${mostNumbers}`);
  const numbers = tensor.read();
  const [layers, width] = shape.length === 1 ? [1, size] : [shape[0], size / shape[0]];
  const rows = Array.from({ length: layers }, (_, layer) => numbers.subarray(layer * width, (layer + 1) * width));
  if (shape.length < 3) return { rows, isOfEveryLayer: shape.length === 1 };
  const slotStarts = Array.from({ length: shape[1] + 1 }, (_, gpu) => gpu * shape[2]);
  return { rows, slotStarts, isOfEveryLayer: false };
}

/** A layer: its slots, or a list of GPUs with theirs. */
function readRow(value: unknown, name: string, where: string): Row {
  if (isTensor(value) && value.shape.length === 1) return { slots: readTensor(value, name, where).rows[0] };
  if (isTensor(value) && value.shape.length === 2) {
    const { rows } = readTensor(value, name, where);
    return joinGpus(rows);
  }
  const table = asTable(value, where);
  if (table === undefined) {
    const list = checkList(value, name, where);
    if (!list.some(isNested)) return { slots: list };
    return joinGpus(list.map((slots, gpu) => readSlots(slots, `${name}, GPU ${gpu}`, where)));
  }
  const gpus = sortByNumber(table, 'GPU', where);
  const missing = gpus.findIndex(([gpu], index) => gpu !== index);
  if (missing >= 0) throw refuse(`${name} has no GPU ${missing}`, where, 'give every GPU its slots, from GPU 0 on');
  return joinGpus(gpus.map(([gpu, slots]) => readSlots(slots, `${name}, GPU ${gpu}`, where)));
}

function readSlots(value: unknown, name: string, where: string): ArrayLike<unknown> {
  if (isTensor(value) && value.shape.length === 1) return readTensor(value, name, where).rows[0];
  return checkList(value, name, where);
}

function joinGpus(gpus: readonly ArrayLike<unknown>[]): Row {
  const slotStarts = [0];
  for (const { length } of gpus) slotStarts.push((slotStarts.at(-1) ?? 0) + length);
  return { slots: gpus.flatMap((slots) => Array.from(slots)), slotStarts };
}

/** Throws `InputError` that names layer and GPU where slots are not as many on a GPU in every layer. */
function joinRows(rows: readonly Row[], where: string): Pick<SlotTable, 'rows' | 'slotStarts'> {
  const slotStarts = rows[0]?.slotStarts;
  for (const [layer, row] of rows.entries()) {
    const [own, first] = [row.slotStarts ?? [], slotStarts ?? []];
    if (own.length !== first.length) {
      const what = `row ${layer} has ${describeGpus(own)}, row 0 has ${describeGpus(first)}`;
      throw refuse(what, where, 'give every layer as many GPUs');
    }
    const other = own.findIndex((start, gpu) => start !== first[gpu]);
    if (other < 0) continue;
    const count = (starts: readonly number[]): number => starts[other] - starts[other - 1];
    const what = `row ${layer}, GPU ${other - 1} has ${count(own)} slots, in row 0 it has ${count(first)}`;
    throw refuse(what, where, 'give a GPU as many slots in every layer');
  }
  return { rows: rows.map(({ slots }) => slots), ...(slotStarts === undefined ? {} : { slotStarts }) };
}

function describeGpus(slotStarts: readonly number[]): string {
  return slotStarts.length === 0 ? 'no list of GPUs' : `${slotStarts.length - 1} GPUs`;
}
