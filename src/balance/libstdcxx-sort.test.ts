import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { sortDescending } from './libstdcxx-sort.js';

/** The order that the keys are sorted into; the sorted keys must be those that it says. */
function sort(keys: Float32Array, length = keys.length): number[] {
  const order = Int32Array.from(keys.keys());
  const sorted = keys.slice();
  sortDescending(order, sorted, length);
  assert.deepEqual(
    sorted,
    Float32Array.from(order, (position) => keys[position]!),
  );
  return [...order];
}

function isDescending(order: readonly number[], keys: Float32Array): boolean {
  return order.every((entry, i) => i === 0 || keys[order[i - 1]!]! >= keys[entry]!);
}

/** Keys that make quicksort's median of three bad at every step, so that it goes over to a heap (Musser, "Introspective Sorting and Selection Algorithms", 1997). */
function createKiller(length: number): Float32Array {
  const keys = new Float32Array(length);
  const half = length / 2;
  for (let i = 0; i < half; i++) {
    keys[i] = i % 2 === 0 ? i + 1 : half + i + (half % 2);
    keys[half + i] = 2 * (i + 1);
  }
  return keys.map((key) => -key);
}

const keyLists = fc.oneof(
  fc.array(fc.float({ noNaN: true }), { maxLength: 300 }),
  fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 300 }),
  fc.integer({ min: 0, max: 300 }).map((length) => Array.from({ length }, (_, i) => i)),
  fc.integer({ min: 0, max: 300 }).map((length) => Array.from({ length }, (_, i) => -i)),
);

it('any keys are sorted descending, and every position stays', () => {
  fc.assert(
    fc.property(keyLists, (list) => {
      const keys = Float32Array.from(list);
      const order = sort(keys);
      assert.ok(isDescending(order, keys));
      assert.deepEqual(
        order.toSorted((a, b) => a - b),
        [...keys.keys()],
      );
    }),
    { numRuns: 300 },
  );
});

it('keys that quicksort is slow for are sorted by a heap', () => {
  for (const length of [64, 256, 1024, 4096]) {
    const keys = createKiller(length);
    const order = sort(keys);
    assert.ok(isDescending(order, keys));
    assert.equal(new Set(order).size, length);
  }
});

it('only the first positions are sorted', () => {
  assert.deepEqual(sort(Float32Array.of(1, 2, 3, 4), 2), [1, 0, 2, 3]);
});

it('up to 16 equal keys keep their order', () => {
  for (let length = 0; length <= 16; length++)
    assert.deepEqual(sort(new Float32Array(length)), [...Array(length).keys()]);
});

it('18 equal keys get the order that std::sort leaves', () => {
  assert.deepEqual(sort(new Float32Array(18)), [9, 17, 16, 15, 14, 13, 12, 11, 10, 0, 8, 7, 6, 5, 4, 3, 2, 1]);
});
