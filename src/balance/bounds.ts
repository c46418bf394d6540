import type { LayerProblem } from './layer-state.js';

/** The mean: the time that all GPUs would take if the load were spread by speed, to any fineness. */
export function boundByMean({ load, slowness }: LayerProblem): number {
  let tokens = 0;
  for (const count of load) tokens += count;
  let speed = 0;
  for (const time of slowness) speed += 1 / time;
  return tokens / speed;
}

/**
 * A largest time below which no placement of the layer can be, by the number of slots: for a time t, an expert needs enough replicas for each to
 * fit beside the lightest replicas that can fill the rest of a GPU, and all experts together must not need more slots than there are. The largest t that fails is found by
 * bisection between the mean and `above`, a time that was reached. Holds for placements with duplicates too.
 *
 * With one slot a GPU it is the least possible largest replica.
 */
export function boundBySlots(problem: LayerProblem, above: number): number {
  let low = boundByMean(problem);
  if (!(low < above) || fits(problem, low)) return low;
  let high = above;
  for (let round = 0; round < 52 && high - low > above * 1e-13; round++) {
    const middle = (low + high) / 2;
    if (fits(problem, middle)) high = middle;
    else low = middle;
  }
  return low;
}

/** Whether the counting argument leaves a time possible. */
function fits({ experts, gpus, slots, slotStarts, slowness, load }: LayerProblem, time: number): boolean {
  // The fastest GPU takes most tokens in that time; the GPU with fewest slots has fewest companions.
  let tokens = 0;
  let companions = Number.POSITIVE_INFINITY;
  for (let gpu = 0; gpu < gpus; gpu++) {
    tokens = Math.max(tokens, time / slowness[gpu]!);
    companions = Math.min(companions, slotStarts[gpu + 1]! - slotStarts[gpu]! - 1);
  }
  const need = new Int32Array(experts);
  let lightest = 0;
  for (;;) {
    let needed = 0;
    const room = tokens - lightest;
    if (room < 0) return false;
    for (let expert = 0; expert < experts; expert++) {
      const count = load[expert]! === 0 ? 1 : Math.max(1, Math.ceil((load[expert]! / room) * (1 - 1e-12)));
      needed += count;
      if (!(needed <= slots)) return false;
      need[expert] = count;
    }
    const next = sumLightest(load, need, slots - needed, companions);
    if (!(next > lightest)) return true;
    lightest = next;
  }
}

/** The least that `companions` replicas weigh together, when each expert has its needed replicas and may have all the spare ones. */
function sumLightest(load: Float64Array, need: Int32Array, spare: number, companions: number): number {
  if (companions <= 0) return 0;
  const shares = load.map((tokens, expert) => tokens / (need[expert]! + spare));
  const order = [...shares.keys()].sort((a, b) => shares[a]! - shares[b]!);
  let left = companions;
  let sum = 0;
  for (const expert of order) {
    const replicas = Math.min(left, need[expert]! + spare);
    sum += replicas * shares[expert]!;
    left -= replicas;
    if (left === 0) break;
  }
  return sum;
}
