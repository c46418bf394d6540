import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { LayerProblem } from './layer-state.js';
import { createReplicaRule, replicateExperts } from './replicate.js';
import { createProblem, duplicatesOf, enumeratePlacements, problems } from './test-cases.js';

function replicate(problem: LayerProblem) {
  const count = new Int32Array(problem.experts);
  const share = new Float64Array(problem.experts);
  replicateExperts(problem, count, share);
  return { count, share };
}

/** All numbers of replicas with the fewest duplicates in some placement. */
function listCounts(problem: LayerProblem): Int32Array[] {
  let fewest = Number.POSITIVE_INFINITY;
  const found = new Map<string, Int32Array>();
  for (const expertOf of enumeratePlacements(problem)) {
    const duplicates = duplicatesOf(problem, expertOf);
    if (duplicates > fewest) continue;
    if (duplicates < fewest) found.clear();
    fewest = duplicates;
    const count = new Int32Array(problem.experts);
    for (const expert of expertOf) count[expert]! += 1;
    found.set(count.join(), count);
  }
  return [...found.values()];
}

const tiny = fc.oneof(
  problems({ experts: 4, gpus: 3, slots: 2 }, 'alike'),
  problems({ experts: 3, gpus: 3, slots: 3 }, 'uneven'),
);

it('the largest share of a replica is the least possible without avoidable duplicates', () => {
  fc.assert(
    fc.property(tiny, (problem) => {
      const { count, share } = replicate(problem);
      assert.deepEqual(
        share,
        problem.load.map((load, expert) => load / count[expert]!),
      );
      const counts = listCounts(problem);
      assert.ok(counts.some((possible) => possible.join() === count.join()));
      const largest = counts.map((possible) => Math.max(...problem.load.map((load, i) => load / possible[i]!)));
      assert.equal(Math.max(...share), Math.min(...largest));
    }),
    { numRuns: 100 },
  );
});

it('exactly the numbers of replicas that need no avoidable duplicates are allowed', () => {
  fc.assert(
    fc.property(tiny, (problem) => {
      const possible = new Set(listCounts(problem).map((count) => count.join()));
      const isAllowed = createReplicaRule(problem);
      const seen = new Set<string>();
      for (const expertOf of enumeratePlacements(problem)) {
        const count = new Int32Array(problem.experts);
        for (const expert of expertOf) count[expert]! += 1;
        const key = count.join();
        if (seen.has(key)) continue;
        seen.add(key);
        const hasAll = count.every((_, expert) => isAllowed(count, expert));
        assert.equal(hasAll, possible.has(key), key);
      }
    }),
    { numRuns: 60 },
  );
});

it('a further slot goes to the largest share, the lowest expert first', () => {
  assert.deepEqual([...replicate(createProblem([6, 6, 1], [2, 2, 1])).count], [2, 2, 1]);
  assert.deepEqual([...replicate(createProblem([6, 6, 1], [2, 2])).count], [2, 1, 1]);
  assert.deepEqual([...replicate(createProblem([0, 0], [1, 1, 1])).count], [2, 1]);
});

it('an expert has no more replicas than there are GPUs, while another can take the slot', () => {
  assert.deepEqual([...replicate(createProblem([100, 1], [2, 2])).count], [2, 2]);
  assert.deepEqual([...replicate(createProblem([10, 10, 0], [1, 3, 3])).count], [3, 2, 2]);
  assert.deepEqual([...replicate(createProblem([10, 1], [0, 2, 2])).count], [2, 2]);
});

it('slots that only duplicates can fill go to the largest share too', () => {
  assert.deepEqual([...replicate(createProblem([100, 1], [3, 3])).count], [4, 2]);
});
