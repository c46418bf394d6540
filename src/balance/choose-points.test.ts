import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createPointChooser, type MoveCost } from './choose-points.js';
import type { MigrationPoint } from './migrate.js';

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
