import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { colourOf, parseColour, scaleStops } from './colours.js';
import { findRange, listShades, paintHeatRow } from './heat-map.js';

const gridOf = (rows: readonly (readonly number[])[]) => ({
  rows: rows.length,
  columns: rows[0]!.length,
  values: Float32Array.from(rows.flat()),
});

/** Luminance as the WCAG defines it. */
function luminance(hex: string): number {
  const [red, green, blue] = parseColour(hex).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

describe('the colours of a heat map', () => {
  it('go one way in lightness, so that they are read without seeing colours', () => {
    const isDescending = (list: readonly number[]) =>
      list.every((value, place) => place === 0 || value < list[place - 1]!);
    assert.ok(isDescending(scaleStops('light').map(luminance)));
    assert.ok(isDescending(scaleStops('dark').map(luminance).reverse()));
  });

  it('are those of the scale at its ends, and between them in the middle', () => {
    const stops = scaleStops('light');
    assert.deepEqual(colourOf(0, 'light'), parseColour(stops[0]!));
    assert.deepEqual(colourOf(2, 'light'), parseColour(stops.at(-1)!));
    assert.deepEqual(colourOf(0.5, 'light'), parseColour(stops[3]!));
  });
});

describe('a heat map', () => {
  const paint = (values: readonly number[], pixels: number) => {
    const line = new Uint8ClampedArray(4 * pixels);
    const colours = Array.from({ length: 11 }, (_, shade) => [shade, 0, 0] as const);
    paintHeatRow(gridOf([[9, 9, 9, 9].slice(0, values.length), values]), 1, line, { low: 0, high: 1, colours });
    return Array.from({ length: pixels }, (_, pixel) => (line[4 * pixel + 3] === 0 ? null : line[4 * pixel]));
  };

  it('fills the pixels of a wide column, and shows the mean of narrow ones', () => {
    assert.deepEqual(paint([0, 1], 4), [0, 0, 10, 10]);
    assert.deepEqual(paint([0, 1, 0.4, 0.6], 2), [5, 5]);
  });

  it('leaves out what is not known, and ends the colours at the range', () => {
    assert.deepEqual(paint([Number.NaN, 7], 2), [null, 10]);
    assert.deepEqual(paint([Number.NaN, 0.3], 1), [3]);
  });

  it('has a range that holds all that is known in all grids', () => {
    const grids = [gridOf([[1, Number.NaN]]), gridOf([[0.5, 3]])];
    assert.deepEqual(findRange(grids), { low: 0.5, high: 3 });
    assert.deepEqual(findRange([gridOf([[Number.NaN]])]), { low: 0, high: 1 });
    assert.deepEqual(findRange([gridOf([[2, 2]])]), { low: 2, high: 3 });
    assert.equal(listShades('dark').length, 256);
  });
});
