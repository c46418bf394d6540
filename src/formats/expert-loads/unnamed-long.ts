import { type TableRow, toNumber } from './long-table.js';

const mostCombinations = 2 ** 20;

/**
 * The names of columns that number every combination of layers and experts (and windows) once, before a column of
 * counts.
 */
export function findUnnamedLong(rows: () => Iterable<Pick<TableRow, 'cells'>>): readonly string[] | undefined {
  const seen = new Set<string>();
  const values = [0, 1, 2].map(() => new Set<number>());
  let width = 0;
  for (const { cells } of rows()) {
    width ||= cells.length;
    if ((width !== 3 && width !== 4) || cells.length !== width || seen.size > mostCombinations) return undefined;
    const index = cells.slice(0, -1).map((cell) => toNumber(cell) ?? -1);
    if (!index.every((value) => Number.isSafeInteger(value) && value >= 0)) return undefined;
    for (const [place, value] of index.entries()) values[place].add(value);
    seen.add(index.join());
    if (seen.size > mostCombinations) return undefined;
  }
  const columns = values.filter(({ size }) => size > 0);
  const experts = columns.at(-1) ?? new Set();
  const isWhole = seen.size === columns.reduce((product, { size }) => product * size, 1);
  if (!isWhole || experts.size < 2 || Math.max(...experts) !== experts.size - 1) return undefined;
  return width === 3 ? ['layer', 'expert', 'count'] : ['window', 'layer', 'expert', 'count'];
}
