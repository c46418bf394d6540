import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { createLayerState, type LayerProblem, type LayerState, setPlacement } from './layer-state.js';
import { packReplicas, separateDuplicates } from './pack.js';
import { createReplicaRule, replicateExperts } from './replicate.js';
import { canSeparate, createProblem, duplicatesOf, isNear, placementsOf, problems, timesOf } from './test-cases.js';

function pack(problem: LayerProblem): LayerState {
  const state = createLayerState(problem);
  replicateExperts(problem, state.count, state.share);
  packReplicas(state);
  return state;
}

const kinds = fc.constantFrom('alike' as const, 'uneven' as const);
const some = kinds.chain((kind) => problems({ experts: 12, gpus: 6, slots: 5 }, kind));

it('the largest replica goes first, each to the GPU that it makes finish first', () => {
  assert.deepEqual([...pack(createProblem([7, 6, 5, 4, 3, 2], [3, 3])).expertOf], [0, 3, 4, 1, 2, 5]);
});

it('a GPU twice as fast finishes twice as much', () => {
  // 8 is done at 4 on the fast GPU, 4 at 4 on the slow one, 3 at 5.5 on the fast one.
  assert.deepEqual([...pack(createProblem([8, 4, 3, 1], [2, 2], [0.5, 1])).expertOf], [0, 2, 1, 3]);
});

it('replicas of an expert lie on different GPUs', () => {
  const { expertOf } = pack(createProblem([9, 1, 1], [2, 2]));
  assert.deepEqual([...expertOf], [0, 1, 0, 2]);
});

it('every replica has a slot, and times and holdings are those of the placement', () => {
  fc.assert(
    fc.property(some, (problem) => {
      const { expertOf, count, time, held } = pack(problem);
      const found = new Int32Array(problem.experts);
      for (const expert of expertOf) found[expert]! += 1;
      assert.deepEqual(found, count);
      const expected = timesOf(problem, expertOf);
      const scale = Math.max(...expected);
      for (const [gpu, value] of time.entries()) assert.ok(isNear(value, expected[gpu]!, scale));
      assert.equal(
        held.reduce((sum, replicas) => sum + replicas, 0),
        problem.slots,
      );
      for (const [slot, expert] of expertOf.entries()) {
        const gpu = problem.slotStarts.findLastIndex((start) => start <= slot);
        assert.ok(held[expert * problem.gpus + gpu]! > 0);
      }
    }),
    { numRuns: 200 },
  );
});

it('no GPU holds an expert twice where none has more slots than there are experts', () => {
  fc.assert(
    fc.property(some.filter(canSeparate), (problem) => {
      assert.equal(duplicatesOf(problem, pack(problem).expertOf), 0);
    }),
    { numRuns: 300 },
  );
});

it('duplicates are separated where the numbers of replicas let them, and never become more', () => {
  const withPlacement = some.chain((problem) => fc.tuple(fc.constant(problem), placementsOf(problem)));
  fc.assert(
    fc.property(withPlacement, ([problem, expertOf]) => {
      const state = createLayerState(problem);
      setPlacement(state, expertOf);
      const isClean = separateDuplicates(state);
      assert.equal(isClean, duplicatesOf(problem, state.expertOf) === 0);
      assert.ok(duplicatesOf(problem, state.expertOf) <= duplicatesOf(problem, expertOf));
      const sorted = (list: Int32Array) => [...list].sort((a, b) => a - b);
      assert.deepEqual(sorted(state.expertOf), sorted(expertOf));
      if (canSeparate(problem) && state.count.every((_, expert) => createReplicaRule(problem)(state.count, expert)))
        assert.ok(isClean);
    }),
    { numRuns: 300 },
  );
});
