import { countDuplicates, type LayerState, refreshGpus, swapSlots } from './layer-state.js';
import { sortDescending } from './libstdcxx-sort.js';

/**
 * Packs the replicas that `count` and `share` of the state say: the largest first, each to the GPU that it makes finish first among those with room that do not
 * hold the expert yet (longest processing time first; Graham, "Bounds on Multiprocessing Timing Anomalies", 1969). A replica that finds only GPUs with its
 * expert changes places with another where that helps.
 */
export function packReplicas(state: LayerState): void {
  const { problem, expertOf, count, share, time, held } = state;
  const { experts, gpus, slotStarts, slowness } = problem;
  const order = Int32Array.from(count.keys());
  sortDescending(order, Float32Array.from(share), experts);
  const next = slotStarts.slice(0, gpus);
  const stranded: number[] = [];
  time.fill(0);
  held.fill(0);
  const put = (expert: number, gpu: number): void => {
    expertOf[next[gpu]!] = expert;
    next[gpu]! += 1;
    time[gpu]! += share[expert]! * slowness[gpu]!;
    held[expert * gpus + gpu]! += 1;
  };
  for (const expert of order) {
    for (let replica = 0; replica < count[expert]!; replica++) {
      let best = -1;
      let bestTime = Number.POSITIVE_INFINITY;
      for (let gpu = 0; gpu < gpus; gpu++) {
        if (next[gpu] === slotStarts[gpu + 1] || held[expert * gpus + gpu] !== 0) continue;
        const finish = time[gpu]! + share[expert]! * slowness[gpu]!;
        if (finish < bestTime) {
          best = gpu;
          bestTime = finish;
        }
      }
      if (best >= 0) put(expert, best);
      else stranded.push(expert);
    }
  }
  if (stranded.length === 0) return;
  for (const expert of stranded)
    put(
      expert,
      next.findIndex((slot, gpu) => slot < slotStarts[gpu + 1]!),
    );
  separateDuplicates(state);
}

/**
 * Exchanges slots until no GPU holds an expert twice, each time with the exchange that leaves the two GPUs least loaded; where no exchange helps, packs by room
 * alone, which finds a placement without duplicates if there is one, and keeps that if it has fewer. Says whether none is left.
 */
export function separateDuplicates(state: LayerState): boolean {
  if (exchangeDuplicates(state)) return true;
  const exchanged = state.expertOf.slice();
  const duplicates = countDuplicates(state);
  packByRoom(state);
  if (exchangeDuplicates(state)) return true;
  if (countDuplicates(state) >= duplicates) {
    state.expertOf.set(exchanged);
    refreshGpus(state);
  }
  return false;
}

function exchangeDuplicates(state: LayerState): boolean {
  const { problem, expertOf, gpuOfSlot, held } = state;
  let isClean = true;
  for (let slot = 0; slot < problem.slots; slot++) {
    const isDuplicate = held[expertOf[slot]! * problem.gpus + gpuOfSlot[slot]!]! > 1;
    if (!isDuplicate) continue;
    const other = findExchange(state, slot);
    if (other >= 0) swapSlots(state, slot, other);
    else isClean = false;
  }
  return isClean;
}

function findExchange(state: LayerState, slot: number): number {
  const { problem, expertOf, gpuOfSlot, share, time, held } = state;
  const { gpus, slowness, slots } = problem;
  const expert = expertOf[slot]!;
  const gpu = gpuOfSlot[slot]!;
  let best = -1;
  let bestTime = Number.POSITIVE_INFINITY;
  for (let other = 0; other < slots; other++) {
    const otherGpu = gpuOfSlot[other]!;
    const otherExpert = expertOf[other]!;
    if (held[expert * gpus + otherGpu] !== 0 || held[otherExpert * gpus + gpu] !== 0) continue;
    const difference = share[expert]! - share[otherExpert]!;
    const largest = Math.max(
      time[gpu]! - difference * slowness[gpu]!,
      time[otherGpu]! + difference * slowness[otherGpu]!,
    );
    if (largest < bestTime) {
      best = other;
      bestTime = largest;
    }
  }
  return best;
}

/** Each expert, the most replicated first, to the GPUs with most room (the construction in Gale and Ryser's theorem on 0-1 matrices with given sums). */
function packByRoom(state: LayerState): void {
  const { problem, expertOf, count } = state;
  const { gpus, slotStarts } = problem;
  const next = slotStarts.slice(0, gpus);
  const room = (gpu: number): number => slotStarts[gpu + 1]! - next[gpu]!;
  const experts = [...count.keys()].sort((a, b) => count[b]! - count[a]!);
  for (const expert of experts) {
    let left = count[expert]!;
    while (left > 0) {
      const open = [...next.keys()].filter((gpu) => room(gpu) > 0).sort((a, b) => room(b) - room(a));
      for (const gpu of open.slice(0, left)) {
        expertOf[next[gpu]!] = expert;
        next[gpu]! += 1;
        left -= 1;
      }
    }
  }
  refreshGpus(state);
}
