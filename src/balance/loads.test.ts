import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../base/index.js';
import { checkLoads, createLoads, mergeWindows, normalizeWindows, sumWindows } from './loads.js';
import { isNear, loadsOf } from './test-cases.js';

function refuses(call: () => unknown, message: RegExp): void {
  assert.throws(call, (error) => error instanceof InputError && message.test(error.message));
}

const someLoads = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 8 }))
  .chain(([windows, layers, experts]) => loadsOf(windows, layers, experts));

describe('loads from lists', () => {
  it('are windows, layers and experts in this order', () => {
    const lists = [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [
        [7, 8, 9],
        [10, 11, 2 ** 53 - 1],
      ],
    ];
    const loads = createLoads(lists);
    assert.deepEqual(loads, { windows: 2, layers: 2, experts: 3, counts: Float64Array.from(lists.flat(2)) });
    checkLoads(loads);
  });

  // Lists come from files, whatever their type says.
  const hostile: readonly (readonly [unknown, RegExp])[] = [
    [[], /^the loads are empty \(file\): give at least one layer and expert$/],
    [[[]], /the loads are empty/],
    [[[[]]], /the loads are empty/],
    [[null], /the loads are empty/],
    [[['ab']], /layer 0 is no list of experts/],
    [[[[1, -2]]], /^the load of layer 0, expert 1 is -2 \(file\): give a finite number from 0 to 2\^53$/],
    [[[[1], [Number.NaN]]], /the load of layer 1, expert 0 is NaN/],
    [[[[1], ['NaN']]], /layer 1, expert 0 is NaN/],
    [[[[1], ['-Infinity']]], /layer 1, expert 0 is -Infinity/],
    [[[['x'.repeat(1000)]]], /layer 0, expert 0 is "x{40}"/],
    [[[[1, Number.POSITIVE_INFINITY]]], /layer 0, expert 1 is Infinity/],
    [[[[1, 2 ** 53]]], /layer 0, expert 1 is 9007199254740992/],
    [[[[1, null]]], /layer 0, expert 1 is null/],
    [[[[1, [2]]]], /layer 0, expert 1 is a list/],
    [[[[1, undefined]]], /layer 0, expert 1 is a undefined/],
    [[[[1, true]]], /layer 0, expert 1 is a boolean/],
    [[[[1, 2], [3]]], /layer 1 has 1 experts, the first has 2.*: give all layers the same number/],
    [[[[1], 7]], /layer 1 is no list of experts/],
    [[[[1]], [[1], [2]]], /window 1 has 2 layers, window 0 has 1/],
    [[[[1]], 'x'], /window 1 is no list of layers/],
    [[[[1, 2]], [[1, 2, 3]]], /window 1, layer 0 has 3 experts, the first has 2/],
    [[[[1, 2]], [[1, -1]]], /the load of window 1, layer 0, expert 1 is -1/],
  ];
  for (const [lists, message] of hostile) {
    it(`are refused: ${message}`, () => {
      refuses(() => createLoads(lists as number[][][], 'file'), message);
    });
  }
});

describe('loads from elsewhere', () => {
  for (const [loads, message] of [
    [{ windows: 0, layers: 1, experts: 1, counts: Float64Array.of() }, /the loads are empty/],
    [{ windows: 1, layers: 0, experts: 1, counts: Float64Array.of() }, /the loads are empty/],
    [
      { windows: 2, layers: 1, experts: 2, counts: Float64Array.of(1, 2, 3) },
      /3 loads for 2 windows, 1 layers and 2 experts: give 4/,
    ],
    [
      { windows: 2, layers: 2, experts: 1, counts: Float64Array.of(1, 2, 3, -4) },
      /the load of window 1, layer 1, expert 0 is -4/,
    ],
    [{ windows: 1, layers: 1, experts: 1, counts: Float64Array.of(Number.NaN) }, /layer 0, expert 0 is NaN/],
  ] as const) {
    it(`are refused: ${message}`, () => {
      refuses(() => checkLoads(loads), message);
    });
  }
});

describe('windows', () => {
  it('sum to one, expert by expert', () => {
    fc.assert(
      fc.property(someLoads, (loads) => {
        const { layers, experts, windows, counts } = loads;
        const before = counts.slice();
        const sums = sumWindows(loads);
        assert.deepEqual({ ...sums, counts: 0 }, { windows: 1, layers, experts, counts: 0 });
        assert.equal(sums.counts.length, layers * experts);
        for (const [position, sum] of sums.counts.entries()) {
          let expected = 0;
          for (let window = 0; window < windows; window++) expected += counts[window * layers * experts + position]!;
          assert.equal(sum, expected);
        }
        assert.deepEqual(counts, before);
      }),
    );
  });

  it('have, normalized, the same tokens in each layer: the mean, and shares as before', () => {
    fc.assert(
      fc.property(someLoads, (loads) => {
        const { windows, layers, experts, counts } = loads;
        const before = counts.slice();
        const normal = normalizeWindows(loads);
        assert.deepEqual(counts, before);
        const rowOf = (values: Float64Array, window: number, layer: number): Float64Array =>
          values.subarray((window * layers + layer) * experts, (window * layers + layer + 1) * experts);
        const total = (row: Float64Array): number => row.reduce((sum, count) => sum + count, 0);
        for (let layer = 0; layer < layers; layer++) {
          const totals = Array.from({ length: windows }, (_, window) => total(rowOf(counts, window, layer)));
          const mean = totals.reduce((sum, count) => sum + count, 0) / windows;
          for (const [window, tokens] of totals.entries()) {
            const after = rowOf(normal.counts, window, layer);
            assert.ok(isNear(total(after), tokens === 0 ? 0 : mean));
            for (const [expert, count] of rowOf(counts, window, layer).entries())
              assert.ok(isNear(after[expert]! * tokens, count * mean));
          }
        }
      }),
    );
  });

  it('of which each has the same tokens are normal already', () => {
    const loads = createLoads([[[1, 3]], [[4, 0]]]);
    assert.deepEqual(normalizeWindows(loads), loads);
  });
});

it('merged windows are sums of neighbours that hold every token, and few enough stay as they are', () => {
  const loads = createLoads([[[1]], [[2]], [[3]], [[4]], [[5]]]);
  assert.deepEqual([...mergeWindows(loads, 2).counts], [6, 9]);
  assert.equal(mergeWindows(loads, 5), loads);
  fc.assert(
    fc.property(someLoads, fc.integer({ min: 1, max: 4 }), (any, most) => {
      const merged = mergeWindows(any, most);
      assert.equal(merged.windows, Math.min(most, any.windows));
      const [before, after] = [any, merged].map((one) => sumWindows(one).counts);
      for (const [i, count] of after!.entries()) assert.ok(isNear(count, before![i]!, before![i]!));
    }),
  );
});
