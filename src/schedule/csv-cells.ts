import { InputError } from '../base/index.js';

/** The rows of a text, of which lines end in LF, CRLF or CR; a break at the end begins no other row. */
export function* findRows(text: string): Generator<string> {
  const seek = (sign: string, from: number): number => {
    const place = text.indexOf(sign, from);
    return place === -1 ? text.length : place;
  };
  let start = text.startsWith('\uFEFF') ? 1 : 0;
  let [feed, carriage] = [-1, -1];
  do {
    if (feed < start) feed = seek('\n', start);
    if (carriage < start) carriage = seek('\r', start);
    const end = Math.min(feed, carriage);
    yield text.slice(start, end);
    start = end + (feed === carriage + 1 ? 2 : 1);
  } while (start < text.length);
}

/**
 * Calls `visit` for each cell of a row that is not empty, with its number from 1. Quotes are as Python's `csv` writes
 * and reads them; a row that is quoted as a whole is the row within. Throws `InputError` for a quote without an end.
 */
export function visitCells(row: string, where: string, visit: (cell: string, number: number) => void): void {
  if (row.includes('"')) {
    for (const [index, cell] of splitQuoted(row, where).entries()) if (cell !== '') visit(cell, index + 1);
    return;
  }
  for (let number = 1, from = 0; from <= row.length; number++) {
    const comma = row.indexOf(',', from);
    const to = comma === -1 ? row.length : comma;
    if (to > from) visit(row.slice(from, to), number);
    from = to + 1;
  }
}

/** How often what was within quotes may itself be cells in quotes. */
const mostQuoting = 3;

function splitQuoted(row: string, where: string, depth = 1): string[] {
  const cells: string[] = [];
  for (let from = 0; from <= row.length; ) {
    const quoted = readQuoted(row, from, where);
    const comma = row.indexOf(',', quoted === undefined ? from : quoted.end);
    const end = comma === -1 ? row.length : comma;
    if (quoted === undefined) cells.push(row.slice(from, end));
    else {
      // What follows the closing quote belongs to the cell.
      const cell = quoted.text + row.slice(quoted.end, end);
      const hasCells = /[,"]/.test(cell) && depth < mostQuoting;
      for (const inner of hasCells ? splitQuoted(cell, where, depth + 1) : [cell]) cells.push(inner);
    }
    from = end + 1;
  }
  return cells;
}

/** The text within the quotes that begin at `from`, after spaces, and where they end; undefined if none do. */
function readQuoted(
  row: string,
  from: number,
  where: string,
): { readonly text: string; readonly end: number } | undefined {
  let open = from;
  while (row[open] === ' ' || row[open] === '\t') open++;
  if (row[open] !== '"') return undefined;
  for (let close = row.indexOf('"', open + 1); close !== -1; close = row.indexOf('"', close + 2)) {
    if (row[close + 1] !== '"') return { text: row.slice(open + 1, close).replaceAll('""', '"'), end: close + 1 };
  }
  throw new InputError({ what: 'a quote has no end', where, mend: 'close it, or leave it out' });
}

/** A cell without the spaces around its numbers and words, and numbers without zeros before them. */
export function tidyCell(cell: string): string {
  return cell
    .trim()
    .replace(/\s*([A-Z_;()]+)\s*/g, '$1')
    .replace(/(?<!\d)0+(?=\d)/g, '');
}
