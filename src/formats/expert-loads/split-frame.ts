import { isLayerName } from './columns.js';
import { readLongTable } from './long-table.js';
import { type ReadLoads, refuseLoads } from './recorded-loads.js';
import type { TableSource } from './table-source.js';
import { countNumbers, type Entries } from './table-values.js';
import { readWideTable } from './wide-table.js';

/**
 * The loads of a data frame as pandas writes it with orient='split': `{"columns": [...], "index": [...], "data":
 * [rows][columns]}`; undefined for any other dict. Throws `InputError` that names the row.
 */
export function readFrame(entries: Entries, source: TableSource): ReadLoads | undefined {
  const fields = new Map(entries);
  const [columns, index, data] = ['columns', 'index', 'data'].map((key) => fields.get(key));
  if (fields.size !== (index === undefined ? 2 : 3) || !Array.isArray(columns) || !Array.isArray(data))
    return undefined;
  const names = (columns as readonly unknown[]).map(String);
  const { where, options, column } = source;
  source.spend(countNumbers(data));
  const cellsOf = (row: unknown, place: string): readonly unknown[] =>
    Array.isArray(row)
      ? (row as readonly unknown[])
      : refuseLoads('it is no row of cells', place, 'give a list of each');
  const rows = function* () {
    for (const [row, cells] of (data as readonly unknown[]).entries()) {
      const place = `${where}, data ${row}`;
      yield { cells: cellsOf(cells, place), where: place, block: 0 };
    }
  };
  const long = readLongTable({ names, rows, where, column }, options);
  if (long !== undefined || !Array.isArray(index)) return long ?? readWideTable({ names, rows, where }, options);
  const labels = index as readonly unknown[];
  if (names.some(isLayerName)) return readWideTable({ names, rows, where }, options);
  const labeled = function* () {
    let next = 0;
    for (const row of rows()) yield { ...row, cells: [labels[next++], ...row.cells] };
  };
  return readWideTable({ names: ['index', ...names], rows: labeled, where }, options);
}
