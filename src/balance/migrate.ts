import { type Constraints, countTransfers, isInZone } from './anneal.js';
import { createLayerState, type LayerState, largestTime, refreshGpus, setPlacement } from './layer-state.js';
import { descend } from './refine.js';
import {
  objectiveAfterReplacement,
  objectiveAfterSwap,
  objectiveOf,
  replaceReplica,
  swapWindowedSlots,
  type WindowedState,
} from './windowed-state.js';

/** A placement of one layer on the way from the current one. */
export interface MigrationPoint {
  /** Replicas that travel. */
  readonly moves: number;
  /** The objective, as of `objectiveOf`. */
  readonly objective: number;
  /** `[slots]`. */
  readonly expertOf: Int32Array;
}

/**
 * Placements that lead from the state's to better ones, by descending objective, the state's first: each step is the exchange or the change of a replica that
 * gains most for a transfer. `before` is what GPUs hold now, `[experts, gpus]`. Ends at `mostMoves` transfers, or where no step lowers the objective by more than `price` for each. Leaves the
 * state at the last.
 */
export function traceMigration(
  state: WindowedState,
  constraints: Constraints,
  before: Uint16Array,
  mostMoves: number,
  price = 0,
): MigrationPoint[] {
  const transfers = (): number => countTransfers(state.held, before);
  const point = (): MigrationPoint => ({
    moves: transfers(),
    objective: objectiveOf(state),
    expertOf: state.expertOf.slice(),
  });
  const points = [point()];
  while (points.length <= MOST_POINTS) {
    const last = points.at(-1)!;
    const step = findStep(state, constraints, mostMoves - last.moves, last.objective);
    if (step === undefined || step.gain <= price) break;
    makeStep(state, step);
    points.push(point());
  }
  return points;
}

/**
 * A second way from `start` to better placements, for one window and without zones: gives each expert as many replicas as `target` gives it, in slots of experts that have too many,
 * and then exchanges slots of the most loaded GPU (`descend`). Gives the points after each exchange, within `mostMoves` transfers from what GPUs hold in `before`.
 */
export function traceRecount(
  state: WindowedState,
  { zoneOf }: Constraints,
  before: Uint16Array,
  ends: { readonly start: Int32Array; readonly target: Int32Array },
  mostMoves: number,
): MigrationPoint[] {
  if (state.windows > 1 || zoneOf !== undefined) return [];
  const layer = createLayerState({ ...state.problem, load: state.load });
  setPlacement(layer, ends.start);
  giveReplicas(layer, ends.target);
  const points: MigrationPoint[] = [];
  for (let step = 0; step < MOST_POINTS; step++) {
    const moves = countTransfers(layer.held, before);
    const objective = largestTime(layer);
    if (moves > mostMoves || objective >= (points.at(-1)?.objective ?? Number.POSITIVE_INFINITY)) break;
    points.push({ moves, objective, expertOf: layer.expertOf.slice() });
    descend(layer, 0, { iterations: 1, isOver: () => false });
  }
  return points;
}

/** Gives experts the numbers of replicas that they have in `target`: each new one goes where it makes the least loaded GPU, of the slots of experts that have too many. */
function giveReplicas(layer: LayerState, target: Int32Array): void {
  const { problem, gpuOfSlot, expertOf, count, share, time, held } = layer;
  const { experts, gpus, slots, slowness, load } = problem;
  const missing = new Int32Array(experts);
  for (const expert of target) missing[expert]! += 1;
  for (let expert = 0; expert < experts; expert++) {
    share[expert] = load[expert]! / missing[expert]!;
    missing[expert]! -= count[expert]!;
  }
  refreshGpus(layer);
  const order = [...missing.keys()].filter((expert) => missing[expert]! > 0).sort((a, b) => share[b]! - share[a]!);
  for (const expert of order) {
    for (; missing[expert]! > 0; missing[expert]! -= 1) {
      let best = -1;
      let bestTime = Number.POSITIVE_INFINITY;
      for (let slot = 0; slot < slots; slot++) {
        const gpu = gpuOfSlot[slot]!;
        const other = expertOf[slot]!;
        if (missing[other]! >= 0 || held[expert * gpus + gpu] !== 0) continue;
        const after = time[gpu]! + (share[expert]! - share[other]!) * slowness[gpu]!;
        if (after >= bestTime) continue;
        best = slot;
        bestTime = after;
      }
      // No GPU without the expert has a slot to give: it stays with fewer.
      if (best < 0) break;
      missing[expertOf[best]!]! += 1;
      expertOf[best] = expert;
      refreshGpus(layer);
    }
  }
  setPlacement(layer, expertOf.slice());
}

const MOST_POINTS = 200;

type Step =
  | { readonly kind: 'swap'; readonly slot: number; readonly other: number; readonly gain: number }
  | { readonly kind: 'replace'; readonly slot: number; readonly expert: number; readonly gain: number };

function makeStep(state: WindowedState, step: Step): void {
  switch (step.kind) {
    case 'swap':
      swapWindowedSlots(state, step.slot, step.other);
      return;
    case 'replace':
      replaceReplica(state, step.slot, step.expert);
      return;
    default:
      step satisfies never;
  }
}

/** The step that gains most for each of its transfers, among those that relieve a GPU which is the most loaded of some window. */
function findStep(
  state: WindowedState,
  constraints: Constraints,
  movesLeft: number,
  objective: number,
): Step | undefined {
  if (movesLeft < 1) return undefined;
  let best: Step | undefined;
  const choice: Choice = {
    leastGain: () => best?.gain ?? objective * MIN_GAIN,
    consider(step) {
      if (step.gain > choice.leastGain()) best = step;
    },
  };
  for (const [rank, gpu] of listHotGpus(state).entries()) {
    // The first few have most to give; the others are asked only where these cannot be relieved.
    if (rank >= HOTTEST_GPUS && best !== undefined) break;
    if (movesLeft >= 2) considerSwaps(state, constraints, gpu, objective, choice);
    considerReplacements(state, constraints, gpu, objective, choice);
  }
  return best;
}

const HOTTEST_GPUS = 2;

/** The most loaded GPU of each window, those first that are farthest above their window's mean. */
function listHotGpus({ windows, top, time, even }: WindowedState): number[] {
  const excess = new Map<number, number>();
  for (let window = 0; window < windows; window++) {
    const gpu = top[3 * window];
    const above = time[gpu * windows + window] / even[window];
    excess.set(gpu, Math.max(above, excess.get(gpu) ?? 0));
  }
  return [...excess].sort((a, b) => b[1] - a[1]).map(([gpu]) => gpu);
}

const MIN_GAIN = 1e-9;

interface Choice {
  consider(step: Step): void;
  /** A step must gain more for each transfer. */
  leastGain(): number;
}

function considerSwaps(
  state: WindowedState,
  { zoneOf }: Constraints,
  hot: number,
  objective: number,
  { consider }: Choice,
): void {
  const { problem, gpuOfSlot, expertOf, held } = state;
  const { gpus, slots, slotStarts } = problem;
  for (let slot = slotStarts[hot]!; slot < slotStarts[hot + 1]!; slot++) {
    const expert = expertOf[slot]!;
    for (let other = 0; other < slots; other++) {
      const gpu = gpuOfSlot[other]!;
      const otherExpert = expertOf[other]!;
      if (held[expert * gpus + gpu] !== 0 || held[otherExpert * gpus + hot] !== 0) continue;
      if (zoneOf !== undefined && zoneOf[gpu] !== zoneOf[hot]) continue;
      const gain = objective - objectiveAfterSwap(state, hot, gpu, expert, otherExpert);
      consider({ kind: 'swap', slot, other, gain: gain / 2 });
    }
  }
}

/** Gives the hot GPU's experts another replica elsewhere, and its slots with replicas to spare to other experts. */
function considerReplacements(
  state: WindowedState,
  { zoneOf }: Constraints,
  hot: number,
  objective: number,
  { consider, leastGain }: Choice,
): void {
  const { problem, gpuOfSlot, expertOf, count, held } = state;
  const { gpus, slots, slotStarts, experts } = problem;
  const attempt = (slot: number, expert: number): void => {
    const before = expertOf[slot]!;
    if (count[before]! < 2 || expert === before || held[expert * gpus + gpuOfSlot[slot]!] !== 0) return;
    if (zoneOf !== undefined && !isInZone(state, zoneOf, expert, gpuOfSlot[slot]!)) return;
    const limit = objective - leastGain();
    const after = objectiveAfterReplacement(state, slot, expert, limit);
    if (after < limit) consider({ kind: 'replace', slot, expert, gain: objective - after });
  };
  const hotExperts = [...new Set(expertOf.subarray(slotStarts[hot], slotStarts[hot + 1]))];
  for (let slot = 0; slot < slots; slot++) {
    if (gpuOfSlot[slot] === hot) for (let expert = 0; expert < experts; expert++) attempt(slot, expert);
    else for (const expert of hotExperts) attempt(slot, expert);
  }
}
