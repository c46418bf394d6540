import type { Random } from '../base/index.js';
import type { SearchLimits } from './refine.js';
import type { AffinityState } from './traffic.js';
import {
  objectiveAfterSwap,
  objectiveOf,
  replaceReplica,
  setWindowedPlacement,
  smoothObjectiveAfterSwap,
  smoothObjectiveOf,
  swapWindowedSlots,
  type WindowedState,
} from './windowed-state.js';

/** What else a placement must be, beside even. */
export interface Constraints {
  /** `[gpus]`: experts stay on the GPUs with the same number; left out, they go everywhere. */
  readonly zoneOf?: Int32Array;
  /** Keeps experts that tokens use together on one node. */
  readonly affinity?: AffinityState;
}

/** Proposals for one step of the limits, so that a step costs about as much as one of `descend`. */
const PROPOSALS_PER_STEP = 64;
const STEPS_PER_ROUND = 250;

/**
 * Lowers the objective of the state's placement by simulated annealing (Kirkpatrick, Gelatt and Vecchi, "Optimization by Simulated Annealing", Science 1983):
 * random exchanges of two slots and, where experts have several replicas, replicas that go from one expert to another. Runs rounds until the limits end it, each from the best
 * placement known, which is left in the state. Never makes a placement with more duplicates. With several windows, the smooth objective is lowered.
 */
export function anneal(state: WindowedState, constraints: Constraints, limits: SearchLimits, random: Random): void {
  const best = state.expertOf.slice();
  let bestCost = costOf(state, constraints);
  if (bestCost === 0) return;
  while (limits.iterations > 0 && !limits.isOver()) {
    const steps = Math.min(STEPS_PER_ROUND, limits.iterations);
    limits.iterations -= steps;
    bestCost = annealRound(state, constraints, { steps, limits, random, best, bestCost });
    setWindowedPlacement(state, best);
    constraints.affinity?.set(best);
  }
}

function costOf(state: WindowedState, { affinity }: Constraints): number {
  return (state.windows > 1 ? smoothObjectiveOf(state) : objectiveOf(state)) + (affinity?.cost() ?? 0);
}

interface Round {
  readonly steps: number;
  readonly limits: SearchLimits;
  readonly random: Random;
  readonly best: Int32Array;
  readonly bestCost: number;
}

function annealRound(state: WindowedState, constraints: Constraints, round: Round): number {
  const { steps, limits, random, best } = round;
  const { slots, experts } = state.problem;
  const proposals = steps * PROPOSALS_PER_STEP;
  let { bestCost } = round;
  let cost = costOf(state, constraints);
  let temperature = 0;
  const accepts = (after: number): boolean =>
    after <= cost || random.uniform() < Math.exp((cost - after) / temperature);
  for (let proposal = 0; proposal < proposals; proposal++) {
    if (proposal % 1024 === 1023 && limits.isOver()) break;
    temperature = bestCost * HOTTEST * (1 - proposal / proposals) ** 3;
    const isReplacing = slots > experts && random.uniform() < REPLACING;
    const after = isReplacing
      ? proposeReplacement(state, constraints, random, accepts)
      : proposeSwap(state, constraints, random, accepts);
    if (after === undefined) continue;
    cost = after;
    if (cost < bestCost * (1 - 1e-12)) {
      bestCost = cost;
      best.set(state.expertOf);
    }
  }
  return bestCost;
}

/** Temperature at the start of a round, of the cost. */
const HOTTEST = 0.01;
/** Share of the proposals that give a replica to another expert. */
const REPLACING = 0.2;

type Accepts = (after: number) => boolean;

/** Makes the exchange and gives the cost after it, if it is allowed and accepted. */
function proposeSwap(
  state: WindowedState,
  constraints: Constraints,
  random: Random,
  accepts: Accepts,
): number | undefined {
  const { problem, gpuOfSlot, expertOf, held } = state;
  const { gpus, slots } = problem;
  const { zoneOf, affinity } = constraints;
  const slotA = Math.floor(random.uniform() * slots);
  const slotB = Math.floor(random.uniform() * slots);
  const gpuA = gpuOfSlot[slotA]!;
  const gpuB = gpuOfSlot[slotB]!;
  const expertA = expertOf[slotA]!;
  const expertB = expertOf[slotB]!;
  if (gpuA === gpuB || expertA === expertB) return undefined;
  if (held[expertA * gpus + gpuB] !== 0 || held[expertB * gpus + gpuA] !== 0) return undefined;
  if (zoneOf !== undefined && zoneOf[gpuA] !== zoneOf[gpuB]) return undefined;
  const objective =
    state.windows > 1
      ? smoothObjectiveAfterSwap(state, gpuA, gpuB, expertA, expertB)
      : objectiveAfterSwap(state, gpuA, gpuB, expertA, expertB);
  affinity?.swap(slotA, slotB, expertA, expertB);
  const after = objective + (affinity?.cost() ?? 0);
  if (accepts(after)) {
    swapWindowedSlots(state, slotA, slotB);
    // Computed anew: what was predicted has lost digits where a GPU's time fell far.
    return costOf(state, constraints);
  }
  affinity?.swap(slotA, slotB, expertB, expertA);
  return undefined;
}

function proposeReplacement(
  state: WindowedState,
  constraints: Constraints,
  random: Random,
  accepts: Accepts,
): number | undefined {
  const { problem, gpuOfSlot, expertOf, count, held } = state;
  const { gpus, slots } = problem;
  const { zoneOf, affinity } = constraints;
  const slot = Math.floor(random.uniform() * slots);
  const gpu = gpuOfSlot[slot]!;
  const before = expertOf[slot]!;
  // Any expert, each as often as it has replicas: those that are hot now.
  const expert = expertOf[Math.floor(random.uniform() * slots)]!;
  if (expert === before || count[before]! < 2 || held[expert * gpus + gpu] !== 0) return undefined;
  if (zoneOf !== undefined && !isInZone(state, zoneOf, expert, gpu)) return undefined;
  replaceReplica(state, slot, expert);
  affinity?.replace(slot, before, expert);
  const after = costOf(state, constraints);
  if (accepts(after)) return after;
  replaceReplica(state, slot, before);
  affinity?.replace(slot, expert, before);
  return undefined;
}

/** Whether all replicas of the expert lie in the GPU's zone, so that it belongs there. */
export function isInZone({ problem, held }: WindowedState, zoneOf: Int32Array, expert: number, gpu: number): boolean {
  for (let other = 0; other < problem.gpus; other++) {
    if (held[expert * problem.gpus + other] !== 0 && zoneOf[other] !== zoneOf[gpu]) return false;
  }
  return true;
}

/** How many replicas GPUs hold that they do not hold in `before`; both `[experts, gpus]`. */
export function countTransfers(held: Uint16Array, before: Uint16Array): number {
  let transfers = 0;
  for (let i = 0; i < held.length; i++) transfers += Math.max(0, held[i]! - before[i]!);
  return transfers;
}
