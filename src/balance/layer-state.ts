import { listGpuOfSlot } from './machine.js';

/** One layer to place: experts on GPUs that all take part. */
export interface LayerProblem {
  readonly experts: number;
  readonly gpus: number;
  readonly slots: number;
  /** `[gpus + 1]`. */
  readonly slotStarts: Int32Array;
  /** `[gpus]`: time for one token, the inverse of a GPU's speed. */
  readonly slowness: Float64Array;
  /** `[experts]`: tokens. */
  readonly load: Float64Array;
}

/** A placement of one layer under change, with what follows from it. */
export interface LayerState {
  readonly problem: LayerProblem;
  /** `[slots]`. */
  readonly gpuOfSlot: Int32Array;
  /** `[slots]`: the expert in each slot. */
  readonly expertOf: Int32Array;
  /** `[experts]`: replicas. */
  readonly count: Int32Array;
  /** `[experts]`: tokens of one replica, load / count. */
  readonly share: Float64Array;
  /** `[gpus]`: load times slowness. */
  readonly time: Float64Array;
  /** `[experts, gpus]`: how many replicas of an expert a GPU holds. */
  readonly held: Uint16Array;
}

/** An empty state for `problem`; its arrays serve every layer of the same sizes. */
export function createLayerState(problem: LayerProblem): LayerState {
  const { experts, gpus, slots } = problem;
  return {
    problem,
    gpuOfSlot: listGpuOfSlot(problem),
    expertOf: new Int32Array(slots),
    count: new Int32Array(experts),
    share: new Float64Array(experts),
    time: new Float64Array(gpus),
    held: new Uint16Array(experts * gpus),
  };
}

/** Takes the placement `expertOf` (`[slots]`, every expert at least once) and works out all that follows. */
export function setPlacement(state: LayerState, expertOf: Int32Array): void {
  const { count, share, problem } = state;
  state.expertOf.set(expertOf);
  count.fill(0);
  for (const expert of expertOf) count[expert]! += 1;
  for (let expert = 0; expert < problem.experts; expert++) share[expert] = problem.load[expert]! / count[expert]!;
  refreshGpus(state);
}

/** Works out `time` and `held` anew from `expertOf` and `share`. */
export function refreshGpus({ problem, expertOf, gpuOfSlot, share, time, held }: LayerState): void {
  held.fill(0);
  time.fill(0);
  for (let slot = 0; slot < problem.slots; slot++) {
    const expert = expertOf[slot]!;
    const gpu = gpuOfSlot[slot]!;
    held[expert * problem.gpus + gpu]! += 1;
    time[gpu]! += share[expert]! * problem.slowness[gpu]!;
  }
}

/** Exchanges the experts of two slots on different GPUs. */
export function swapSlots(state: LayerState, slotA: number, slotB: number): void {
  const { problem, expertOf, gpuOfSlot, share, time, held } = state;
  const { gpus, slowness } = problem;
  const expertA = expertOf[slotA]!;
  const expertB = expertOf[slotB]!;
  const gpuA = gpuOfSlot[slotA]!;
  const gpuB = gpuOfSlot[slotB]!;
  const difference = share[expertA]! - share[expertB]!;
  expertOf[slotA] = expertB;
  expertOf[slotB] = expertA;
  time[gpuA]! -= difference * slowness[gpuA]!;
  time[gpuB]! += difference * slowness[gpuB]!;
  held[expertA * gpus + gpuA]! -= 1;
  held[expertA * gpus + gpuB]! += 1;
  held[expertB * gpus + gpuB]! -= 1;
  held[expertB * gpus + gpuA]! += 1;
}

/** The GPU with the largest time. */
export function findHottest({ time }: LayerState): number {
  let hottest = 0;
  for (let gpu = 1; gpu < time.length; gpu++) if (time[gpu]! > time[hottest]!) hottest = gpu;
  return hottest;
}

/** The largest time of a GPU. */
export function largestTime(state: LayerState): number {
  return state.time[findHottest(state)]!;
}

/** How many slots hold an expert that another slot of the same GPU holds. */
export function countDuplicates({ held }: LayerState): number {
  let duplicates = 0;
  for (const count of held) if (count > 1) duplicates += count - 1;
  return duplicates;
}
