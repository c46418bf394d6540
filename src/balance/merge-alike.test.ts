import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createLoads, sumWindows } from './loads.js';
import { mergeAlike } from './merge-alike.js';

describe('windows that are alike', () => {
  it('are summed together, whatever their order', () => {
    const kinds = [
      [9, 1, 1],
      [1, 9, 1],
      [1, 1, 9],
    ];
    const order = [0, 1, 2, 2, 1, 0, 0, 2];
    const loads = createLoads(order.map((kind, window) => [kinds[kind].map((count) => count * (window + 1))]));
    const merged = mergeAlike(loads, 3);
    const rows = Array.from({ length: 3 }, (_, group) => [...merged.loads.counts.subarray(3 * group, 3 * group + 3)]);
    const expected = [0, 1, 2].map((kind) => {
      const times = order.reduce((sum, one, window) => sum + (one === kind ? window + 1 : 0), 0);
      return kinds[kind].map((count) => count * times);
    });
    assert.deepEqual(new Set(rows.map(String)), new Set(expected.map(String)));
    assert.deepEqual(
      [...merged.sizes].sort((a, b) => a - b),
      [2, 3, 3],
    );
  });

  it('keep all tokens, and stay as they are where they are few enough', () => {
    const row = fc.array(fc.nat(99), { minLength: 4, maxLength: 4 });
    const windows = fc.array(
      row.map((counts) => [counts]),
      { minLength: 1, maxLength: 200 },
    );
    fc.assert(
      fc.property(windows, fc.integer({ min: 1, max: 9 }), (list, most) => {
        const loads = createLoads(list);
        const merged = mergeAlike(loads, most);
        assert.equal(merged.loads.windows, Math.min(list.length, most));
        assert.equal(
          merged.sizes.reduce((sum, size) => sum + size, 0),
          list.length,
        );
        assert.deepEqual(sumWindows(merged.loads).counts, sumWindows(loads).counts);
        if (list.length <= most) assert.deepEqual(merged.loads, loads);
      }),
      { numRuns: 60 },
    );
  });
});
