import { InputError, WorkError } from '../base/index.js';
import { countTransfers } from './anneal.js';
import { createPointChooser, type MoveCost, type PointChooser, priceOf } from './choose-points.js';
import type { ExpertLoads } from './loads.js';
import type { Machine } from './machine.js';
import { type MigrationPoint, traceMigration, traceRecount } from './migrate.js';
import type { Placement } from './placement.js';
import { countMoves, relabelLayer } from './relabel.js';
import { createWindowedLayers, type WindowedSearch } from './windowed-layers.js';
import { objectiveOf, setWindowedPlacement, type WindowedState } from './windowed-state.js';

export interface MigrationOptions extends WindowedSearch {
  /** Replicas that may travel, in all layers together; default as many as it takes. */
  readonly mostMoves?: number | undefined;
  /** With it, only what pays for its moves is moved. */
  readonly cost?: MoveCost | undefined;
  /** Called after each layer of which the ways are known. */
  readonly onLayer?: ((done: number, layers: number) => void) | undefined;
}

/** A placement that is reached from the current one, and what that takes and gives. */
export interface Migration {
  readonly placement: Placement;
  /** Replicas that travel to a GPU that does not hold them; the least for this placement. */
  readonly moves: number;
  /** Of these, what lost experts and empty slots take in any case. */
  readonly needed: number;
  /** By how much the objective falls, all layers together, as a share of what it is now, on the loads it was made from. */
  readonly gain: number;
  /** What the target would take and give, moved whole. */
  readonly whole: { readonly moves: number; readonly gain: number };
}

/**
 * Goes from `current` towards `target` as far as the loads are the better for it: of all budgets within `mostMoves` that
 * `listBudgets` names, the one that lowers the objective most (less what moves cost), so that more moves never gain less.
 * Each layer goes by the points of `traceMoves`; a budget is given to the layers where it gains most (`createPointChooser`).
 *
 * An expert that has lost all its replicas, because its GPU is excluded now, is moved first. With nodes or traffic and
 * neither limit nor cost, all of the target is taken. Throws `WorkError` where lost experts alone take more than
 * `mostMoves`, and `InputError` for placements of different sizes.
 */
export function migratePlacement(
  loads: ExpertLoads,
  machine: Machine,
  current: Placement,
  target: Placement,
  options: MigrationOptions,
): Migration {
  const paths = traceMoves(loads, machine, current, target, options);
  const chosen = isWholeOnly(options)
    ? paths.layers.map(({ whole }) => whole)
    : chooseLeast(paths, createPointChooser(listPoints(paths), options.cost), options);
  return takePoints(paths, chosen);
}

/** Whether all of the target is taken or none: a part of it would neither keep groups on nodes nor serve traffic. */
export function isWholeOnly({ keepsNodes, traffic, mostMoves, cost }: MigrationOptions): boolean {
  return (keepsNodes || traffic !== undefined) && mostMoves === undefined && cost === undefined;
}

/** The choice with the least objective, with what its moves cost, of all budgets; the fewest moves of equal ones. */
function chooseLeast(paths: MovePaths, choose: PointChooser, { mostMoves, cost }: MigrationOptions): MigrationPoint[] {
  const price = priceOf(cost, sumObjectives(paths.layers.map(({ start }) => start)));
  const costOf = (points: readonly MigrationPoint[]): number => sumObjectives(points) + price * countPointMoves(points);
  let best = paths.layers.map(({ start }) => start);
  let least = costOf(best);
  for (const budget of listBudgets(paths, mostMoves)) {
    const points = choose(budget);
    const reached = costOf(points);
    if (reached >= least * (1 - 1e-12)) continue;
    best = points;
    least = reached;
  }
  return best;
}

/** Budgets up to this are all tried; of larger ones, each is so much larger than the last. */
const SMALL_BUDGET = 32;
const BUDGET_RATIO = 1.03;

/**
 * Numbers of moves, ascending, from what lost experts alone take to at most `mostMoves`. They do not depend on it but for
 * the end, so that what is chosen among those of a smaller limit can be chosen among those of a larger one.
 */
export function listBudgets({ needed, layers }: MovePaths, mostMoves = Number.POSITIVE_INFINITY): readonly number[] {
  const most = layers.reduce((sum, { points }) => sum + Math.max(...points.map(({ moves }) => moves)), 0) - needed;
  const steps: number[] = [];
  for (let step = 0; ; step = step < SMALL_BUDGET ? step + 1 : Math.ceil(step * BUDGET_RATIO)) {
    if (needed + step > mostMoves) break;
    steps.push(needed + step);
    if (step >= most) break;
  }
  return steps;
}

/** How all layers can go from the current placement towards a target. */
export interface MovePaths {
  readonly current: Placement;
  readonly layers: readonly LayerPath[];
  /** Moves that lost experts and empty slots take alone, in all layers together. */
  readonly needed: number;
  /** `[slots]` of the machine: a point as it is. */
  readonly toSlots: (point: MigrationPoint) => Int32Array;
  /** `[slots]` of the machine: a point of a layer, its GPUs named so that the fewest replicas travel. */
  readonly toRow: (layer: number, point: MigrationPoint) => Int32Array;
  readonly machine: Machine;
}

/** How one layer can go. */
interface LayerPath {
  /** Where it is now, with lost experts placed. */
  readonly start: MigrationPoint;
  /** All of the target. */
  readonly whole: MigrationPoint;
  /** These two, and what lies between them; `start` first. */
  readonly points: readonly MigrationPoint[];
}

/**
 * The points by which each layer can go from `current` towards `target`, whose GPUs are renamed so that as few replicas as
 * possible travel (`relabelLayer`): the target itself, steps from where the layer is now (`traceMigration`), and the
 * target's numbers of replicas with exchanges (`traceRecount`). Throws as `migratePlacement`.
 */
export function traceMoves(
  loads: ExpertLoads,
  machine: Machine,
  current: Placement,
  target: Placement,
  options: MigrationOptions,
): MovePaths {
  requireSameSizes(current, target, machine);
  const { slots } = target;
  const rowOf = ({ physicalToLogical }: Placement, layer: number): Int32Array =>
    physicalToLogical.subarray(layer * slots, (layer + 1) * slots);
  const keepsNodes = options.keepsNodes || options.traffic !== undefined;
  const opened = createWindowedLayers(loads, machine, options);
  const ends = Array.from({ length: target.layers }, (_, layer) => {
    const now = opened.toSite(rowOf(current, layer));
    const renamed = relabelLayer(rowOf(current, layer), rowOf(target, layer), machine, keepsNodes);
    const { state, constraints } = opened.open(layer, fillLost(now, target.experts, opened.gpuOfSlot));
    const before = holdings(state, now);
    const start = pointOf(state, before);
    return { state, constraints, before, start, whole: measurePoint(state, opened.toSite(renamed), before) };
  });
  const needed = countPointMoves(ends.map(({ start }) => start));
  requireMoves(needed, options.mostMoves);
  const price = priceOf(options.cost, sumObjectives(ends.map(({ start }) => start)));
  const layers = ends.map(({ state, constraints, before, start, whole }, layer): LayerPath => {
    options.onLayer?.(layer, target.layers);
    if (isWholeOnly(options)) return { start, whole, points: [start, whole] };
    setWindowedPlacement(state, start.expertOf);
    const traced = traceMigration(state, constraints, before, slots, price);
    const recounted = traceRecount(
      state,
      constraints,
      before,
      { start: start.expertOf, target: whole.expertOf },
      slots,
    );
    return { start, whole, points: [start, ...traced.slice(1), ...recounted, whole] };
  });
  const toSlots = ({ expertOf }: MigrationPoint): Int32Array => opened.toMachine(expertOf);
  const toRow = (layer: number, point: MigrationPoint): Int32Array =>
    relabelLayer(rowOf(current, layer), toSlots(point), machine, keepsNodes);
  return { current, layers, needed, toSlots, toRow, machine };
}

/** `[layers]`: the points of each. */
export function listPoints({ layers }: MovePaths): readonly (readonly MigrationPoint[])[] {
  return layers.map(({ points }) => points);
}

/** The placement with a point of each layer, and what going there takes and gives. */
export function takePoints(
  { current, layers, machine, needed, toRow }: MovePaths,
  chosen: readonly MigrationPoint[],
): Migration {
  const { slots } = current;
  const physicalToLogical = new Int32Array(current.physicalToLogical.length);
  let moves = 0;
  for (const [layer, point] of chosen.entries()) {
    const row = toRow(layer, point);
    physicalToLogical.set(row, layer * slots);
    moves += countMoves(current.physicalToLogical.subarray(layer * slots, (layer + 1) * slots), row, machine);
  }
  const now = sumObjectives(layers.map(({ start }) => start));
  const gainOf = (points: readonly MigrationPoint[]): number => (now === 0 ? 0 : 1 - sumObjectives(points) / now);
  const whole = layers.map((path) => path.whole);
  return {
    placement: { ...current, physicalToLogical },
    moves,
    needed,
    gain: gainOf(chosen),
    whole: { moves: countPointMoves(whole), gain: gainOf(whole) },
  };
}

function sumObjectives(points: readonly MigrationPoint[]): number {
  return points.reduce((total, { objective }) => total + objective, 0);
}

function countPointMoves(points: readonly MigrationPoint[]): number {
  return points.reduce((total, { moves }) => total + moves, 0);
}

function requireSameSizes(current: Placement, target: Placement, { slots }: Machine): void {
  const sizesOf = (placement: Placement): string =>
    `${placement.layers} layers of ${placement.experts} experts in ${placement.slots} slots`;
  if (sizesOf(current) === sizesOf(target) && target.slots === slots) return;
  throw new InputError({
    what: `the placement now has ${sizesOf(current)}, the other ${sizesOf(target)}, the machine ${slots} slots`,
    mend: 'give placements of the same model on the same machine',
  });
}

function requireMoves(needed: number, mostMoves: number | undefined): void {
  if (mostMoves === undefined || needed <= mostMoves) return;
  throw new WorkError({
    what: `${needed} replicas must move at least, as experts have lost all theirs or slots are empty, and ${mostMoves} may`,
    mend: `allow ${needed} moves or more`,
  });
}

/** The placement now with every expert placed (`fillLost`), before anything else moves. */
export function placeLost(current: Placement, machine: Machine): Placement {
  const { layers, experts, slots } = current;
  const none: ExpertLoads = { windows: 1, layers, experts, counts: new Float64Array(layers * experts) };
  const opened = createWindowedLayers(none, machine, { objective: 'sum', keepsNodes: false });
  const physicalToLogical = new Int32Array(layers * slots);
  for (let layer = 0; layer < layers; layer++) {
    const now = opened.toSite(current.physicalToLogical.subarray(layer * slots, (layer + 1) * slots));
    physicalToLogical.set(opened.toMachine(fillLost(now, experts, opened.gpuOfSlot)), layer * slots);
  }
  return { ...current, physicalToLogical };
}

/** The current row with every expert placed: lost experts in empty slots, else in place of the expert with most replicas; other empty slots get experts with few that their GPU does not hold. */
function fillLost(now: Int32Array, experts: number, gpuOfSlot: Int32Array): Int32Array {
  const row = now.slice();
  const holds = (gpu: number, expert: number): boolean =>
    row.some((other, slot) => other === expert && gpuOfSlot[slot] === gpu);
  const count = new Int32Array(experts);
  for (const expert of row) if (expert >= 0) count[expert]! += 1;
  const lost = [...count.keys()].filter((expert) => count[expert] === 0);
  for (const [slot, held] of row.entries()) {
    if (held >= 0) continue;
    const byCount = [...count.keys()].sort((a, b) => count[a]! - count[b]!);
    const expert = lost.shift() ?? byCount.find((other) => !holds(gpuOfSlot[slot]!, other)) ?? byCount[0]!;
    row[slot] = expert;
    count[expert]! += 1;
  }
  for (const expert of lost) {
    const most = count.indexOf(Math.max(...count));
    row[row.indexOf(most)] = expert;
    count[most]! -= 1;
    count[expert]! += 1;
  }
  return row;
}

/** `[experts, gpus]`: how many replicas of each expert the GPUs hold under `row`, where -1 is an empty slot. */
function holdings({ problem, gpuOfSlot }: WindowedState, row: Int32Array): Uint16Array {
  const held = new Uint16Array(problem.experts * problem.gpus);
  for (const [slot, expert] of row.entries()) if (expert >= 0) held[expert * problem.gpus + gpuOfSlot[slot]!]! += 1;
  return held;
}

function measurePoint(state: WindowedState, expertOf: Int32Array, before: Uint16Array): MigrationPoint {
  setWindowedPlacement(state, expertOf);
  return pointOf(state, before);
}

function pointOf(state: WindowedState, before: Uint16Array): MigrationPoint {
  return {
    moves: countTransfers(state.held, before),
    objective: objectiveOf(state),
    expertOf: state.expertOf.slice(),
  };
}
