import { isLayerName, isRankName, isTokenName, isWindowName, plainName } from './columns.js';
import { isCount, readCounted, refuseCount, type TakeCount } from './counted-table.js';
import { parseLayerKeys, parseRankKeys } from './layer-keys.js';
import { parseExpertKey, type TableRow, toNumber } from './long-table.js';
import { plural, type ReadLoads, type ReadOptions, refuseLoads } from './recorded-loads.js';

/** A table with a row for each layer and a column for each expert. */
interface WideTable {
  /** Undefined where it has no header. */
  readonly names: readonly string[] | undefined;
  /** With the number of the block that each row is in, where gaps part them. */
  readonly rows: () => Iterable<TableRow & { readonly block: number }>;
  readonly where: string;
}

/** What the columns of such a table hold, by their place. */
interface WideColumns {
  readonly layer: number | undefined;
  readonly window: number | undefined;
  readonly rank: number | undefined;
  /** The expert of each column, or -1. */
  readonly experts: readonly number[];
  readonly unread: readonly string[];
}

const mostRows = 2 ** 20;

/**
 * The loads of a table with a row for each layer and a column for each expert. Rows are numbered by a column of layers,
 * else in their order; layers that come again and again, and blocks of rows with gaps between them, are windows. Throws
 * `InputError` that names the row or column.
 */
export function readWideTable(table: WideTable, options: ReadOptions): ReadLoads {
  const { where } = table;
  const columns = table.names === undefined ? findUnnamed(table) : findNamed(table.names, where);
  const placed = placeRows(table, columns);
  const visit = (take: TakeCount) => {
    let next = 0;
    for (const row of table.rows()) {
      const { window, layer } = placed.rows[next++];
      if (layer >= 0) takeRow(row, columns.experts, { window, layer }, take);
    }
  };
  const labels = { areModules: placed.areModules, isSparse: false };
  const read = readCounted({ visit, where, labels, isSummed: columns.rank !== undefined }, options);
  const unread =
    columns.unread.length === 0 ? [] : [`columns that are not read: ${columns.unread.slice(0, 8).join(', ')}`];
  const { loads } = read;
  const notes = [...unread, ...placed.notes, ...read.notes];
  if (columns.layer !== undefined) return { ...read, notes };
  const { labels: _, ...unlabeled } = read;
  const what = `a row a layer, a column an expert: taken as ${plural(loads.layers, 'layer')} of ${plural(loads.experts, 'expert')}`;
  return { ...unlabeled, notes: [what, ...notes] };
}

function takeRow(
  row: TableRow,
  experts: readonly number[],
  { window, layer }: { readonly window: number; readonly layer: number },
  take: TakeCount,
): void {
  const { cells } = row;
  if (cells.length !== experts.length)
    refuseLoads(
      `it has ${plural(cells.length, 'cell')}, the first row has ${experts.length}`,
      row.where,
      'give each as many',
    );
  for (const [column, expert] of experts.entries()) {
    if (expert < 0) continue;
    const count = toNumber(cells[column]);
    if (!isCount(count)) refuseCount(count ?? cells[column], `layer ${layer}, expert ${expert}`, row.where);
    take(window, layer, expert, count);
  }
}

function findNamed(names: readonly string[], where: string): WideColumns {
  const isIndex = (name: string, place: number) => place === 0 && /^(?:|index|unnamed_0|row)$/.test(plainName(name));
  const layer = names.findIndex((name, place) => isLayerName(name) || isIndex(name, place));
  const window = names.findIndex((name) => isWindowName(name));
  const rank = names.findIndex((name) => isRankName(name));
  const rest = names.map((name, place) => (place === layer || place === window || place === rank ? '' : name));
  const experts = rest.map((name) => (name === '' ? -1 : (parseExpertKey(name) ?? -1)));
  const numbers = experts.filter((expert) => expert >= 0);
  if (numbers.length === 0)
    return refuseColumns(
      rest.filter((name) => name !== ''),
      where,
    );
  const token = rest.find(isTokenName);
  if (token !== undefined) {
    const mend = `give a row for each choice, with columns token, layer and expert, or leave '${token.trim()}' out if the others hold counts`;
    return refuseLoads(
      'its rows are of single tokens: the other columns may be the experts that each chose',
      where,
      mend,
    );
  }
  if (new Set(numbers).size !== numbers.length) return refuseLoads('two columns are of the same expert', where);
  const placeOf = (place: number) => (place < 0 ? undefined : place);
  return {
    layer: placeOf(layer),
    window: placeOf(window),
    rank: placeOf(rank),
    experts,
    unread: rest.filter((name, place) => name !== '' && experts[place] < 0),
  };
}

function refuseColumns(names: readonly string[], where: string): never {
  const shown = names
    .slice(0, 8)
    .map((name) => name.trim().slice(0, 40))
    .join(', ');
  if (parseRankKeys(names) !== undefined)
    return refuseLoads(
      `its columns are the loads of ranks, not of experts: ${shown}`,
      where,
      'give the loads of experts',
    );
  const mend = 'give columns layer, expert and count, or a row a layer with a column an expert';
  return refuseLoads(`no column is of an expert: its columns are ${shown}`, where, mend);
}

/** Without names, all columns are experts, but a first one that names layers, or counts its rows. */
function findUnnamed({ rows, where }: WideTable): WideColumns {
  let width = 0;
  let count = 0;
  let first = 0;
  let isCounting = true;
  let areNames = true;
  for (const { cells } of rows()) {
    if (count === 0) width = cells.length;
    const label = parseLayerKeys([String(cells[0])])?.numbers[0];
    if (count === 0) first = label ?? 0;
    isCounting &&= label === first + count;
    areNames &&= label !== undefined && toNumber(cells[0]) === undefined;
    count += 1;
    if (count > mostRows) return refuseLoads(`it has more than ${mostRows} rows`, where, 'record fewer steps');
  }
  const hasLabel = width > 1 && (areNames || (width > 2 && isCounting && count >= leastLabels));
  const experts = Array.from({ length: width }, (_, column) => (hasLabel ? column - 1 : column));
  return { layer: hasLabel ? 0 : undefined, window: undefined, rank: undefined, experts, unread: [] };
}

/** Fewer numbers that go up by one may be counts. */
const leastLabels = 3;

interface PlacedRows {
  /** Window and layer of each row; a layer of -1 is a row that is not read. */
  readonly rows: readonly { readonly window: number; readonly layer: number }[];
  readonly areModules: boolean;
  readonly notes: readonly string[];
}

function placeRows(table: WideTable, columns: WideColumns): PlacedRows {
  return columns.layer === undefined
    ? placeByOrder(table, columns)
    : placeByLabel(table, { ...columns, layer: columns.layer });
}

function placeByOrder({ rows, where }: WideTable, { window }: WideColumns): PlacedRows {
  const placed: { window: number; layer: number }[] = [];
  const next = new Map<number, number>();
  for (const row of rows()) {
    const at = window === undefined ? row.block : toWindow(row, window);
    const layer = next.get(at) ?? 0;
    next.set(at, layer + 1);
    placed.push({ window: at, layer });
    if (placed.length > mostRows) return refuseLoads(`it has more than ${mostRows} rows`, where, 'record fewer steps');
  }
  const sizes = new Set(next.values());
  if (sizes.size > 1 && window !== undefined)
    return refuseLoads(`its windows have ${[...sizes].slice(0, 3).join(', ')} rows`, where, 'give each a row a layer');
  // Blocks of different lengths are one table with comments in it.
  if (sizes.size > 1) return { rows: placed.map((_, layer) => ({ window: 0, layer })), areModules: false, notes: [] };
  const notes = next.size === 1 || window !== undefined ? [] : [`its ${next.size} blocks of rows are taken as windows`];
  return { rows: placed, areModules: false, notes };
}

const summaryPattern = /^(?:grand[ _])?(?:total|sum|mean|average|avg|max|min|std)$/i;

function placeByLabel(
  { rows, where }: WideTable,
  { layer, window, rank }: WideColumns & { readonly layer: number },
): PlacedRows {
  const placed: { window: number; layer: number }[] = [];
  const times = new Map<number, number>();
  let areModules = false;
  let summaries = 0;
  for (const row of rows()) {
    const label = String(row.cells[layer] ?? '').replace(/^(\d+)\.0*$/, '$1');
    const keys = parseLayerKeys([label]);
    if (placed.length >= mostRows) return refuseLoads(`it has more than ${mostRows} rows`, where, 'record fewer steps');
    if (keys === undefined && !summaryPattern.test(label.trim()))
      return refuseLoads(
        `the row's layer is ${JSON.stringify(label.slice(0, 40))}`,
        row.where,
        'give the number of a layer',
      );
    if (keys === undefined) summaries += 1;
    const number = keys?.numbers[0] ?? -1;
    areModules ||= keys?.areModules === true;
    const time = times.get(number) ?? 0;
    if (number >= 0) times.set(number, time + 1);
    const isAgain = window === undefined && rank === undefined;
    placed.push({ window: isAgain ? time : window === undefined ? 0 : toWindow(row, window), layer: number });
  }
  const left = summaries === 0 ? [] : [`${plural(summaries, 'row')} of totals left out`];
  if (window !== undefined || rank !== undefined) return { rows: placed, areModules, notes: left };
  return { rows: placed, areModules, notes: [...left, ...checkTimes(times, where)] };
}

function checkTimes(times: ReadonlyMap<number, number>, where: string): readonly string[] {
  const [[first, often] = [0, 0], ...rest] = times;
  const other = rest.find(([, count]) => count !== often);
  if (other !== undefined)
    refuseLoads(
      `layer ${first} comes ${often} times, layer ${other[0]} ${other[1]} times`,
      where,
      'give each as often',
    );
  return often === 1 ? [] : [`each layer comes ${often} times: taken as ${often} windows`];
}

function toWindow(row: TableRow, column: number): number {
  const number = toNumber(row.cells[column]);
  if (number !== undefined && number >= 0) return number;
  const shown = JSON.stringify(String(row.cells[column]).slice(0, 40));
  return refuseLoads(`the window is ${shown}`, row.where, 'give a number from 0');
}
