import type { Random } from '../base/index.js';
import { findHottest, type LayerState, largestTime, refreshGpus, setPlacement, swapSlots } from './layer-state.js';
import { packReplicas } from './pack.js';
import { createReplicaRule, type ReplicaRule } from './replicate.js';

/** When a search ends. */
export interface SearchLimits {
  /** Steps of one layer's search at most; a step looks at all exchanges of the most loaded GPU. */
  iterations: number;
  /** Asked now and then; true ends the search. */
  readonly isOver: () => boolean;
}

/** The smallest relative gain that counts; below it is rounding. */
const MIN_GAIN = 1e-9;

/**
 * Lowers the largest time of a GPU by exchanges with the most loaded one, until it is `target` or less, no exchange helps, or the limits end it.
 * One slot for one is tried first, then two for two; each time the exchange that leaves the two GPUs least loaded. Counts its steps off `limits.iterations`.
 */
export function descend(state: LayerState, target: number, limits: SearchLimits): void {
  while (limits.iterations > 0 && !limits.isOver()) {
    const hot = findHottest(state);
    if (state.time[hot]! <= target) return;
    limits.iterations -= 1;
    if (!(exchangeOne(state, hot) || exchangeTwo(state, hot))) return;
  }
}

function exchangeOne(state: LayerState, hot: number): boolean {
  const { problem, expertOf, share, time, held } = state;
  const { gpus, slotStarts, slowness } = problem;
  const hotTime = time[hot]!;
  const hotSlowness = slowness[hot]!;
  let best = hotTime * (1 - MIN_GAIN);
  let from = -1;
  let to = -1;
  for (let gpu = 0; gpu < gpus; gpu++) {
    const gpuTime = time[gpu]!;
    if (gpuTime >= best) continue;
    const gpuSlowness = slowness[gpu]!;
    // No exchange brings both below the time that they have when they share their load.
    if ((hotTime * gpuSlowness + gpuTime * hotSlowness) / (hotSlowness + gpuSlowness) >= best) continue;
    for (let slot = slotStarts[hot]!; slot < slotStarts[hot + 1]!; slot++) {
      const expert = expertOf[slot]!;
      if (held[expert * gpus + gpu] !== 0) continue;
      const expertShare = share[expert]!;
      for (let other = slotStarts[gpu]!; other < slotStarts[gpu + 1]!; other++) {
        const difference = expertShare - share[expertOf[other]!]!;
        if (difference <= 0) continue;
        const hotAfter = hotTime - difference * hotSlowness;
        const gpuAfter = gpuTime + difference * gpuSlowness;
        const largest = Math.max(hotAfter, gpuAfter);
        if (largest < best && held[expertOf[other]! * gpus + hot] === 0) {
          best = largest;
          from = slot;
          to = other;
        }
      }
    }
  }
  if (from < 0) return false;
  swapSlots(state, from, to);
  return true;
}

function exchangeTwo(state: LayerState, hot: number): boolean {
  const { problem, time } = state;
  const { gpus, slowness } = problem;
  const hotTime = time[hot]!;
  const hotSlowness = slowness[hot]!;
  const found: Exchange = { largest: hotTime * (1 - MIN_GAIN), slots: [-1, -1, -1, -1] };
  for (let gpu = 0; gpu < gpus; gpu++) {
    if (gpu === hot) continue;
    const even = (hotTime * slowness[gpu]! + time[gpu]! * hotSlowness) / (hotSlowness + slowness[gpu]!);
    if (even < found.largest) searchTwo(state, hot, gpu, found);
  }
  const [from, to, fromToo, toToo] = found.slots;
  if (from < 0) return false;
  swapSlots(state, from, to);
  swapSlots(state, fromToo, toToo);
  return true;
}

/** The best exchange so far: `slots` 0 with 1 and 2 with 3. */
interface Exchange {
  largest: number;
  readonly slots: [number, number, number, number];
}

function searchTwo(state: LayerState, hot: number, gpu: number, found: Exchange): void {
  const { problem, expertOf, share, time, held } = state;
  const { gpus, slotStarts, slowness } = problem;
  const otherStart = slotStarts[gpu]!;
  const otherEnd = slotStarts[gpu + 1]!;
  const hotEnd = slotStarts[hot + 1]!;
  for (let slot = slotStarts[hot]!; slot < hotEnd; slot++) {
    const expert = expertOf[slot]!;
    if (held[expert * gpus + gpu] !== 0) continue;
    for (let slotToo = slot + 1; slotToo < hotEnd; slotToo++) {
      const expertToo = expertOf[slotToo]!;
      if (held[expertToo * gpus + gpu] !== 0 || expertToo === expert) continue;
      const sum = share[expert]! + share[expertToo]!;
      for (let other = otherStart; other < otherEnd; other++) {
        const otherExpert = expertOf[other]!;
        if (held[otherExpert * gpus + hot] !== 0) continue;
        for (let otherToo = other + 1; otherToo < otherEnd; otherToo++) {
          const otherExpertToo = expertOf[otherToo]!;
          const difference = sum - share[otherExpert]! - share[otherExpertToo]!;
          if (difference <= 0) continue;
          const largest = Math.max(time[hot]! - difference * slowness[hot]!, time[gpu]! + difference * slowness[gpu]!);
          if (largest >= found.largest || otherExpertToo === otherExpert) continue;
          if (held[otherExpertToo * gpus + hot] !== 0) continue;
          found.largest = largest;
          found.slots[0] = slot;
          found.slots[1] = other;
          found.slots[2] = slotToo;
          found.slots[3] = otherToo;
        }
      }
    }
  }
}

/**
 * Searches on from the state's placement, for as long as the limits allow and the largest time is above `target`: kicks the best placement known (a replica
 * goes from one expert to another and all is packed anew, or a few slots change places), descends, and keeps what is not worse. Leaves the best placement in the state.
 */
export function searchAround(state: LayerState, target: number, limits: SearchLimits, random: Random): void {
  let best = largestTime(state);
  const bestExpertOf = state.expertOf.slice();
  const isAllowed = createReplicaRule(state.problem);
  while (best > target && limits.iterations > 0 && !limits.isOver()) {
    const hasKicked = random.uniform() < 0.5 ? moveReplica(state, isAllowed, random) : shuffleSlots(state, random);
    limits.iterations -= 1;
    if (!hasKicked) continue;
    descend(state, target, limits);
    const reached = largestTime(state);
    if (reached <= best) {
      best = reached;
      bestExpertOf.set(state.expertOf);
    } else {
      setPlacement(state, bestExpertOf);
    }
  }
  setPlacement(state, bestExpertOf);
}

/** Takes a replica from one expert, gives it to another, preferably a hot GPU's largest, and packs all anew. */
function moveReplica(state: LayerState, isAllowed: ReplicaRule, random: Random): boolean {
  const { problem, count, share, expertOf } = state;
  const { experts, slotStarts, load } = problem;
  const hot = findHottest(state);
  let taker = random.integer(experts);
  if (random.uniform() < 0.7) {
    for (let slot = slotStarts[hot]!; slot < slotStarts[hot + 1]!; slot++) {
      const expert = expertOf[slot]!;
      if (slot === slotStarts[hot] || share[expert]! > share[taker]!) taker = expert;
    }
  }
  const giver = expertOf[random.integer(problem.slots)]!;
  if (giver === taker || count[giver]! < 2) return false;
  count[giver]! -= 1;
  count[taker]! += 1;
  if (!isAllowed(count, taker)) {
    count[giver]! += 1;
    count[taker]! -= 1;
    return false;
  }
  share[giver] = load[giver]! / count[giver]!;
  share[taker] = load[taker]! / count[taker]!;
  packReplicas(state);
  refreshGpus(state);
  return true;
}

/** Exchanges two to four random pairs of slots. */
function shuffleSlots(state: LayerState, random: Random): boolean {
  const { problem, expertOf, gpuOfSlot, held } = state;
  const { gpus, slots } = problem;
  let hasSwapped = false;
  for (let pairs = 2 + random.integer(3); pairs > 0; pairs--) {
    const slot = random.integer(slots);
    const other = random.integer(slots);
    const isFree =
      held[expertOf[slot]! * gpus + gpuOfSlot[other]!] === 0 && held[expertOf[other]! * gpus + gpuOfSlot[slot]!] === 0;
    if (!isFree) continue;
    swapSlots(state, slot, other);
    hasSwapped = true;
  }
  return hasSwapped;
}
