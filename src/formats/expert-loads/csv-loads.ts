import { type CsvRow, findCommentedNames, findCsvShape, parseCsv } from '../csv.js';
import { isExpertName, isLayerName } from './columns.js';
import { parseLayerKeys } from './layer-keys.js';
import { type NamedTable, readLongTable, type TableRow, toNumber } from './long-table.js';
import { plural, type ReadLoads, type ReadOptions, refuseLoads } from './recorded-loads.js';
import { findUnnamedLong } from './unnamed-long.js';
import { readWideTable } from './wide-table.js';

/** What a text is read as. */
interface CsvSource {
  readonly where: string;
  /** The column of counts, where a person named one. */
  readonly column: string | undefined;
}

/** A table whose rows are made anew with each walk over them. */
interface Rows {
  readonly names: readonly string[] | undefined;
  readonly rows: () => Iterable<TableRow & { readonly block: number }>;
  readonly where: string;
}

/**
 * The loads of a CSV text: a row for each count, with columns of layer, expert and count, or a row for each layer and a
 * column for each expert; with or without header. Undefined for a text that is no table of numbers. Throws `InputError`
 * that names the line.
 */
export function readCsv(text: string, source: CsvSource, options: ReadOptions): ReadLoads | undefined {
  const whole = leaveOutCut(text, source.where);
  const read = readRows(whole, source, options);
  if (read === undefined || whole.length === text.length) return read;
  return { ...read, notes: ['the last line was cut, and is left out', ...read.notes] };
}

/** Without a last row that has neither all cells nor a line break: there the file was cut. */
function leaveOutCut(text: string, where: string): string {
  const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1;
  const last = text.slice(end);
  // A cell that is quoted may have line breaks in it.
  if (last.trim() === '' || last.startsWith('#') || last.includes('"')) return text;
  const whole = text.slice(0, end);
  const shape = findCsvShape(whole);
  if (shape === undefined || !shape.isNumeric) return text;
  const [first, second] = parseCsv(whole, shape.delimiter, where);
  const [row] = parseCsv(last, shape.delimiter, where);
  return second !== undefined && row.cells.length < first.cells.length ? whole : text;
}

function readRows(text: string, { where, column }: CsvSource, options: ReadOptions): ReadLoads | undefined {
  const shape = findCsvShape(text);
  if (shape === undefined) return undefined;
  const [first] = parseCsv(text, shape.delimiter, where);
  const header = findHeader(first.cells);
  const names = header ?? findNamesAbove(findCommentedNames(text, shape.delimiter), first);
  const rows = function* () {
    let isFirst = header !== undefined;
    for (const { cells, line, block } of parseCsv(text, shape.delimiter, where)) {
      if (!isFirst) yield new LineOfFile(cells, block, where, line);
      isFirst = false;
    }
  };
  if (names === undefined) return shape.isNumeric ? readUnnamed({ names, rows, where }, column, options) : undefined;
  const table = { names, rows, where, column };
  const long = readLongTable(table, options) ?? readTransposed(table, options);
  if (long !== undefined) return long;
  return shape.isNumeric ? readWideTable({ names, rows, where }, options) : undefined;
}

/** A row that says where it is only when it is asked. */
class LineOfFile {
  constructor(
    readonly cells: readonly string[],
    readonly block: number,
    private readonly file: string,
    private readonly line: number,
  ) {}

  get where(): string {
    return `${this.file}, line ${this.line}`;
  }
}

/** The names in a first row; undefined where it is one of numbers, whose first cell may be a label. */
function findHeader(cells: readonly string[]): readonly string[] | undefined {
  const [label, ...rest] = cells;
  if (rest.some((cell) => cell.trim() !== '' && toNumber(cell) === undefined)) return cells;
  const isNumbered = (numbers: readonly string[]) => numbers.every((cell, place) => toNumber(cell) === place);
  if (toNumber(label) === undefined && rest.length === 0) return cells;
  // A data frame's columns without names are 0, 1, ... below an index without a name, or alone.
  if (rest.length > 0 && isNumbered(rest) && toNumber(label) === undefined && parseLayerKeys([label]) === undefined)
    return cells;
  return cells.length >= leastNumbered && isNumbered(cells) ? cells : undefined;
}

/** Fewer numbers that go up by one may be counts. */
const leastNumbered = 4;

function findNamesAbove(names: readonly string[] | undefined, { cells }: CsvRow): readonly string[] | undefined {
  const isNamed = names?.length === cells.length && (names.some(isLayerName) || names.some(isExpertName));
  return isNamed ? names : undefined;
}

/** A row an expert and a column a layer, which only names tell from the other way round. */
function readTransposed({ names, rows, where }: NamedTable, options: ReadOptions): ReadLoads | undefined {
  const [label, ...layers] = names;
  const keys = parseLayerKeys(layers);
  const isIndex = /^\s*(?:index|unnamed: 0)?\s*$/i.test(label);
  if (keys === undefined || !(isExpertName(label) || (isIndex && !keys.areBare))) return undefined;
  const melted = function* () {
    for (const { cells, where: place } of rows())
      for (const [column, layer] of layers.entries())
        yield { cells: [layer, cells[0], cells[column + 1]], where: place };
  };
  return readLongTable({ names: ['layer', 'expert', 'count'], rows: melted, where }, options);
}

function readUnnamed(table: Rows, column: string | undefined, options: ReadOptions): ReadLoads {
  const { rows, where } = table;
  if (column !== undefined)
    return refuseLoads(`its columns have no names, so none is '${column}'`, where, 'leave it out');
  const [first] = rows();
  if (first.cells.length === 1) return readColumn(table, options);
  const names = findUnnamedLong(rows);
  if (names === undefined) return readWideTable(table, options);
  const read = readLongTable({ names, rows, where }, options);
  if (read === undefined) return readWideTable(table, options);
  return { ...read, notes: [`columns without names: taken as ${names.join(', ')}`, ...read.notes] };
}

/** One number a row: one layer. */
function readColumn({ rows, where }: Rows, options: ReadOptions): ReadLoads {
  const melted = function* () {
    let expert = 0;
    for (const { cells, where: place } of rows()) yield { cells: [0, expert++, cells[0]], where: place };
  };
  const read = readLongTable({ names: ['layer', 'expert', 'count'], rows: melted, where }, options);
  if (read === undefined) return refuseLoads('it has no counts', where);
  const { labels: _, ...unlabeled } = read;
  return { ...unlabeled, notes: [`one number a row: taken as one layer of ${plural(read.loads.experts, 'expert')}`] };
}
