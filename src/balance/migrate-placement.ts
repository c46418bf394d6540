import { createRandom, InputError, WorkError } from '../base/index.js';
import { countTransfers } from './anneal.js';
import type { ExpertLoads } from './loads.js';
import type { Machine } from './machine.js';
import {
  choosePoints,
  type MigrationPoint,
  type MoveCost,
  priceOf,
  refinePoint,
  traceMigration,
  traceRecount,
} from './migrate.js';
import type { Placement } from './placement.js';
import { countMoves, relabelLayer } from './relabel.js';
import { type SearchBudget, startLimits } from './search-budget.js';
import { createWindowedLayers, type WindowedSearch } from './windowed-layers.js';
import { objectiveOf, setWindowedPlacement, type WindowedState } from './windowed-state.js';

export interface MigrationOptions extends SearchBudget, WindowedSearch {
  /** Replicas that may travel, in all layers together; default as many as it takes. */
  readonly mostMoves?: number | undefined;
  /** With it, only what pays for its moves is moved. */
  readonly cost?: MoveCost | undefined;
  readonly seed?: number | undefined;
}

/** A placement that is reached from the current one, and what that takes and gives. */
export interface Migration {
  readonly placement: Placement;
  /** Replicas that travel to a GPU that does not hold them; the least for this placement. */
  readonly moves: number;
  /** By how much the sum over layers of the largest GPU load falls, as a share of what it is now. */
  readonly gain: number;
  /** What the target would take and give, moved whole. */
  readonly whole: { readonly moves: number; readonly gain: number };
}

/**
 * Goes from `current` towards `target`: the target's GPUs are renamed so that as few replicas as possible travel (`relabelLayer`); with a limit of moves or a cost
 * of them, each layer is searched from where it is now for what can be reached with few, and the moves are given to the layers where they gain most (`choosePoints`).
 *
 * An expert that has lost all its replicas, because its GPU is excluded now, is moved first. Without limit, cost, nodes or traffic a layer that the target does not make
 * better stays. Throws `WorkError` where lost experts alone take more than `mostMoves`, and `InputError` for placements of different sizes.
 */
export function migratePlacement(
  loads: ExpertLoads,
  machine: Machine,
  current: Placement,
  target: Placement,
  options: MigrationOptions,
): Migration {
  requireSameSizes(current, target, machine);
  const { layers, slots } = target;
  const rowOf = ({ physicalToLogical }: Placement, layer: number): Int32Array =>
    physicalToLogical.subarray(layer * slots, (layer + 1) * slots);
  const keepsNodes = options.keepsNodes || options.traffic !== undefined;
  const opened = createWindowedLayers(loads, machine, options);
  const isFree = options.mostMoves === undefined && options.cost === undefined;
  const starts = Array.from({ length: layers }, (_, layer) => {
    const now = opened.toSite(rowOf(current, layer));
    const whole = opened.toSite(relabelLayer(rowOf(current, layer), rowOf(target, layer), machine, keepsNodes));
    const start = fillLost(now, target.experts, opened.gpuOfSlot);
    const { state, constraints } = opened.open(layer, start);
    const before = holdings(state, now);
    const first = pointOf(state, before);
    const last = measurePoint(state, whole, before);
    return { state, constraints, before, start, whole, first, last };
  });
  const price = priceOf(
    options.cost,
    starts.reduce((sum, { first }) => sum + first.objective, 0),
  );
  const paths = starts.map((path) => {
    const { state, constraints, before, start, whole, first, last } = path;
    if (isFree) return { ...path, points: [first, last] };
    setWindowedPlacement(state, start);
    const mostMoves = options.mostMoves ?? slots;
    const traced = traceMigration(state, constraints, before, mostMoves, price);
    const recounted = traceRecount(state, constraints, before, { start, target: whole }, mostMoves);
    return { ...path, points: [first, ...traced.slice(1), ...recounted, last] };
  });
  requireMoves(paths, options.mostMoves);
  const chosen = isFree
    ? paths.map(({ first, last }) => (keepsNodes || last.objective < first.objective ? last : first))
    : choosePoints(
        paths.map(({ points }) => points),
        options.mostMoves ?? Number.POSITIVE_INFINITY,
        options.cost,
      ).map((point, layer) => {
        const { state, constraints, before, first, last } = paths[layer]!;
        if (point === first || point === last) return point;
        const random = createRandom(options.seed ?? 0, 'migrate', layer);
        return refinePoint(state, point, before, { constraints, limits: startLimits(options), random });
      });
  return summarize(
    paths,
    chosen,
    { current, target },
    (layer, expertOf) => relabelLayer(rowOf(current, layer), opened.toMachine(expertOf), machine, keepsNodes),
    machine,
  );
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

interface Path {
  readonly first: MigrationPoint;
  readonly last: MigrationPoint;
}

function summarize(
  paths: readonly Path[],
  chosen: readonly MigrationPoint[],
  { current, target }: { readonly current: Placement; readonly target: Placement },
  toRow: (layer: number, expertOf: Int32Array) => Int32Array,
  machine: Machine,
): Migration {
  const { slots } = target;
  const physicalToLogical = new Int32Array(target.physicalToLogical.length);
  let moves = 0;
  for (const [layer, { expertOf }] of chosen.entries()) {
    const row = toRow(layer, expertOf);
    physicalToLogical.set(row, layer * slots);
    moves += countMoves(current.physicalToLogical.subarray(layer * slots, (layer + 1) * slots), row, machine);
  }
  const sum = (points: readonly MigrationPoint[]): number =>
    points.reduce((total, { objective }) => total + objective, 0);
  const now = sum(paths.map(({ first }) => first));
  const gainOf = (points: readonly MigrationPoint[]): number => (now === 0 ? 0 : 1 - sum(points) / now);
  const last = paths.map((path) => path.last);
  return {
    placement: { ...target, physicalToLogical },
    moves,
    gain: gainOf(chosen),
    whole: { moves: last.reduce((total, point) => total + point.moves, 0), gain: gainOf(last) },
  };
}

function requireMoves(paths: readonly Path[], mostMoves: number | undefined): void {
  const needed = paths.reduce((sum, { first }) => sum + first.moves, 0);
  if (mostMoves === undefined || needed <= mostMoves) return;
  throw new WorkError({
    what: `${needed} replicas must move at least, as experts have lost all theirs or slots are empty, and ${mostMoves} may`,
    mend: `allow ${needed} moves or more`,
  });
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
