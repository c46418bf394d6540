import {
  makeLoads,
  plural,
  type ReadLoads,
  type ReadOptions,
  refuseLoads,
  type TableLabels,
} from './recorded-loads.js';
import { trimWarmupWindows } from './warm-up.js';

/** Beyond what any model has; an id could claim a table of any size otherwise. */
const mostExperts = 2 ** 16;
const mostCounts = 2 ** 24;
/** A file with most of its counts may have more than that. */
const mostCountsAnEntry = 8;

/** Takes one count of a table; windows and layers are any whole numbers from 0, of which those that come are kept. */
export type TakeCount = (window: number, layer: number, expert: number, count: number) => void;

/** A table that says of each count where it belongs. */
interface CountedTable {
  /** Hands all counts over, in any order; it is called twice, so that they need not be held. */
  readonly visit: (take: TakeCount) => void;
  readonly where: string;
  readonly labels: TableLabels;
  /** Whether the same place may come again, as of several ranks: then the counts are summed without a word. */
  readonly isSummed?: boolean;
  /** Names of windows by their number, if they have any. */
  readonly windowNames?: ReadonlyMap<number, string>;
}

/**
 * The loads of a table that names only what got tokens: what is not in it is 0, and there are as many experts as
 * `options.experts`, or as the largest id says. Throws `InputError` where that is more than a file of its size may
 * need.
 */
export function readCounted(table: CountedTable, options: ReadOptions): ReadLoads {
  const { where, labels, windowNames } = table;
  const size = measure(table, options);
  const { windows, layers, experts } = size;
  const { counts, repeated } = fill(table, size);
  const loads = makeLoads(counts, { layers: layers.length, experts }, where);
  const { kept, notes } = trimWarmupWindows(loads, options.trimWarmup);
  const names = windows.map((window) => windowNames?.get(window) ?? '');
  const areNamed = kept.windows === names.length && !names.includes('');
  return {
    format: 'table',
    loads: kept,
    layerNumbers: layers,
    layerNumbering: 'moe',
    labels,
    ...(areNamed ? { windowNames: names } : {}),
    notes: [
      ...(repeated === 0 || table.isSummed ? [] : [`${plural(repeated, 'count')} came more than once: summed`]),
      ...notes,
    ],
  };
}

interface TableSize {
  readonly windows: readonly number[];
  readonly layers: readonly number[];
  readonly experts: number;
}

function measure({ visit, where }: CountedTable, options: ReadOptions): TableSize {
  const windows = new Set<number>();
  const layers = new Set<number>();
  let most = -1;
  let entries = 0;
  visit((window, layer, expert) => {
    windows.add(window);
    layers.add(layer);
    most = Math.max(most, expert);
    entries += 1;
  });
  if (entries === 0) return refuseLoads('it has no counts', where, 'record some tokens');
  const experts = options.experts ?? most + 1;
  if (most >= experts) return refuseLoads(`it has counts of expert ${most}, of ${experts} experts`, where, moreExperts);
  if (experts > mostExperts) return refuseLoads(`expert ${most} is none of at most ${mostExperts}`, where);
  const places = windows.size * layers.size * experts;
  if (places > Math.max(mostCounts, mostCountsAnEntry * entries)) {
    const what = `${plural(windows.size, 'window')} of ${plural(layers.size, 'layer')} of ${experts} experts are too many`;
    return refuseLoads(`${what} for ${plural(entries, 'count')}`, where);
  }
  const sort = (numbers: ReadonlySet<number>) => [...numbers].sort((a, b) => a - b);
  return { windows: sort(windows), layers: sort(layers), experts };
}

const moreExperts = 'give the number that each layer has';

function fill(
  { visit }: CountedTable,
  { windows, layers, experts }: TableSize,
): { readonly counts: Float64Array; readonly repeated: number } {
  const counts = new Float64Array(windows.length * layers.length * experts);
  const isSeen = new Uint8Array(counts.length);
  const rowOf = (numbers: readonly number[]) => new Map(numbers.map((number, row) => [number, row]));
  const [windowRows, layerRows] = [rowOf(windows), rowOf(layers)];
  let repeated = 0;
  visit((window, layer, expert, count) => {
    const row = (windowRows.get(window) ?? 0) * layers.length + (layerRows.get(layer) ?? 0);
    const place = row * experts + expert;
    counts[place] += count;
    repeated += isSeen[place];
    isSeen[place] = 1;
  });
  return { counts, repeated };
}

/** Whether a value is a count that a table of loads may have. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

/** Throws the `InputError` of a value that is no count. */
export function refuseCount(value: unknown, place: string, where: string): never {
  return refuseLoads(`the load of ${place} is ${show(value)}`, where, 'give a finite number from 0 to 2^53');
}

/** Values of a pickle may be anything, also lists that hold themselves. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  if (typeof value === 'number' || value === null) return String(value);
  return Array.isArray(value) ? 'a list' : value === undefined ? 'missing' : `a ${typeof value}`;
}
