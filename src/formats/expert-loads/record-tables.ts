import { isLayerName, isRankName, isWindowName, pickCounts } from './columns.js';
import { isCount, readCounted, refuseCount, type TakeCount } from './counted-table.js';
import { joinWindows } from './join-loads.js';
import type { JsonLine } from './json-text.js';
import { parseLayerKeys } from './layer-keys.js';
import { readLongTable, toNumber } from './long-table.js';
import { plural, type ReadLoads, refuseLoads } from './recorded-loads.js';
import type { TableSource } from './table-source.js';
import { describeTable, dimsOf, entriesOf, readArray } from './table-values.js';

/** Records that are made anew with each walk over them: entries of a list, or lines of a file. */
type Records = () => Iterable<JsonLine>;

/**
 * The loads of records: each a count, `{"layer", "expert", "count"}`; or a row of a layer, `{"layer", "counts":
 * [experts]}`; or a window, `{"counts": [layers][experts]}`. The first one tells which. Undefined where it tells none.
 * Throws `InputError` that names the record.
 */
export function readRecords(records: Records, source: TableSource): ReadLoads | undefined {
  const [first] = records();
  const entries = first && entriesOf(first.value);
  if (entries === undefined) return undefined;
  const names = entries.filter(([, value]) => dimsOf(value) === 0 || typeof value === 'string').map(([name]) => name);
  const long = readLongRecords(records, names, source);
  if (long !== undefined) return long;
  const layer = names.find(isLayerName);
  const namesOf = (isIt: (dims: number) => boolean) =>
    entries.filter(([, value]) => isIt(dimsOf(value) ?? 0)).map(([name]) => name);
  const rows = namesOf((dims) => dims === 1);
  if (layer !== undefined && rows.length > 0)
    return readRowRecords(records, { layer, names, counts: pickCounts(rows, source.column, source.where) }, source);
  const tables = namesOf((dims) => dims === 2 || dims === 3);
  if (tables.length === 0) return undefined;
  return readTableRecords(records, pickCounts(tables, source.column, source.where), source);
}

function readLongRecords(records: Records, names: readonly string[], source: TableSource): ReadLoads | undefined {
  const rows = function* () {
    for (const { value, where } of records()) {
      const fields = new Map(entriesOf(value) ?? refuseLoads('it is no record', where));
      yield { cells: names.map((name) => fields.get(name)), where };
    }
  };
  return readLongTable({ names, rows, where: source.where, column: source.column }, source.options);
}

interface RowFields {
  readonly layer: string;
  readonly counts: string;
  /** All that hold a number or text. */
  readonly names: readonly string[];
}

function readRowRecords(
  records: Records,
  { layer, counts, names }: RowFields,
  { where, options }: TableSource,
): ReadLoads {
  const window = names.find(isWindowName);
  const isSummed = names.some(isRankName);
  let areModules = false;
  const visit = (take: TakeCount) => {
    const times = new Map<number, number>();
    for (const { value, where: place } of records()) {
      const fields = new Map(entriesOf(value) ?? refuseLoads('it is no record', place));
      const keys = parseLayerKeys([String(fields.get(layer))]);
      if (keys === undefined) return refuseLoads('its layer is no number from 0', place);
      areModules ||= keys.areModules;
      const [number] = keys.numbers;
      const time = times.get(number) ?? 0;
      times.set(number, time + 1);
      const again = isSummed ? 0 : time;
      const at = window === undefined ? again : toNumber(fields.get(window));
      if (at === undefined || !(at >= 0)) return refuseLoads('its window is no number from 0', place);
      const row = fields.get(counts);
      if (dimsOf(row) !== 1) return refuseLoads(`${counts} is no list of counts`, place);
      const list: Iterable<[number, unknown]> = Array.isArray(row)
        ? row.entries()
        : readArray(row, place).counts.entries();
      for (const [expert, count] of list) {
        if (!isCount(count)) return refuseCount(count, `layer ${number}, expert ${expert}`, place);
        take(at, number, expert, count);
      }
    }
  };
  const read = readCounted({ visit, where, isSummed, labels: { areModules: false, isSparse: false } }, options);
  return {
    ...read,
    labels: { areModules, isSparse: false },
    notes: [`'${counts}' is read as the counts`, ...read.notes],
  };
}

function readTableRecords(records: Records, counts: string, { options, spend }: TableSource): ReadLoads {
  const parts = [...records()].map(({ value, where: place }) => {
    const table = new Map(entriesOf(value) ?? refuseLoads('it is no record', place)).get(counts);
    const loads = readArray(table, `${place}, ${counts}`);
    spend(loads.counts.length);
    return { where: place, read: describeTable(loads, 0, { ...options, trimWarmup: false }) };
  });
  const joined = joinWindows(parts);
  const described = describeTable(joined.loads, 0, options);
  const what = `'${counts}' of ${plural(parts.length, 'record')} is read as windows of [layers, experts]`;
  return { ...described, notes: [what, ...described.notes] };
}
