import { type HeatScale, levelFills, levelOf, noneFills } from '../../draw/index.js';
import { type Colour, parseColour } from './colours.js';

/** Numbers in rows and columns, such as a load of each expert at each step. */
export interface HeatGrid {
  readonly rows: number;
  readonly columns: number;
  /** `[rows, columns]`; NaN where nothing is known. */
  readonly values: Float32Array | Float64Array;
}

/** The largest number of a grid; 0 where there is none. */
export function largestIn({ values }: HeatGrid): number {
  const largest = largestKnown(values, 0, values.length);
  return Number.isNaN(largest) ? 0 : largest;
}

/** The colours of a scale's levels in a theme, as CSS and as numbers; the last one is of no load. */
export function heatColours(theme: 'light' | 'dark'): readonly { readonly css: string; readonly rgb: Colour }[] {
  return [...levelFills[theme], noneFills[theme]].map((css) => ({ css, rgb: parseColour(css) }));
}

/** The place of a value's colour among `heatColours`. */
export function colourPlace(value: number, scale: HeatScale): number {
  const level = levelOf(value, scale);
  return level < 0 ? scale.length + 1 : level;
}

/** How many columns of a grid share a pixel, at most, where it is drawn so many pixels wide. */
export function columnsOfPixel({ columns }: Pick<HeatGrid, 'columns'>, pixels: number): number {
  return Math.max(1, Math.ceil(columns / Math.max(1, pixels)));
}

/**
 * Paints a row of a grid into a line of pixels (RGBA): columns wider than a pixel fill several, and of several columns
 * in a pixel it shows the largest of what is known. Where
 * nothing is known it leaves the line transparent.
 */
export function paintHeatRow(
  { columns, values }: HeatGrid,
  row: number,
  line: Uint8ClampedArray,
  { scale, colours }: { readonly scale: HeatScale; readonly colours: readonly Colour[] },
): void {
  const pixels = line.length / 4;
  for (let pixel = 0; pixel < pixels; pixel++) {
    const first = Math.floor((pixel * columns) / pixels);
    const end = Math.max(first + 1, Math.floor(((pixel + 1) * columns) / pixels));
    const largest = largestKnown(values, row * columns + first, row * columns + Math.min(columns, end));
    line[4 * pixel + 3] = Number.isNaN(largest) ? 0 : 255;
    if (Number.isNaN(largest)) continue;
    const [red, green, blue] = colours[colourPlace(largest, scale)]!;
    line[4 * pixel] = red;
    line[4 * pixel + 1] = green;
    line[4 * pixel + 2] = blue;
  }
}

/** The largest number among some values; NaN if none is one. */
function largestKnown(values: HeatGrid['values'], from: number, to: number): number {
  let largest = Number.NaN;
  for (let place = from; place < to; place++) {
    const value = values[place]!;
    if (!Number.isNaN(value) && !(value <= largest)) largest = value;
  }
  return largest;
}
