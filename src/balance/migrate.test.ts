import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { countTransfers } from './anneal.js';
import { type MigrationPoint, traceMigration } from './migrate.js';
import { createProblem, duplicatesOf, isNear, windowedStates } from './test-cases.js';
import { createWindowedState, objectiveOf, setWindowedPlacement, type WindowedState } from './windowed-state.js';

const zoneOf = Int32Array.of(0, 0, 1, 1, 2);

/** Holds a point against the placement in it. */
function checkPoint(state: WindowedState, point: MigrationPoint, before: Uint16Array): void {
  setWindowedPlacement(state, point.expertOf);
  assert.ok(isNear(objectiveOf(state), point.objective, Math.max(...state.time)));
  assert.equal(countTransfers(state.held, before), point.moves);
  assert.equal(new Set(point.expertOf).size, state.problem.experts);
}

describe('a trace from the current placement', () => {
  it('leads to better and better placements within the moves that are allowed', () => {
    fc.assert(
      fc.property(windowedStates, fc.nat(8), fc.boolean(), (state, mostMoves, isZoned) => {
        const before = state.held.slice();
        const start = state.expertOf.slice();
        const duplicates = duplicatesOf(state.problem, start);
        const points = traceMigration(state, isZoned ? { zoneOf } : {}, before, mostMoves);
        assert.deepEqual(state.expertOf, points.at(-1)!.expertOf);
        assert.deepEqual(points[0]!.expertOf, start);
        assert.equal(points[0]!.moves, 0);
        for (const [i, point] of points.entries()) {
          checkPoint(state, point, before);
          assert.ok(point.moves <= mostMoves);
          assert.ok(duplicatesOf(state.problem, point.expertOf) <= duplicates);
          if (i > 0) assert.ok(point.objective < points[i - 1]!.objective);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('begins the same with more moves, for as long as the fewer leave room for an exchange', () => {
    fc.assert(
      fc.property(windowedStates, fc.nat(8), fc.nat(8), (state, mostMoves, more) => {
        const start = state.expertOf.slice();
        const before = state.held.slice();
        const points = traceMigration(state, {}, before, mostMoves);
        setWindowedPlacement(state, start);
        const further = traceMigration(state, {}, before, mostMoves + more);
        const bent = points.findIndex(({ moves }) => moves + 2 > mostMoves);
        assert.deepEqual(further.slice(0, bent + 1), points.slice(0, bent + 1));
        assert.ok(further.at(-1)!.objective <= points[Math.max(0, bent)]!.objective);
      }),
      { numRuns: 100 },
    );
  });

  it('is one exchange where that is all it takes, and ends there', () => {
    const problem = createProblem([0, 0, 0, 0], [2, 2]);
    const load = Float64Array.of(8, 7, 2, 1);
    const state = createWindowedState(problem, { windows: 1, load, objective: 'mean' }, Int32Array.of(0, 1, 2, 3));
    const points = traceMigration(state, {}, state.held.slice(), 10);
    assert.deepEqual(
      points.map(({ moves, objective }) => [moves, objective]),
      [
        [0, 15],
        [2, 9],
      ],
    );
  });
});

it('a trace ends where a transfer lowers the objective by no more than its price', () => {
  const problem = createProblem([0, 0, 0, 0], [2, 2]);
  const load = Float64Array.of(8, 7, 2, 1);
  const lengths = [2.9, 3].map((price) => {
    const state = createWindowedState(problem, { windows: 1, load, objective: 'mean' }, Int32Array.of(0, 1, 2, 3));
    return traceMigration(state, {}, state.held.slice(), 10, price).length;
  });
  assert.deepEqual(lengths, [2, 1]);
});
