import { describeEntries, type FileKind } from '../file-kind.js';
import { parseLayerKeys, parseRankKeys, parseWindowKeys } from './layer-keys.js';
import { namePart, type ReadLoads, type ReadOptions, refuseLoads } from './recorded-loads.js';
import { readTableValue } from './table-shapes.js';
import { createSource } from './table-source.js';
import { dimsOf, type Entries, entriesOf, isTableValue } from './table-values.js';

/** Where a value was found, and how it is read. */
export interface ShapedSource {
  /** The file, and after a # the part of it that a person named. */
  readonly where: string;
  readonly options: ReadOptions;
  /**
   * Whether a table may have any name, as an array of a `.pt`; in JSON there are many lists, so that one needs a name
   * that tells.
   */
  readonly isAnyName: boolean;
}

/** Names of tables of loads. */
const tellingName = /count|load|expert|layer|token|freq|hist|stat|moe|rout|usage|activ|hot|weight|table|data/i;
/** Names of tables that have a column for each slot. */
const slotName = /physical|slot|p2l/i;

/** What is read: recorded loads of an engine, or a table of counts. */
export const readable =
  'give what an engine recorded, or a table of counts by layer and expert as JSON, CSV, .npy, .npz, .pt or safetensors';

/**
 * The loads of a value, told by its shape alone, or of the only table in a dict. Throws `InputError` that says what the
 * value looks like, or which tables it has.
 */
export function readShaped(value: unknown, { where, options, isAnyName }: ShapedSource): ReadLoads {
  const entries = entriesOf(value);
  const first = entries ?? (Array.isArray(value) ? entriesOf(value[0]) : undefined);
  const kind = first && describeEntries(first);
  if (kind !== undefined) return refuseKind(kind, where);
  const read = readTableValue(value, createSource({ where, options }));
  if (read !== undefined) return read;
  if (entries === undefined) return refuseLoads('it is no table of loads', where, readable);
  const tables = entries.filter(([, one]) => mayBeTable(one)).map(([name]) => name);
  const slots = tables.find((one) => slotName.test(one));
  if (slots !== undefined)
    return refuseLoads(`'${slots}' is of slots, not of experts`, where, 'give the counts of logical experts');
  const [name, ...more] = tables.filter((one) => isAnyName || tellingName.test(one));
  if (name === undefined || more.length > 0) return refuseEntries(entries, tables, where);
  const table = entries.find(([key]) => key === name)?.[1];
  const found = readTableValue(table, createSource({ where: `${where}, ${name}`, options }));
  if (found === undefined) return refuseEntries(entries, tables, where);
  return { ...found, notes: [`'${name}' is read, the only table in it`, ...found.notes] };
}

/** Whether a value may be a table, a dict by layer, window or rank, or a list of records. */
function mayBeTable(value: unknown): boolean {
  if (isTableValue(value) || (Array.isArray(value) && entriesOf(value[0]) !== undefined)) return true;
  const entries = entriesOf(value);
  if (entries === undefined || entries.length === 0) return false;
  const keys = entries.map(([key]) => key);
  const isKeyed = [parseLayerKeys, parseWindowKeys, parseRankKeys].some((parse) => parse(keys) !== undefined);
  return isKeyed && entries.every(([, one]) => (dimsOf(one) ?? 0) > 0 || entriesOf(one) !== undefined);
}

/** Throws the `InputError` of a file that is something else. */
export function refuseKind({ what, mend = readable }: FileKind, where: string): never {
  return refuseLoads(`it is ${what}, not loads`, where, mend);
}

function refuseEntries(entries: Entries, tables: readonly string[], where: string): never {
  const keys = entries.map(([key]) => key);
  if (keys.length === 0) return refuseLoads('it is empty', where, readable);
  const lists = entries.filter(([, value]) => dimsOf(value) === 1).map(([key]) => key);
  const nested = entries.filter(([, value]) => entriesOf(value) !== undefined).map(([key]) => key);
  const [part] = tables.length > 0 ? tables : nested.length > 0 ? nested : lists;
  const known = `these are no loads that are known${listKeys(keys)}`;
  if (part === undefined) return refuseLoads(known, where, readable);
  const what = tables.length > 1 ? `it has several tables${listKeys(tables, 'they')}` : known;
  return refuseLoads(what, where, namePart(where, part));
}

function listKeys(keys: readonly string[], whose = 'its keys'): string {
  const shown = keys.slice(0, 8).map((key) => JSON.stringify(key.slice(0, 40)));
  return `: ${whose} are ${shown.join(', ')}${keys.length > 8 ? ', ...' : ''}`;
}
