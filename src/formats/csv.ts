import { InputError } from '../base/index.js';

/** What stands between the cells of a row; `space` is any number of spaces or tabs, as `numpy.savetxt` writes. */
export type Delimiter = ',' | ';' | '\t' | '|' | 'space';

/** A row of a CSV file. */
export interface CsvRow {
  readonly cells: readonly string[];
  /** From 1. */
  readonly line: number;
  /** How many gaps of blank lines or comments lie between rows before it. */
  readonly block: number;
}

/** The likelier a delimiter is to stand in a cell, the later it comes. */
const delimiters: readonly Delimiter[] = ['\t', ';', '|', ',', 'space'];
const sampledRows = 20;
const mostCellCharacters = 2 ** 16;

/** What the first rows of a text show. */
interface CsvShape {
  readonly delimiter: Delimiter;
  /** Whether most cells below the first row are numbers. */
  readonly isNumeric: boolean;
}

/**
 * The shape of a text that is a table, of rows of as many cells each; undefined for one that is none, such as prose. A
 * text of a number a line has rows of one cell.
 */
export function findCsvShape(text: string): CsvShape | undefined {
  for (const delimiter of delimiters) {
    const rows = sample(text, delimiter);
    const width = rows[0]?.cells.length ?? 0;
    if (width > 1 && rows.every(({ cells }) => cells.length === width))
      return { delimiter, isNumeric: areNumeric(rows) };
  }
  const lines = sample(text, ',');
  return lines.length > 1 && areNumeric(lines) ? { delimiter: ',', isNumeric: true } : undefined;
}

function areNumeric(rows: readonly CsvRow[]): boolean {
  const cells = rows.slice(rows.length > 1 ? 1 : 0).flatMap((row) => row.cells);
  return 2 * cells.filter((cell) => numberPattern.test(cell)).length >= cells.length;
}

const numberPattern = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;

function sample(text: string, delimiter: Delimiter): readonly CsvRow[] {
  const rows: CsvRow[] = [];
  // The last of the rows that are looked at may be cut.
  const head = text.slice(0, 2 ** 20);
  try {
    for (const row of parseCsv(head, delimiter, '')) if (rows.push(row) >= sampledRows) break;
  } catch (error) {
    // The same is wrong, and said, when all is read.
    if (!(error instanceof InputError)) throw error;
  }
  return head.length < text.length && rows.length < sampledRows ? rows.slice(0, -1) : rows;
}

/**
 * The rows of a CSV text, one at a time: cells may be quoted, lines end as on any system, blank lines and those that
 * begin with # are left out, and so is an empty cell at the end of a row. Throws `InputError` for a quote without an
 * end.
 */
export function* parseCsv(text: string, delimiter: Delimiter, where: string): Generator<CsvRow> {
  const newline = text.includes('\n') ? '\n' : '\r';
  let line = 0;
  let block = 0;
  let isGap = false;
  let hasRow = false;
  for (let start = 0; start < text.length; ) {
    line += 1;
    const firstLine = line;
    let end = endOfLine(text, newline, start);
    // A quoted cell goes on in the next line.
    while (end < text.length && hasOpenQuote(text, start, end, where)) {
      line += 1;
      end = endOfLine(text, newline, end + 1);
    }
    const row = text.slice(start, end).replace(/\r$/, '');
    start = end + 1;
    if (row.trim() === '' || row.startsWith('#')) {
      isGap = hasRow;
      continue;
    }
    if (isGap) block += 1;
    [isGap, hasRow] = [false, true];
    yield { cells: splitRow(row, delimiter, { where, line: firstLine }), line: firstLine, block };
  }
}

/**
 * The names of columns in a comment before the first row, as `numpy.savetxt` writes them; undefined where there is
 * none.
 */
export function findCommentedNames(text: string, delimiter: Delimiter): readonly string[] | undefined {
  const lines = text.slice(0, 2 ** 16).split(/\r?\n|\r/);
  const first = lines.findIndex((line) => line.trim() !== '' && !line.startsWith('#'));
  const comment = lines.slice(0, Math.max(first, 0)).findLast((line) => line.startsWith('#'));
  return comment === undefined ? undefined : splitRow(comment.replace(/^#+\s*/, ''), delimiter, { where: '', line: 1 });
}

function endOfLine(text: string, newline: string, start: number): number {
  const end = text.indexOf(newline, start);
  return end < 0 ? text.length : end;
}

/** The text is looked at from `start` to `end` only, as nothing may be quoted in all of it. */
function hasOpenQuote(text: string, start: number, end: number, where: string): boolean {
  const row = text.slice(start, end);
  let isOpen = false;
  for (let place = row.indexOf('"'); place >= 0; place = row.indexOf('"', place + 1)) isOpen = !isOpen;
  if (isOpen && row.length > mostCellCharacters)
    throw new InputError({ what: 'a quote has no end', where, mend: 'close it, or leave it out' });
  return isOpen;
}

/** Where a row stands, for errors. */
interface RowPlace {
  readonly where: string;
  readonly line: number;
}

function splitRow(row: string, delimiter: Delimiter, place: RowPlace): readonly string[] {
  if (delimiter === 'space') return row.trim().split(/\s+/);
  const cells = row.includes('"') ? splitQuoted(row, delimiter, place) : splitPlain(row, delimiter);
  if (cells.length > 1 && cells[cells.length - 1].trim() === '') cells.pop();
  return cells;
}

/**
 * As `split`, which keeps the rows that it was last given and so takes several times as long for rows that are never
 * given again.
 */
function splitPlain(row: string, delimiter: string): string[] {
  const cells: string[] = [];
  let start = 0;
  for (let end = row.indexOf(delimiter); end >= 0; end = row.indexOf(delimiter, start)) {
    cells.push(row.slice(start, end));
    start = end + 1;
  }
  cells.push(row.slice(start));
  return cells;
}

function splitQuoted(row: string, delimiter: string, { where, line }: RowPlace): string[] {
  const cells: string[] = [];
  let start = 0;
  for (;;) {
    if (!/^\s*"/.test(row.slice(start, start + 80))) {
      const end = row.indexOf(delimiter, start);
      cells.push(row.slice(start, end < 0 ? row.length : end));
      if (end < 0) return cells;
      start = end + 1;
      continue;
    }
    const open = row.indexOf('"', start);
    let close = row.indexOf('"', open + 1);
    while (close >= 0 && row[close + 1] === '"') close = row.indexOf('"', close + 2);
    if (close < 0)
      throw new InputError({
        what: 'a quote has no end',
        where: `${where}, line ${line}`,
        mend: 'close it, or leave it out',
      });
    cells.push(row.slice(open + 1, close).replaceAll('""', '"'));
    const next = row.indexOf(delimiter, close);
    if (next < 0) return cells;
    start = next + 1;
  }
}
