import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../base/index.js';
import { anneal, type Constraints } from './anneal.js';
import { createProblem, duplicatesOf, windowedStates } from './test-cases.js';
import { createAffinityState } from './traffic.js';
import {
  createWindowedState,
  objectiveOf,
  setWindowedPlacement,
  smoothObjectiveOf,
  type WindowedState,
} from './windowed-state.js';

function run(state: WindowedState, constraints: Constraints, iterations: number, seed = 1): void {
  anneal(state, constraints, { iterations, isOver: () => false }, createRandom(seed, 'test'));
}

/** What annealing makes small. */
function costOf(state: WindowedState, { affinity }: Constraints): number {
  return (state.windows > 1 ? smoothObjectiveOf(state) : objectiveOf(state)) + (affinity?.cost() ?? 0);
}

/** The cost, worked out from the placement alone. */
function costAnew(state: WindowedState, constraints: Constraints): number {
  setWindowedPlacement(state, state.expertOf.slice());
  constraints.affinity?.set(state.expertOf);
  return costOf(state, constraints);
}

/** Two GPUs a node, and pairs of neighbouring experts. */
function createConstraints({ problem, expertOf, gpuOfSlot }: WindowedState, kinds: number): Constraints {
  const { experts, gpus } = problem;
  const zoneOf = Int32Array.from({ length: gpus }, (_, gpu) => gpu >> 1);
  const pairs = new Float64Array(experts * experts);
  for (let expert = 1; expert < experts; expert++) {
    pairs[expert * experts + expert - 1] = expert;
    pairs[(expert - 1) * experts + expert] = expert;
  }
  const nodeOfSlot = gpuOfSlot.map((gpu) => gpu >> 1);
  const affinity = createAffinityState(pairs, nodeOfSlot, { experts, nodes: (gpus + 1) >> 1, weight: 50 });
  affinity.set(expertOf);
  return {
    ...(kinds & 1 ? { zoneOf } : {}),
    ...(kinds & 2 ? { affinity } : {}),
  };
}

/** Which experts lie in each zone. */
function listZones({ problem, expertOf, gpuOfSlot }: WindowedState): string[] {
  const zones = Array.from({ length: problem.gpus }, () => new Set<number>());
  for (const [slot, expert] of expertOf.entries()) zones[gpuOfSlot[slot]! >> 1]!.add(expert);
  return zones.map((experts) => [...experts].sort((a, b) => a - b).join());
}

it('annealing never leaves a worse cost or more duplicates than it began with', () => {
  fc.assert(
    fc.property(windowedStates, fc.nat(3), fc.nat(), (state, kinds, seed) => {
      const constraints = createConstraints(state, kinds);
      const before = costAnew(state, constraints);
      const duplicates = duplicatesOf(state.problem, state.expertOf);
      run(state, constraints, 6, seed);
      const cost = costOf(state, constraints);
      const anew = costAnew(state, constraints);
      assert.ok(Math.abs(cost - anew) <= 1e-9 * before);
      assert.ok(anew <= before * (1 + 1e-9));
      assert.equal(new Set(state.expertOf).size, state.problem.experts);
      assert.ok(duplicatesOf(state.problem, state.expertOf) <= duplicates);
    }),
    { numRuns: 150 },
  );
});

it('experts that lie in one zone each stay there', () => {
  fc.assert(
    fc.property(windowedStates, fc.nat(), (state, seed) => {
      const zones = listZones(state);
      const all = zones.flatMap((zone) => (zone === '' ? [] : zone.split(',')));
      fc.pre(new Set(all).size === all.length);
      run(state, { zoneOf: Int32Array.from({ length: state.problem.gpus }, (_, gpu) => gpu >> 1) }, 6, seed);
      assert.deepEqual(listZones(state), zones);
    }),
    { numRuns: 60 },
  );
});

it('the same seed gives the same placement', () => {
  fc.assert(
    fc.property(windowedStates, fc.nat(), (state, seed) => {
      const start = state.expertOf.slice();
      run(state, {}, 5, seed);
      const first = state.expertOf.slice();
      setWindowedPlacement(state, start);
      run(state, {}, 5, seed);
      assert.deepEqual(state.expertOf, first);
    }),
    { numRuns: 50 },
  );
});

it('a time that is over ends it', () => {
  const problem = createProblem([0, 0, 0, 0], [2, 2]);
  const load = Float64Array.of(9, 8, 2, 1);
  const state = createWindowedState(problem, { windows: 1, load, objective: 'mean' }, Int32Array.of(0, 1, 2, 3));
  let asked = 0;
  const limits = { iterations: Number.POSITIVE_INFINITY, isOver: () => ++asked > 5 };
  anneal(state, {}, limits, createRandom(1, 'test'));
  // Once where it ends, and once more by who counts rounds.
  assert.equal(asked, 7);
  assert.equal(objectiveOf(state), 10);
});

it('opposite windows are served both: experts that are hot in turn share a GPU', () => {
  const problem = createProblem([0, 0, 0, 0], [2, 2]);
  // Experts 0 and 1 are hot in window 0, experts 2 and 3 in window 1.
  const load = Float64Array.of(10, 0, 10, 0, 0, 10, 0, 10);
  for (const objective of ['mean', 'worst'] as const) {
    const state = createWindowedState(problem, { windows: 2, load, objective }, Int32Array.of(0, 1, 2, 3));
    assert.equal(objectiveOf(state), 20);
    run(state, {}, 10);
    assert.equal(objectiveOf(state), 10);
  }
});
