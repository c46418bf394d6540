import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { assignLeastCost } from './assignment.js';
import { isNear, listPermutations } from './test-cases.js';

const costs = fc
  .tuple(
    fc.integer({ min: 1, max: 6 }),
    fc.constantFrom(
      fc.integer({ min: -3, max: 3 }),
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.constantFrom(-2, 0, 1e12),
    ),
  )
  .chain(([size, cost]: [number, fc.Arbitrary<number>]) =>
    fc.tuple(fc.constant(size), fc.array(cost, { minLength: size * size, maxLength: size * size })),
  );

it('the sum of costs is the least of all assignments', () => {
  fc.assert(
    fc.property(costs, ([size, list]) => {
      const sumOf = (columns: ArrayLike<number>): number =>
        Array.from(columns, (column, row) => list[row * size + column]!).reduce((sum, cost) => sum + cost, 0);
      const columnOf = assignLeastCost(Float64Array.from(list), size);
      assert.equal(new Set(columnOf).size, size);
      const least = Math.min(...listPermutations(size).map(sumOf));
      assert.ok(isNear(sumOf(columnOf), least, Math.max(1, ...list.map(Math.abs))));
    }),
    { numRuns: 300 },
  );
});

it('nothing is assigned to nothing', () => {
  assert.deepEqual([...assignLeastCost(new Float64Array(0), 0)], []);
});
