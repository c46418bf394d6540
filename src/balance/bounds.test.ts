import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { boundByMean, boundBySlots } from './bounds.js';
import { createProblem, findOptimum, isNear, placementsOf, problems, timesOf } from './test-cases.js';

const tiny = fc.oneof(
  problems({ experts: 4, gpus: 3, slots: 2 }, 'alike'),
  problems({ experts: 4, gpus: 3, slots: 2 }, 'uneven'),
  problems({ experts: 2, gpus: 2, slots: 4 }, 'uneven'),
);

it('no placement is below the bounds, and that by slots is at least the mean', () => {
  fc.assert(
    fc.property(tiny, (problem) => {
      const { any } = findOptimum(problem);
      const mean = boundByMean(problem);
      for (const above of [any, 2 * any]) {
        const bound = boundBySlots(problem, above);
        assert.ok(bound <= any * (1 + 1e-12), `${bound} is above the optimum ${any}`);
        assert.ok(bound >= mean);
      }
    }),
    { numRuns: 300 },
  );
});

it('no placement of larger problems is below them either', () => {
  const withPlacement = problems({ experts: 16, gpus: 8, slots: 4 }, 'uneven').chain((problem) =>
    fc.tuple(fc.constant(problem), placementsOf(problem)),
  );
  fc.assert(
    fc.property(withPlacement, ([problem, expertOf]) => {
      const largest = Math.max(...timesOf(problem, expertOf));
      assert.ok(boundBySlots(problem, largest) <= largest * (1 + 1e-12));
    }),
    { numRuns: 300 },
  );
});

it('the mean counts GPUs by their speed', () => {
  assert.equal(boundByMean(createProblem([4, 2], [1, 1])), 3);
  assert.equal(boundByMean(createProblem([4, 2], [1, 1], [0.5, 1])), 2);
});

it('with one slot a GPU, the bound is the least possible largest replica', () => {
  // Shares of 7, 5 and 1 in five slots: 7/2, 5/2, 1.
  assert.ok(isNear(boundBySlots(createProblem([7, 5, 1], [1, 1, 1, 1, 1]), 100), 3.5));
});

it('a replica has the lightest ones beside it', () => {
  // No slot is to spare: 12 lies beside one of the fives, where the mean is 13.5.
  assert.ok(isNear(boundBySlots(createProblem([12, 5, 5, 5], [2, 2]), 100), 17));
  // A GPU of one slot has none beside it.
  assert.equal(boundBySlots(createProblem([12, 12, 1], [2, 1]), 100), 12.5);
});
