import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMemoryTree, readExpertLoadsFrom } from '../browser.js';

const read = (value: unknown) =>
  readExpertLoadsFrom(
    createMemoryTree([{ path: 'loads.json', bytes: new TextEncoder().encode(JSON.stringify(value)) }]),
    'loads.json',
  );
const counts = [
  [120, 250, 90],
  [88, 190, 12],
];

describe('a table with the numbers of its layers beside it', () => {
  it('has these layers, as the model numbers them', () => {
    for (const name of ['layer', 'layers', 'layer_ids', 'layer_id']) {
      const { loads, layerNumbers, layerNumbering, notes } = read({ [name]: [3, 5], counts });
      assert.deepEqual([...loads.counts], counts.flat());
      assert.deepEqual([layerNumbers, layerNumbering], [[3, 5], 'absolute']);
      assert.ok(notes.includes(`'${name}' numbers the layers of 'counts'`));
    }
  });

  it('is refused where the numbers are not as many, or not ascending', () => {
    for (const layers of [[3], [3, 4, 5], [4, 3], [3.5, 4]])
      assert.throws(() => read({ layers, counts }), /'layers' does not number the 2 layers of 'counts'/);
  });
});
