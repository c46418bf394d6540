import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../base/index.js';
import { createLayerState, type LayerProblem } from './layer-state.js';
import { type PlacedLayer, placeLayer } from './place-layer.js';
import {
  canSeparate,
  createProblem,
  duplicatesOf,
  findOptimum,
  isNear,
  placementsOf,
  problems,
  timesOf,
} from './test-cases.js';

function place(problem: LayerProblem, options: { readonly iterations?: number; readonly rival?: Int32Array } = {}) {
  const { iterations = 60, ...rival } = options;
  return placeLayer(createLayerState(problem), {
    limits: { iterations, isOver: () => false },
    tolerance: 5e-4,
    random: createRandom(1, 'test'),
    ...rival,
  });
}

function checkLayer(problem: LayerProblem, { expertOf, largest, lowerBound }: PlacedLayer): void {
  assert.equal(new Set(expertOf).size, problem.experts);
  assert.ok(isNear(largest, Math.max(...timesOf(problem, expertOf))));
  assert.ok(lowerBound <= largest);
}

const kinds = fc.constantFrom('alike' as const, 'uneven' as const);
const tiny = fc.oneof(
  problems({ experts: 4, gpus: 3, slots: 2 }, 'alike'),
  problems({ experts: 3, gpus: 2, slots: 3 }, 'alike'),
  problems({ experts: 3, gpus: 3, slots: 2 }, 'uneven'),
);

it('a bound holds for all placements, and one that is met is the optimum', () => {
  fc.assert(
    fc.property(tiny, (problem) => {
      const placed = place(problem);
      checkLayer(problem, placed);
      const { any } = findOptimum(problem);
      assert.ok(placed.lowerBound <= any * (1 + 1e-9));
      if (placed.lowerBound === placed.largest) assert.ok(isNear(placed.largest, any));
    }),
    { numRuns: 200 },
  );
});

it('tiny layers on GPUs that are alike reach the optimum without duplicates, and prove it where no duplicates are better', () => {
  fc.assert(
    fc.property(problems({ experts: 4, gpus: 3, slots: 2 }, 'alike'), (problem) => {
      const { any, withoutDuplicates } = findOptimum(problem);
      fc.pre(canSeparate(problem));
      const placed = place(problem, { iterations: 500 });
      assert.ok(isNear(placed.largest, withoutDuplicates), `${placed.largest} is not ${withoutDuplicates}`);
      if (isNear(any, withoutDuplicates)) assert.equal(placed.lowerBound, placed.largest);
    }),
    { numRuns: 200 },
  );
});

it('a layer has no duplicates where no GPU has more slots than there are experts', () => {
  const some = kinds.chain((kind) => problems({ experts: 16, gpus: 6, slots: 6 }, kind));
  fc.assert(
    fc.property(some.filter(canSeparate), (problem) => {
      const placed = place(problem);
      checkLayer(problem, placed);
      assert.equal(duplicatesOf(problem, placed.expertOf), 0);
    }),
    { numRuns: 150 },
  );
});

it('a layer is never worse than its rival, and has avoidable duplicates only where it is the rival', () => {
  const withRival = kinds
    .chain((kind) => problems({ experts: 10, gpus: 5, slots: 4 }, kind))
    .chain((problem) => fc.tuple(fc.constant(problem), placementsOf(problem)));
  fc.assert(
    fc.property(withRival, ([problem, rival]) => {
      const placed = place(problem, { iterations: 5, rival });
      checkLayer(problem, placed);
      assert.ok(placed.largest <= Math.max(...timesOf(problem, rival)) * (1 + 1e-9));
      if (canSeparate(problem) && duplicatesOf(problem, placed.expertOf) > 0) assert.deepEqual(placed.expertOf, rival);
    }),
    { numRuns: 200 },
  );
});

it('duplicates of the rival stay where nothing without them is as good', () => {
  const placed = place(createProblem([6, 5, 1], [2, 2]), { rival: Int32Array.of(1, 2, 0, 0) });
  assert.equal(placed.largest, 6);
  assert.equal(placed.lowerBound, 6);
  assert.equal(place(createProblem([6, 5, 1], [2, 2])).largest, 6.5);
});
