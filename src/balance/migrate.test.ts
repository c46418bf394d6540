import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { countTransfers } from './anneal.js';
import { createPointChooser, type MigrationPoint, type MoveCost, traceMigration } from './migrate.js';
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

const point = (moves: number, objective: number): MigrationPoint => ({ moves, objective, expertOf: Int32Array.of() });

/** Layers of some points; the first takes no moves. */
const layers = fc.array(
  fc
    .tuple(
      fc.integer({ min: 0, max: 20 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 20 })), { maxLength: 4 }),
    )
    .map(([objective, others]) => [point(0, objective), ...others.map((other) => point(...other))]),
  { minLength: 1, maxLength: 4 },
);

const choosePoints = (list: readonly (readonly MigrationPoint[])[], mostMoves: number, cost?: MoveCost) =>
  createPointChooser(list, cost)(mostMoves);
const movesOf = (points: readonly MigrationPoint[]): number => points.reduce((sum, { moves }) => sum + moves, 0);
const totalOf = (points: readonly MigrationPoint[]): number =>
  points.reduce((sum, { objective }) => sum + objective, 0);

/** The least total that a budget allows. */
function findLeast(list: readonly (readonly MigrationPoint[])[], budget: number): number {
  const [points, ...others] = list;
  if (points === undefined) return 0;
  const totals = points
    .filter(({ moves }) => moves <= budget)
    .map(({ moves, objective }) => objective + findLeast(others, budget - moves));
  return Math.min(...totals);
}

describe('the choice of a point for each layer', () => {
  it('keeps to the moves in all, and is never worse than to stay, nor than any one point', () => {
    fc.assert(
      fc.property(layers, fc.nat(12), (list, budget) => {
        const chosen = choosePoints(list, budget);
        for (const [layer, point] of chosen.entries()) assert.ok(list[layer]!.includes(point));
        assert.ok(movesOf(chosen) <= budget);
        const stay = list.map((points) => points[0]!);
        assert.ok(totalOf(chosen) <= totalOf(stay));
        assert.ok(totalOf(chosen) >= findLeast(list, budget));
        // Nothing that still fits would help.
        for (const [layer, points] of list.entries()) {
          for (const other of points) {
            const better = chosen.with(layer, other);
            assert.ok(movesOf(better) > budget || totalOf(better) >= totalOf(chosen));
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is the best there is with moves enough, and for one layer', () => {
    fc.assert(
      fc.property(layers, fc.nat(12), (list, budget) => {
        assert.equal(totalOf(choosePoints(list, 1000)), findLeast(list, 1000));
        const one = list.slice(0, 1);
        assert.equal(totalOf(choosePoints(one, budget)), findLeast(one, budget));
      }),
      { numRuns: 300 },
    );
  });

  it('gives the moves to the layer that gains most by them', () => {
    const list = [
      [point(0, 10), point(2, 8)],
      [point(0, 10), point(2, 4)],
    ];
    assert.deepEqual(choosePoints(list, 2), [list[0]![0], list[1]![1]]);
    assert.deepEqual(choosePoints(list, 4), [list[0]![1], list[1]![1]]);
  });

  it('moves only what gains more than it costs', () => {
    const list = [[point(0, 10), point(2, 8), point(4, 7)]];
    const choose = (secondsPerMove: number) =>
      choosePoints(list, 100, { secondsPerMove, intervalSeconds: 1 })[0]!.moves;
    // The first two moves gain a tenth of the time each, the others a twentieth.
    assert.equal(choose(0), 4);
    assert.equal(choose(0.04), 4);
    assert.equal(choose(0.06), 2);
    assert.equal(choose(0.11), 0);
  });
});
