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

/** Levels from least to most, as blocks of text. */
export const levelBlocks = '▁▂▃▄▅▆▇█';

/**
 * Where each level ends but the last, ascending. A scale never changes with what is drawn, so that a colour means the
 * same in every picture.
 */
export type HeatScale = readonly number[];

/**
 * Loads of GPUs and ranks are even within 5%, level 3; loads of experts, which differ more, within a quarter. What is
 * beyond the ends is of the first or the last level.
 */
export const heatScales = {
  gpus: [0.7, 0.85, 0.95, 1.05, 1.15, 1.3, 1.5],
  experts: [0.25, 0.5, 0.8, 1.25, 2, 3, 4],
} as const satisfies Readonly<Record<string, HeatScale>>;

/**
 * `[levels]`: blue for less than even, red for more, by theme; neutral in the middle. Colour-blind eyes tell both sides
 * apart, as with ColorBrewer's RdBu, whose colours the light ones
 * are, and each level is further from the neutral one in lightness too.
 */
export const levelFills = {
  light: ['#4393c3', '#92c5de', '#d1e5f0', '#f7f7f7', '#fddbc7', '#f4a582', '#d6604d', '#b2182b'],
  dark: ['#7cc4f2', '#4a8fbf', '#2f5673', '#30363f', '#6e4234', '#a85a41', '#e07f5c', '#ffb8a0'],
} as const;

/** No load at all, which is no little load. */
export const noneFills = { light: '#c9ced6', dark: '#0c0e11' } as const;

/** The level of a multiple of the mean, or -1 for 0. */
export function levelOf(value: number, scale: HeatScale): number {
  if (value === 0) return -1;
  const level = scale.findIndex((end) => value < end);
  return level < 0 ? scale.length : level;
}

/** `[levels]`: `under 0.70x`, `0.70-0.85x`, `over 1.50x`. */
export function describeLevels(scale: HeatScale): readonly string[] {
  const ends = scale.map((end) => formatMultiple(end));
  const between = ends.slice(1).map((end, place) => `${ends[place]}-${end}x`);
  return [`under ${ends[0]}x`, ...between, `over ${ends.at(-1)}x`];
}

/** Least and most of the loads of some maps that are not 0, in words: `from 0.66x to 1.39x`. */
export function describeRange(maps: readonly HeatMap[]): string {
  let [low, high] = [Number.POSITIVE_INFINITY, 0];
  for (const value of maps.flatMap(({ values }) => values).flat()) {
    if (value > 0) low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return high === 0 ? 'no load' : `from ${formatMultiple(low)}x to ${formatMultiple(high)}x`;
}

/** The colour of text on a fill, `#rrggbb`: of black and white, the one with more contrast. */
export function textOn(fill: string): '#111111' | '#ffffff' {
  const [red, green, blue] = [1, 3, 5].map((place) => {
    const part = Number.parseInt(fill.slice(place, place + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue! > 0.19 ? '#111111' : '#ffffff';
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
