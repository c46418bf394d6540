import { InputError } from '../base/index.js';
import type { MigrationPoint } from './migrate.js';

/** What a move is worth: the moves cost `secondsPerMove` each, and the gain lasts for `intervalSeconds`. */
export interface MoveCost {
  readonly secondsPerMove: number;
  readonly intervalSeconds: number;
}

/** Gives a point of each layer, so that they make at most `mostMoves` moves in all. */
export type PointChooser = (mostMoves: number) => MigrationPoint[];

/**
 * Chooses a point for each layer: the least sum of objectives with at most a given number of moves in all and, with `cost`,
 * only moves that gain more time until the next rebalance than they take. Steps along each layer's lower convex hull are
 * taken by gain for a move; what budget is left goes to the points that still fit, the largest gain first.
 * Throws `InputError` for a cost that is none.
 */
export function createPointChooser(
  layers: readonly (readonly MigrationPoint[])[],
  cost: MoveCost | undefined,
): PointChooser {
  checkCost(cost);
  const firsts = layers.map((points) => points[0]);
  const price = priceOf(
    cost,
    firsts.reduce((sum, { objective }) => sum + objective, 0),
  );
  const steps = layers.flatMap(listHullSteps).filter(({ gain }) => gain > price);
  steps.sort((a, b) => b.gain - a.gain);
  return (mostMoves) => {
    const chosen = firsts.slice();
    let left = mostMoves - chosen.reduce((sum, { moves }) => sum + moves, 0);
    for (const { layer, from, to, moves } of steps) {
      if (moves > left || chosen[layer] !== from) continue;
      chosen[layer] = to;
      left -= moves;
    }
    for (;;) {
      const next = findAffordable(layers, chosen, left, price);
      if (next === undefined) return chosen;
      left -= next.point.moves - chosen[next.layer].moves;
      chosen[next.layer] = next.point;
    }
  };
}

function checkCost(cost: MoveCost | undefined): void {
  if (cost === undefined || (cost.secondsPerMove >= 0 && cost.intervalSeconds > 0)) return;
  throw new InputError({ what: 'the cost of moves is no time', mend: 'give seconds, and an interval above 0' });
}

/** A step along a layer's lower hull. */
interface HullStep {
  readonly layer: number;
  readonly from: MigrationPoint;
  readonly to: MigrationPoint;
  readonly moves: number;
  /** For each move. */
  readonly gain: number;
}

function listHullSteps(points: readonly MigrationPoint[], layer: number): HullStep[] {
  const hull = lowerHull(points);
  return hull.slice(1).map((to, i) => {
    const from = hull[i];
    const moves = to.moves - from.moves;
    return { layer, from, to, moves, gain: (from.objective - to.objective) / moves };
  });
}

/** What the objective must fall by for a move to be worth it, `total` being the layers' sum now. */
export function priceOf(cost: MoveCost | undefined, total: number): number {
  return cost === undefined || total === 0 ? 0 : (cost.secondsPerMove / cost.intervalSeconds) * total;
}

function findAffordable(
  layers: readonly (readonly MigrationPoint[])[],
  chosen: readonly MigrationPoint[],
  movesLeft: number,
  price: number,
): { readonly layer: number; readonly point: MigrationPoint } | undefined {
  let best: { readonly layer: number; readonly point: MigrationPoint } | undefined;
  let bestGain = 0;
  for (const [layer, points] of layers.entries()) {
    for (const point of points) {
      const moves = point.moves - chosen[layer]!.moves;
      const gain = chosen[layer]!.objective - point.objective - moves * price;
      if (moves > movesLeft || gain <= bestGain) continue;
      bestGain = gain;
      best = { layer, point };
    }
  }
  return best;
}

/** The points of which none lies above a line between two others, from the first on, with ascending moves and descending objective. */
function lowerHull(points: readonly MigrationPoint[]): MigrationPoint[] {
  const sorted = points.slice(1).sort((a, b) => a.moves - b.moves || a.objective - b.objective);
  const hull: MigrationPoint[] = [points[0]!];
  const slope = (a: MigrationPoint, b: MigrationPoint): number => (a.objective - b.objective) / (b.moves - a.moves);
  for (const point of sorted) {
    if (point.moves <= hull.at(-1)!.moves || point.objective >= hull.at(-1)!.objective) continue;
    while (hull.length > 1 && slope(hull.at(-2)!, hull.at(-1)!) <= slope(hull.at(-1)!, point)) hull.pop();
    hull.push(point);
  }
  return hull;
}
