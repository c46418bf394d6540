import type { ExpertLoads } from '../../balance/index.js';
import { findLongColumns } from './columns.js';
import { isCount, readCounted, refuseCount, type TakeCount } from './counted-table.js';
import { joinWindows, sumRanks } from './join-loads.js';
import { type LayerKeys, orderOf, parseLayerKeys, parseRankKeys, parseWindowKeys } from './layer-keys.js';
import { parseExpertKey, readLongTable } from './long-table.js';
import { readNumberedTable } from './numbered-table.js';
import { readRecords } from './record-tables.js';
import { plural, type ReadLoads, refuseLoads } from './recorded-loads.js';
import { readFrame } from './split-frame.js';
import type { TableSource } from './table-source.js';
import {
  costOfEntries,
  countNumbers,
  describeTable,
  dimsOf,
  type Entries,
  entriesOf,
  readArray,
} from './table-values.js';
import { findUnnamedLong } from './unnamed-long.js';

/** Tables of tables of tables: windows of layers of experts. */
const mostDepth = 3;

/**
 * The loads of a value of JSON, of a `.pt` or of arrays by name, told by its shape: lists and arrays of 1 to 3 dims,
 * dicts by layer, by window or by rank, lists of records, and columns. Undefined where it has no such shape. Throws
 * `InputError` where it has one and is not whole.
 */
export function readTableValue(value: unknown, source: TableSource, depth = 0): ReadLoads | undefined {
  const dims = dimsOf(value);
  if (dims !== undefined && dims > 0) {
    source.spend(countNumbers(value));
    const loads = readArray(value, source.where);
    return (dims === 2 ? readTriples(loads, source) : undefined) ?? describeTable(loads, dims, source.options);
  }
  if (depth >= mostDepth) return undefined;
  source.spend(Array.isArray(value) ? value.length : costOfEntries(value));
  if (Array.isArray(value)) return readDicts(value as readonly unknown[], source, depth);
  const entries = entriesOf(value);
  return entries === undefined ? undefined : readDict(entries, source, depth);
}

/** Rows of layer, expert and count, or of window, layer, expert and count, as in a CSV without names. */
function readTriples({ layers, experts, counts }: ExpertLoads, source: TableSource): ReadLoads | undefined {
  const { where, options } = source;
  const rows = function* () {
    for (let row = 0; row < layers; row++)
      yield { cells: [...counts.subarray(row * experts, (row + 1) * experts)], where: `${where}, row ${row}` };
  };
  const names = findUnnamedLong(rows);
  const read = names && readLongTable({ names, rows, where }, options);
  return read && { ...read, notes: [`columns without names: taken as ${names.join(', ')}`, ...read.notes] };
}

function readDict(entries: Entries, source: TableSource, depth: number): ReadLoads | undefined {
  const frame = readFrame(entries, source) ?? readNumberedTable(entries, source);
  if (frame !== undefined) return frame;
  const keys = entries.map(([key]) => key);
  const layers = parseLayerKeys(keys);
  if (layers !== undefined) return readLayers(entries, layers, source);
  const windows = parseWindowKeys(keys);
  if (windows !== undefined)
    return readParts(
      orderOf(windows).map((place) => entries[place]),
      source,
      depth,
      joinWindows,
    );
  if (parseRankKeys(keys) === undefined) return readColumns(entries, source);
  const read = readParts(entries, source, depth, sumRanks);
  return read && { ...read, notes: [`the counts of ${plural(keys.length, 'rank')} were summed`, ...read.notes] };
}

function readParts(
  entries: Entries,
  source: TableSource,
  depth: number,
  join: typeof joinWindows,
): ReadLoads | undefined {
  const parts = entries.map(([key, value]) => {
    const where = `${source.where}, ${key.slice(0, 40)}`;
    return { where, read: readTableValue(value, { ...source, where, column: undefined }, depth + 1) };
  });
  const found = parts.flatMap(({ read, where: place }) => (read === undefined ? [] : [{ where: place, read }]));
  if (found.length === 0) return undefined;
  const missing = parts.find(({ read }) => read === undefined);
  if (missing !== undefined) return refuseLoads('it holds no loads, as others there do', missing.where);
  return join(found);
}

/** What all values of a dict by layer are. */
function readLayers(entries: Entries, layers: LayerKeys, source: TableSource): ReadLoads | undefined {
  const order = orderOf(layers.numbers);
  const sorted = order.map((place) => entries[place]);
  const numbers = order.map((place) => layers.numbers[place]);
  for (const [, value] of entries) source.spend(costOfEntries(value) + (dimsOf(value) ? countNumbers(value) : 0));
  const values = unwrap(sorted) ?? sorted;
  if (values.every(([, value]) => dimsOf(value) === 1)) return readRows(values, { ...layers, numbers }, source);
  if (values.every(([, value]) => dimsOf(value) === 2)) return readSteps(values, { ...layers, numbers }, source);
  const counts = values.map(([, value]) => entriesOf(value));
  if (counts.every((one) => one?.every(([key]) => parseExpertKey(key) !== undefined)))
    return readExperts(values, { ...layers, numbers }, source);
  const odd = values.find(([, value]) => dimsOf(value) !== 1);
  if (odd !== undefined && values.some(([, value]) => dimsOf(value) === 1))
    return refuseLoads(`'${odd[0].slice(0, 40)}' is no list of counts, as the other layers are`, source.where);
  return undefined;
}

/** `{"layer_3": {"counts": [...], ...}}`: each layer's one list that all have. */
function unwrap(entries: Entries): Entries | undefined {
  const fields = entries.map(([, value]) => entriesOf(value)?.filter(([, one]) => dimsOf(one) === 1));
  const names = fields[0]?.map(([name]) => name) ?? [];
  const common = names.filter((name) => fields.every((one) => one?.some(([other]) => other === name)));
  if (common.length !== 1) return undefined;
  return entries.map(([key], row) => [key, fields[row]?.find(([name]) => name === common[0])?.[1]]);
}

type SortedKeys = LayerKeys & { readonly numbers: readonly number[] };

function readRows(entries: Entries, { numbers, areModules }: SortedKeys, { where, options }: TableSource): ReadLoads {
  const lengths = entries.map(([, row]) => lengthOf(row));
  const odd = lengths.findIndex((length) => length !== lengths[0]);
  if (odd >= 0) {
    const what = `'${entries[odd][0].slice(0, 40)}' has ${plural(lengths[odd], 'expert')}, '${entries[0][0].slice(0, 40)}' ${lengths[0]}`;
    return refuseLoads(what, where, 'give all layers the same number of experts');
  }
  const loads = readArray(
    entries.map(([, row]) => row),
    where,
  );
  return { ...describeTable(loads, 0, options), layerNumbers: numbers, labels: { areModules, isSparse: false } };
}

function lengthOf(row: unknown): number {
  return Array.isArray(row) ? row.length : readArray(row, '').experts;
}

/** Several rows a layer are windows, where the keys say that they are layers. */
function readSteps(entries: Entries, keys: SortedKeys, { where, options }: TableSource): ReadLoads {
  if (keys.areBare) {
    const what = 'its keys are numbers of layers or of windows, and the tables under them could be of either';
    return refuseLoads(what, where, 'name the keys layer_0, layer_1, ... or step_0, step_1, ...');
  }
  const tables = entries.map(([key, table]) => ({ key, loads: readArray(table, `${where}, ${key}`) }));
  const [{ loads: first }] = tables;
  const windows = first.layers;
  for (const { key, loads } of tables) {
    if (loads.layers !== windows || loads.experts !== first.experts)
      refuseLoads(
        `it has [${loads.layers}, ${loads.experts}] counts, another layer [${windows}, ${first.experts}]`,
        `${where}, ${key}`,
      );
  }
  const counts = new Float64Array(windows * tables.length * first.experts);
  for (const [layer, { loads }] of tables.entries()) {
    for (let window = 0; window < windows; window++) {
      const row = loads.counts.subarray(window * first.experts, (window + 1) * first.experts);
      counts.set(row, (window * tables.length + layer) * first.experts);
    }
  }
  const read = describeTable({ windows, layers: tables.length, experts: first.experts, counts }, 0, options);
  const note = `the rows of each layer are taken as ${plural(windows, 'window')}`;
  return {
    ...read,
    layerNumbers: keys.numbers,
    labels: { areModules: keys.areModules, isSparse: false },
    notes: [note, ...read.notes],
  };
}

/** `{"3": {"0": 120, "7": 190}}`: counts by layer and expert. */
function readExperts(
  entries: Entries,
  { numbers, areModules }: SortedKeys,
  { where, options }: TableSource,
): ReadLoads {
  const visit = (take: TakeCount) => {
    for (const [row, [, experts]] of entries.entries()) {
      for (const [name, value] of entriesOf(experts) ?? []) {
        const expert = parseExpertKey(name) ?? 0;
        if (!isCount(value)) return refuseCount(value, `layer ${numbers[row]}, expert ${expert}`, where);
        take(0, numbers[row], expert, value);
      }
    }
  };
  return readCounted({ visit, where, labels: { areModules, isSparse: true } }, options);
}

/** `{"layer": [...], "expert": [...], "count": [...]}`. */
function readColumns(entries: Entries, { where, options, column }: TableSource): ReadLoads | undefined {
  const lists = entries.filter(([, value]) => dimsOf(value) === 1);
  const names = lists.map(([name]) => name);
  if (findLongColumns(names, column, where) === undefined) return undefined;
  const columns = lists.map(([, value]) =>
    Array.isArray(value) ? (value as unknown[]) : [...readArray(value, where).counts],
  );
  const rows = function* () {
    for (const row of columns[0].keys())
      yield { cells: columns.map((cells) => cells[row]), where: `${where}, row ${row}` };
  };
  return readLongTable({ names, rows, where, column }, options);
}

/** A record that says where it is only when it is asked. */
class EntryOfList {
  constructor(
    readonly value: unknown,
    private readonly list: string,
    private readonly row: number,
  ) {}

  get where(): string {
    return `${this.list}, entry ${this.row}`;
  }
}

function readDicts(list: readonly unknown[], source: TableSource, depth: number): ReadLoads | undefined {
  for (const one of list) source.spend(costOfEntries(one));
  const dicts = list.map((one) => entriesOf(one));
  if (dicts.length === 0 || dicts.some((one) => one === undefined)) return undefined;
  const all = dicts.map((one) => one ?? []);
  // A list of dicts of counts is a list of layers, one of dicts of more a list of windows.
  const areCounts = all.every((one) =>
    one.every(([key, value]) => parseExpertKey(key) !== undefined && dimsOf(value) === 0),
  );
  if (areCounts) {
    const entries = list.map((one, layer): [string, unknown] => [String(layer), one]);
    return readExperts(entries, { numbers: [...entries.keys()], areModules: false, areBare: true }, source);
  }
  const walk = function* () {
    for (const [row, value] of list.entries()) yield new EntryOfList(value, source.where, row);
  };
  const records = readRecords(walk, source);
  if (records !== undefined) return records;
  return readParts(
    list.map((value, window) => [`window ${window}`, value]),
    source,
    depth,
    joinWindows,
  );
}
