import { type Colour, colourOf } from './colours.js';

/** Numbers in rows and columns, such as a load of each expert at each step. */
export interface HeatGrid {
  readonly rows: number;
  readonly columns: number;
  /** `[rows, columns]`; NaN where nothing is known. */
  readonly values: Float32Array | Float64Array;
}

/** From where to where the colours go; values beyond have the colour of the end. */
export interface HeatRange {
  readonly low: number;
  readonly high: number;
}

/** Least and most of the numbers in some grids; from 0 to 1 where there is none. */
export function findRange(grids: readonly HeatGrid[]): HeatRange {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { values } of grids) {
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return { low: 0, high: 1 };
  return high > low ? { low, high } : { low, high: low + 1 };
}

const shades = 256;

/** The colours of a range, from low to high. */
export function listShades(theme: 'light' | 'dark'): readonly Colour[] {
  return Array.from({ length: shades }, (_, shade) => colourOf(shade / (shades - 1), theme));
}

/**
 * Paints a row of a grid into a line of pixels (RGBA): columns wider than a pixel fill several, and of several columns in a pixel it shows the mean of what is known. Where
 * nothing is known it leaves the line transparent.
 */
export function paintHeatRow(
  { columns, values }: HeatGrid,
  row: number,
  line: Uint8ClampedArray,
  { low, high, colours }: HeatRange & { readonly colours: readonly Colour[] },
): void {
  const pixels = line.length / 4;
  for (let pixel = 0; pixel < pixels; pixel++) {
    const first = Math.floor((pixel * columns) / pixels);
    const end = Math.max(first + 1, Math.floor(((pixel + 1) * columns) / pixels));
    const mean = meanOf(values, row * columns + first, row * columns + Math.min(columns, end));
    line[4 * pixel + 3] = Number.isNaN(mean) ? 0 : 255;
    if (Number.isNaN(mean)) continue;
    const share = Math.min(1, Math.max(0, (mean - low) / (high - low)));
    const [red, green, blue] = colours[Math.round(share * (colours.length - 1))]!;
    line[4 * pixel] = red;
    line[4 * pixel + 1] = green;
    line[4 * pixel + 2] = blue;
  }
}

/** The mean of the numbers among some values; NaN if none is one. */
function meanOf(values: HeatGrid['values'], from: number, to: number): number {
  let sum = 0;
  let count = 0;
  for (let place = from; place < to; place++) {
    if (Number.isNaN(values[place])) continue;
    sum += values[place]!;
    count++;
  }
  return sum / count;
}
