import { isLayerName } from './columns.js';
import { type ReadLoads, refuseLoads } from './recorded-loads.js';
import type { TableSource } from './table-source.js';
import { countNumbers, describeTable, dimsOf, type Entries, readArray } from './table-values.js';

/**
 * `{"layers": [3, 4], "counts": [[...], [...]]}`: a table with the numbers of its layers beside it, and nothing else that
 * could be one; undefined for others. Throws `InputError` where there are not as many numbers as layers, ascending.
 */
export function readNumberedTable(entries: Entries, { where, options, spend }: TableSource): ReadLoads | undefined {
  const lists = entries.filter(([name, value]) => dimsOf(value) === 1 && isLayerName(name.replace(/(?<=[^s])s$/i, '')));
  const tables = entries.filter(([, value]) => (dimsOf(value) ?? 0) >= 2);
  if (lists.length !== 1 || tables.length !== 1) return undefined;
  const [[listName, list]] = lists;
  const [[tableName, table]] = tables;
  spend(countNumbers(list) + countNumbers(table));
  const numbers = [...readArray(list, where).counts];
  const loads = readArray(table, where);
  const isNumbering = numbers.every((one, row) => Number.isSafeInteger(one) && (row === 0 || one > numbers[row - 1]));
  if (numbers.length !== loads.layers || !isNumbering) {
    const what = `'${listName}' does not number the ${loads.layers} layers of '${tableName.slice(0, 40)}'`;
    return refuseLoads(what, where, 'give each layer its number, ascending, or the table alone');
  }
  const read = describeTable(loads, dimsOf(table) ?? 2, options);
  const note = `'${listName}' numbers the layers of '${tableName.slice(0, 40)}'`;
  return {
    ...read,
    layerNumbers: numbers,
    labels: { areModules: false, isSparse: false },
    notes: [note, ...read.notes],
  };
}
