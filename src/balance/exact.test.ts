import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { type ExactResult, isUniform, searchExactly } from './exact.js';
import { createProblem, duplicatesOf, findOptimum, problems, timesOf } from './test-cases.js';

const tiny = fc
  .oneof(problems({ experts: 4, gpus: 3, slots: 2 }, 'alike'), problems({ experts: 3, gpus: 2, slots: 3 }, 'alike'))
  .filter(({ load }) => load.some((tokens) => tokens > 0));

for (const allowDuplicates of [true, false]) {
  it(`a search ${allowDuplicates ? 'with' : 'without'} duplicates finds what there is, and says what there is not`, () => {
    fc.assert(
      fc.property(tiny, (problem) => {
        const { any, withoutDuplicates } = findOptimum(problem);
        const optimum = allowDuplicates ? any : withoutDuplicates;
        const search = (target: number): ExactResult =>
          searchExactly(problem, target, { nodes: 1_000_000, allowDuplicates });
        if (optimum === Number.POSITIVE_INFINITY) {
          assert.equal(search(1e12).outcome, 'impossible');
          return;
        }
        for (const factor of [1, 1.1, 3]) {
          const result = search(optimum * factor);
          assert.equal(result.outcome, 'found');
          if (result.outcome !== 'found') continue;
          assert.equal(new Set(result.expertOf).size, problem.experts);
          assert.ok(Math.max(...timesOf(problem, result.expertOf)) <= optimum * factor * (1 + 1e-9));
          if (!allowDuplicates) assert.equal(duplicatesOf(problem, result.expertOf), 0);
        }
        assert.equal(search(optimum * (1 - 1e-9)).outcome, 'impossible');
      }),
      { numRuns: 200 },
    );
  });
}

it('a search is unknown when it may look at nothing, or at too little', () => {
  const problem = createProblem([600, 560, 120, 120, 20, 10, 10, 10], new Array<number>(8).fill(2));
  for (const nodes of [0, 1, 100])
    assert.equal(searchExactly(problem, 190, { nodes, allowDuplicates: true }).outcome, 'unknown');
});

it('too few slots for the replicas that a target needs are impossible without a look', () => {
  const problem = createProblem([10, 10], [1, 1, 1]);
  assert.equal(searchExactly(problem, 9, { nodes: 0, allowDuplicates: true }).outcome, 'impossible');
});

it('the eight experts of 181.25 in the mean need 196.67', () => {
  const problem = createProblem([600, 560, 120, 120, 20, 10, 10, 10], new Array<number>(8).fill(2));
  const options = { nodes: 1_000_000, allowDuplicates: false };
  assert.equal(searchExactly(problem, 590 / 3, options).outcome, 'found');
  assert.equal(searchExactly(problem, 196.66, { ...options, allowDuplicates: true }).outcome, 'impossible');
});

it('only GPUs with the same slots and speed are alike', () => {
  assert.equal(isUniform(createProblem([1], [2, 2])), true);
  assert.equal(isUniform(createProblem([1], [2, 1])), false);
  assert.equal(isUniform(createProblem([1], [2, 2], [1, 2])), false);
});
