import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { colourPlace, columnsOfPixel, heatColours, largestIn, paintHeatRow } from './heat-map.js';

const gridOf = (rows: readonly (readonly number[])[]) => ({
  rows: rows.length,
  columns: rows[0]!.length,
  values: Float32Array.from(rows.flat()),
});

describe('a heat map', () => {
  const scale = [0.5, 1, 2];
  const paint = (values: readonly number[], pixels: number) => {
    const line = new Uint8ClampedArray(4 * pixels);
    const colours = Array.from({ length: 5 }, (_, shade) => [shade, 0, 0] as const);
    paintHeatRow(gridOf([[9, 9, 9, 9].slice(0, values.length), values]), 1, line, { scale, colours });
    return Array.from({ length: pixels }, (_, pixel) => (line[4 * pixel + 3] === 0 ? null : line[4 * pixel]));
  };

  it('fills the pixels of a wide column, and shows the largest of narrow ones', () => {
    assert.deepEqual(paint([0.1, 1.5], 4), [0, 0, 2, 2]);
    assert.deepEqual(paint([0.1, 0.7, 3, 0.1], 2), [1, 3]);
    assert.equal(columnsOfPixel({ columns: 4 }, 2), 2);
    assert.equal(columnsOfPixel({ columns: 4 }, 400), 1);
  });

  it('leaves out what is not known, and shows no load as itself', () => {
    assert.deepEqual(paint([Number.NaN, 7], 2), [null, 3]);
    assert.deepEqual(paint([Number.NaN, 0.7], 1), [1]);
    assert.deepEqual(paint([0, 0.1], 2), [4, 0]);
  });

  it('has a colour for each level and for no load', () => {
    for (const theme of ['light', 'dark'] as const) assert.equal(heatColours(theme).length, 9);
    assert.equal(colourPlace(0, scale), 4);
    assert.equal(colourPlace(99, scale), 3);
  });

  it('knows the largest of its numbers', () => {
    assert.equal(largestIn(gridOf([[0.5, 3, Number.NaN]])), 3);
    assert.equal(largestIn(gridOf([[Number.NaN]])), 0);
  });
});
