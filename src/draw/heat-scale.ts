import { InputError } from '../base/index.js';

/** Loads as a picture, such as a row a layer, a column a GPU. */
export interface HeatMap {
  /** `before`, `after`. */
  readonly title: string;
  /** `[rows][columns]`: load as a multiple of a mean (of its row, for GPUs of a layer), finite and not negative; 1 is even, 0 is no load. */
  readonly values: readonly (readonly number[])[];
  /** `[rows]`: `layer 3`. */
  readonly rowLabels: readonly string[];
  /** What a column is: `GPU`; the columns are numbered from 0. */
  readonly columnName: string;
}

/** From nothing much to most, as blocks of text. */
export const levelBlocks = '▁▂▃▄▅▆▇█';
/** A scale is at least this wide, so that rounding errors of an even placement do not look like peaks. */
const narrowest = 0.1;

/** How values become levels: `levelBlocks.length` levels of the same width. */
export interface HeatScale {
  readonly low: number;
  readonly high: number;
  /** The level of a value, or -1 for 0. */
  readonly levelOf: (value: number) => number;
  /** `[levels]`: `0.50-0.75`. */
  readonly ranges: readonly string[];
}

/** One scale for all values that are not 0; it has 1, an even load, in it. */
export function findHeatScale(maps: readonly HeatMap[]): HeatScale {
  let [low, high] = [1, 1];
  for (const value of maps.flatMap(({ values }) => values).flat()) {
    if (value > 0) low = Math.min(low, value);
    high = Math.max(high, value);
  }
  high = Math.max(high, low + narrowest);
  const step = (high - low) / levelBlocks.length;
  const digits = step < 0.02 ? 3 : 2;
  const bounds = Array.from({ length: levelBlocks.length }, (_, level) => low + level * step);
  return {
    low,
    high,
    levelOf: (value) => (value === 0 ? -1 : Math.min(levelBlocks.length - 1, Math.floor((value - low) / step))),
    ranges: bounds.map(
      (from, level) => `${formatMultiple(from, digits)}-${formatMultiple(bounds[level + 1] ?? high, digits)}`,
    ),
  };
}

/** A multiple of the mean in at most nine characters. */
export function formatMultiple(value: number, digits = 2): string {
  return value < 10_000 ? value.toFixed(digits) : value.toExponential(1);
}

/** The largest of some values, which may be very many; 0 of none. */
export function largestOf(values: readonly number[]): number {
  return values.reduce((largest, value) => Math.max(largest, value), 0);
}

/** Throws `InputError` that names map, row and column unless all values are finite and not negative, rows equally long, and each has its label. */
export function checkHeatMaps(maps: readonly HeatMap[]): void {
  for (const { title, values, rowLabels, columnName } of maps) {
    if (rowLabels.length !== values.length) {
      const what = `${rowLabels.length} labels for ${values.length} rows`;
      throw new InputError({ what, where: title, mend: 'give each row a label' });
    }
    for (const [row, columns] of values.entries()) {
      const where = `${title}, ${rowLabels[row]}`;
      if (columns.length !== values[0]!.length) {
        const what = `${columns.length} values for ${values[0]!.length} columns`;
        throw new InputError({ what, where, mend: 'give each row as many' });
      }
      const bad = columns.findIndex((value) => !(Number.isFinite(value) && value >= 0));
      if (bad >= 0) {
        const what = `the value of ${columnName} ${bad} is ${columns[bad]}`;
        throw new InputError({ what, where, mend: 'give a finite number, 0 or more' });
      }
    }
  }
}
