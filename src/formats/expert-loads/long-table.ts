import { findLongColumns, type LongColumns } from './columns.js';
import { isCount, readCounted, refuseCount, type TakeCount } from './counted-table.js';
import { parseLayerKeys } from './layer-keys.js';
import { plural, type ReadLoads, type ReadOptions, refuseLoads } from './recorded-loads.js';

/** A row of a table. */
export interface TableRow {
  readonly cells: readonly unknown[];
  /** Where it stands, for errors; making that text for each row takes longer than reading it. */
  readonly where: string;
}

/** A table with named columns, whose rows are made anew with each walk over them. */
export interface NamedTable {
  readonly names: readonly string[];
  readonly rows: () => Iterable<TableRow>;
  readonly where: string;
  /** The column of counts, where a person chose one. */
  readonly column?: string | undefined;
}

/**
 * The loads of a table with a row for each count: columns of layers, experts and counts, and maybe of windows and
 * ranks, in any order. Counts of ranks are summed; experts of -1 are none. Undefined where no columns number layers and
 * experts. Throws `InputError` that names the row.
 */
export function readLongTable({ names, rows, where, column }: NamedTable, options: ReadOptions): ReadLoads | undefined {
  const columns = findLongColumns(names, column, where);
  if (columns === undefined) return undefined;
  const reader = createReader(columns);
  const visit = (take: TakeCount) => {
    reader.restart();
    for (const row of rows()) reader.read(row, take);
  };
  const isSummed = columns.rank !== undefined || columns.count === undefined;
  const labels = { areModules: false, isSparse: true };
  const read = readCounted({ visit, where, labels, isSummed, windowNames: reader.windowNames }, options);
  const { areModules, ranks, withoutExpert } = reader.found();
  const notes = [
    ...(columns.count === undefined ? ['each row is taken as one choice of a token, and counted as 1'] : []),
    ...(ranks === 0 ? [] : [`the counts of ${plural(ranks, 'rank')} were summed`]),
    ...(withoutExpert === 0 ? [] : [`${plural(withoutExpert, 'row')} of expert -1 left out`]),
    ...(columns.unread.length === 0 ? [] : [`columns that are not read: ${columns.unread.slice(0, 8).join(', ')}`]),
  ];
  return { ...read, labels: { areModules, isSparse: true }, notes: [...notes, ...read.notes] };
}

/** Names of windows get numbers after all that are numbers themselves. */
const firstNamed = 2 ** 50;

interface RowReader {
  readonly restart: () => void;
  readonly read: (row: TableRow, take: TakeCount) => void;
  readonly windowNames: ReadonlyMap<number, string>;
  readonly found: () => { readonly areModules: boolean; readonly ranks: number; readonly withoutExpert: number };
}

function createReader(columns: LongColumns): RowReader {
  const layers = new Map<unknown, number>();
  const windows = new Map<unknown, number>();
  const windowNames = new Map<number, string>();
  const ranks = new Set<unknown>();
  let areModules = false;
  let withoutExpert = 0;
  const layerOf = (row: TableRow): number => {
    const cell = row.cells[columns.layer];
    const known = layers.get(cell);
    if (known !== undefined) return known;
    const keys = parseLayerKeys([textOf(cell)]);
    if (keys === undefined) return refuseCell('layer', cell, row, 'give the number of a layer from 0');
    areModules ||= keys.areModules;
    layers.set(cell, keys.numbers[0]);
    return keys.numbers[0];
  };
  const windowOf = (cell: unknown): number => {
    const known = windows.get(cell);
    if (known !== undefined) return known;
    const number = toNumber(cell);
    const window = number !== undefined && number >= 0 ? number : firstNamed + windows.size;
    windows.set(cell, window);
    if (window >= firstNamed) windowNames.set(window, textOf(cell).slice(0, 80));
    return window;
  };
  return {
    restart: () => {
      withoutExpert = 0;
    },
    read: (row, take) => {
      const { cells } = row;
      const expert = readExpert(row, columns.expert);
      if (columns.rank !== undefined) ranks.add(cells[columns.rank]);
      if (expert < 0) {
        withoutExpert += 1;
        return;
      }
      const layer = layerOf(row);
      const cell = columns.count === undefined ? 1 : cells[columns.count];
      const count = toNumber(cell);
      if (!isCount(count)) refuseCount(count ?? cell, `layer ${layer}, expert ${expert}`, row.where);
      take(columns.window === undefined ? 0 : windowOf(cells[columns.window]), layer, expert, count);
    },
    windowNames,
    found: () => ({ areModules, ranks: ranks.size, withoutExpert }),
  };
}

const expertPattern = /^(?:experts?|exp|e)?[ _.-]?(?:id[ _.-]?)?(\d{1,9})$/i;

/** An expert's number, of `7`, `7.0` or `expert_7`; -1 is none. */
function readExpert(row: TableRow, column: number): number {
  const cell = row.cells[column];
  const number = toNumber(cell) ?? parseExpertKey(textOf(cell));
  if (number !== undefined && Number.isSafeInteger(number) && number >= -1) return number;
  return refuseCell('expert', cell, row, 'give the number of an expert from 0');
}

/** The expert that a key such as `7` or `expert_7` names. */
export function parseExpertKey(key: string): number | undefined {
  const number = expertPattern.exec(key.trim())?.[1];
  return number === undefined ? undefined : Number(number);
}

/** The number that a cell is, undefined where it is none. */
export function toNumber(cell: unknown): number | undefined {
  if (typeof cell === 'number') return cell;
  const isNumber = typeof cell === 'string' && /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(cell);
  return isNumber ? Number(cell) : undefined;
}

function textOf(cell: unknown): string {
  // Spreadsheets and pandas write whole numbers as 3.0 where a cell of the column is empty.
  return typeof cell === 'string' || typeof cell === 'number' ? String(cell).replace(/^(\d+)\.0*$/, '$1') : '';
}

function refuseCell(what: string, cell: unknown, { where }: TableRow, mend: string): never {
  const isText = typeof cell === 'string' || typeof cell === 'number';
  const shown = isText ? JSON.stringify(String(cell).slice(0, 40)) : cell === undefined ? 'missing' : 'no number';
  return refuseLoads(`the ${what} is ${shown}`, where, mend);
}
