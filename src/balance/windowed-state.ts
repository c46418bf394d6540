import type { LayerProblem } from './layer-state.js';
import { listGpuOfSlot } from './machine.js';

/**
 * What a placement makes small where there are several windows: the largest GPU load of their sum, the mean over windows of
 * each one's largest GPU load, or that of the worst window.
 */
export type PlacementObjective = 'sum' | 'mean' | 'worst';

/** What a search over several windows makes small; of one window, which a sum is, all are the same. */
export type WindowedObjective = Exclude<PlacementObjective, 'sum'>;

/** A placement of one layer under change, with its GPU times in every window. */
export interface WindowedState {
  readonly problem: LayerProblem;
  readonly windows: number;
  readonly objective: WindowedObjective;
  /** `[experts, windows]`: tokens. */
  readonly load: Float64Array;
  readonly gpuOfSlot: Int32Array;
  /** `[slots]`. */
  readonly expertOf: Int32Array;
  readonly count: Int32Array;
  /** `[gpus, windows]`. */
  readonly time: Float64Array;
  /** `[experts, gpus]`. */
  readonly held: Uint16Array;
  /** `[windows, 3]`: the GPUs with the largest times, the largest first; -1 where there are fewer. */
  readonly top: Int32Array;
  /** `[windows]`: what each GPU would take if all took the same; 1 for a window without tokens. */
  readonly even: Float64Array;
  /** `[windows]`: the sum over GPUs of (time / even)^16. */
  readonly powers: Float64Array;
}

/** The state of the placement `expertOf`. */
export function createWindowedState(
  problem: LayerProblem,
  windows: { readonly windows: number; readonly load: Float64Array; readonly objective: WindowedObjective },
  expertOf: Int32Array,
): WindowedState {
  const { experts, gpus, slots } = problem;
  const state: WindowedState = {
    problem,
    ...windows,
    gpuOfSlot: listGpuOfSlot(problem),
    expertOf: new Int32Array(slots),
    count: new Int32Array(experts),
    time: new Float64Array(gpus * windows.windows),
    held: new Uint16Array(experts * gpus),
    top: new Int32Array(3 * windows.windows),
    even: evenTimes(problem, windows),
    powers: new Float64Array(windows.windows),
  };
  setWindowedPlacement(state, expertOf);
  return state;
}

function evenTimes(
  { experts, slowness }: LayerProblem,
  { windows, load }: { readonly windows: number; readonly load: Float64Array },
): Float64Array {
  const speed = slowness.reduce((sum, time) => sum + 1 / time, 0);
  return Float64Array.from({ length: windows }, (_, window) => {
    let tokens = 0;
    for (let expert = 0; expert < experts; expert++) tokens += load[expert * windows + window]!;
    return tokens === 0 ? 1 : tokens / speed;
  });
}

/** Takes the placement `expertOf` and works out all that follows. */
export function setWindowedPlacement(state: WindowedState, expertOf: Int32Array): void {
  const { problem, windows, load, gpuOfSlot, count, time, held } = state;
  state.expertOf.set(expertOf);
  count.fill(0);
  held.fill(0);
  time.fill(0);
  for (const expert of expertOf) count[expert]! += 1;
  for (let slot = 0; slot < problem.slots; slot++) {
    const expert = expertOf[slot]!;
    const gpu = gpuOfSlot[slot]!;
    held[expert * problem.gpus + gpu]! += 1;
    const scale = problem.slowness[gpu]! / count[expert]!;
    for (let window = 0; window < windows; window++)
      time[gpu * windows + window]! += load[expert * windows + window]! * scale;
  }
  refreshTop(state);
}

/** Finds the three GPUs with the largest times in each window, and the sums of powers. */
function refreshTop(state: WindowedState): void {
  for (let window = 0; window < state.windows; window++) refreshWindow(state, window);
}

function refreshWindow({ problem, windows, time, top, even, powers }: WindowedState, window: number): void {
  let sum = 0;
  let first = -1;
  let second = -1;
  let third = -1;
  let firstTime = -1;
  let secondTime = -1;
  let thirdTime = -1;
  for (let gpu = 0; gpu < problem.gpus; gpu++) {
    const value = time[gpu * windows + window]!;
    sum += power16(value / even[window]!);
    if (value > firstTime) {
      third = second;
      thirdTime = secondTime;
      second = first;
      secondTime = firstTime;
      first = gpu;
      firstTime = value;
    } else if (value > secondTime) {
      third = second;
      thirdTime = secondTime;
      second = gpu;
      secondTime = value;
    } else if (value > thirdTime) {
      third = gpu;
      thirdTime = value;
    }
  }
  top[3 * window] = first;
  top[3 * window + 1] = second;
  top[3 * window + 2] = third;
  powers[window] = sum;
}

function power16(value: number): number {
  const square = value * value;
  const fourth = square * square;
  const eighth = fourth * fourth;
  return eighth * eighth;
}

/**
 * As `objectiveOf`, with the 16-norm of a window's GPU times in place of the largest (for 'worst', of all windows' times): a largest time that the second largest
 * also counts in. A placement that is made for some windows is better on others when it is made by this: it does not fill up every GPU to the largest of a few.
 */
export function smoothObjectiveOf({ windows, objective, even, powers }: WindowedState): number {
  let total = 0;
  for (let window = 0; window < windows; window++)
    total += smoothTerm(objective, even[window]!, even[0]!, powers[window]!);
  return smoothTotal(objective, windows, even[0]!, total);
}

/** The smooth objective if `expertA` of `gpuA` and `expertB` of `gpuB` changed places. */
export function smoothObjectiveAfterSwap(
  { problem, windows, objective, load, count, time, even, powers }: WindowedState,
  gpuA: number,
  gpuB: number,
  expertA: number,
  expertB: number,
): number {
  const { slowness } = problem;
  const perTokenA = 1 / count[expertA]!;
  const perTokenB = 1 / count[expertB]!;
  let total = 0;
  for (let window = 0; window < windows; window++) {
    const scale = even[window]!;
    const difference = load[expertA * windows + window]! * perTokenA - load[expertB * windows + window]! * perTokenB;
    const timeA = time[gpuA * windows + window]!;
    const timeB = time[gpuB * windows + window]!;
    let sum = powers[window]! - power16(timeA / scale) - power16(timeB / scale);
    sum += power16((timeA - difference * slowness[gpuA]!) / scale);
    sum += power16((timeB + difference * slowness[gpuB]!) / scale);
    total += smoothTerm(objective, scale, even[0]!, sum);
  }
  return smoothTotal(objective, windows, even[0]!, total);
}

/** A window's part of the smooth objective: its norm, or for 'worst' its sum of powers in the first window's unit. */
function smoothTerm(objective: WindowedObjective, even: number, unit: number, powers: number): number {
  return objective === 'mean' ? even * Math.max(0, powers) ** (1 / 16) : power16(even / unit) * powers;
}

function smoothTotal(objective: WindowedObjective, windows: number, unit: number, total: number): number {
  return objective === 'mean' ? total / windows : unit * Math.max(0, total) ** (1 / 16);
}

/**
 * The objective if the slot held another expert; the slot's must have another replica. Where the objective would be `limit` or more, it may be any number from `limit` on: what cannot be less is not
 * worked out.
 */
export function objectiveAfterReplacement(
  state: WindowedState,
  slot: number,
  expert: number,
  limit = Number.POSITIVE_INFINITY,
): number {
  const replacement = { before: state.expertOf[slot]!, expert, slotGpu: state.gpuOfSlot[slot]! };
  const least = largestTimes(state, replacement, false);
  return least >= limit ? least : largestTimes(state, replacement, true);
}

/** A slot of `slotGpu` holds `expert` in place of `before`. */
interface Replacement {
  readonly before: number;
  readonly expert: number;
  readonly slotGpu: number;
}

/** The objective after a replacement; unless exactly, from those GPUs alone that are the most loaded now, which gives no more than it is. */
function largestTimes(state: WindowedState, replacement: Replacement, isExact: boolean): number {
  const { problem, windows, objective, time, top } = state;
  let sum = 0;
  let worst = 0;
  for (let window = 0; window < windows; window++) {
    let largest = timeAfter(state, window, top[3 * window]!, replacement);
    // The largest that does not change is among the first three, or those that change may hide it.
    let isKnown = false;
    for (let place = 3 * window; place < 3 * window + 3 && !isKnown; place++) {
      const gpu = top[place]!;
      isKnown = gpu < 0 || !isChanged(state, gpu, replacement);
      if (isKnown && gpu >= 0) largest = Math.max(largest, time[gpu * windows + window]!);
    }
    for (let gpu = 0; isExact && gpu < problem.gpus; gpu++) {
      if (isChanged(state, gpu, replacement)) largest = Math.max(largest, timeAfter(state, window, gpu, replacement));
      else if (!isKnown) largest = Math.max(largest, time[gpu * windows + window]!);
    }
    sum += largest;
    worst = Math.max(worst, largest);
  }
  return objective === 'mean' ? sum / windows : worst;
}

function isChanged({ problem, held }: WindowedState, gpu: number, { before, expert, slotGpu }: Replacement): boolean {
  return gpu === slotGpu || held[before * problem.gpus + gpu] !== 0 || held[expert * problem.gpus + gpu] !== 0;
}

function timeAfter(
  { problem, windows, load, count, time, held }: WindowedState,
  window: number,
  gpu: number,
  { before, expert, slotGpu }: Replacement,
): number {
  const { gpus, slowness } = problem;
  const loadBefore = load[before * windows + window]!;
  const loadExpert = load[expert * windows + window]!;
  const less = loadBefore / count[before]!;
  const more = loadBefore / (count[before]! - 1);
  const old = loadExpert / count[expert]!;
  const now = loadExpert / (count[expert]! + 1);
  let change = held[before * gpus + gpu]! * (more - less) + held[expert * gpus + gpu]! * (now - old);
  if (gpu === slotGpu) change += now - more;
  return time[gpu * windows + window]! + change * slowness[gpu]!;
}

/** The objective of the state's placement. */
export function objectiveOf({ windows, objective, time, top }: WindowedState): number {
  let sum = 0;
  let worst = 0;
  for (let window = 0; window < windows; window++) {
    const largest = time[top[3 * window]! * windows + window]!;
    sum += largest;
    worst = Math.max(worst, largest);
  }
  return objective === 'mean' ? sum / windows : worst;
}

/** The objective if `expertA` of `gpuA` and `expertB` of `gpuB` changed places. */
export function objectiveAfterSwap(
  { problem, windows, objective, load, count, time, top }: WindowedState,
  gpuA: number,
  gpuB: number,
  expertA: number,
  expertB: number,
): number {
  const { slowness } = problem;
  let sum = 0;
  let worst = 0;
  for (let window = 0; window < windows; window++) {
    const difference =
      load[expertA * windows + window]! / count[expertA]! - load[expertB * windows + window]! / count[expertB]!;
    let largest = Math.max(
      time[gpuA * windows + window]! - difference * slowness[gpuA]!,
      time[gpuB * windows + window]! + difference * slowness[gpuB]!,
    );
    for (let place = 3 * window; place < 3 * window + 3; place++) {
      const gpu = top[place]!;
      if (gpu < 0 || gpu === gpuA || gpu === gpuB) continue;
      largest = Math.max(largest, time[gpu * windows + window]!);
      break;
    }
    sum += largest;
    worst = Math.max(worst, largest);
  }
  return objective === 'mean' ? sum / windows : worst;
}

/** Exchanges the experts of two slots on different GPUs. */
export function swapWindowedSlots(state: WindowedState, slotA: number, slotB: number): void {
  const { problem, windows, load, gpuOfSlot, expertOf, count, held } = state;
  const { gpus, slowness } = problem;
  const expertA = expertOf[slotA]!;
  const expertB = expertOf[slotB]!;
  const gpuA = gpuOfSlot[slotA]!;
  const gpuB = gpuOfSlot[slotB]!;
  for (let window = 0; window < windows; window++) {
    const difference =
      load[expertA * windows + window]! / count[expertA]! - load[expertB * windows + window]! / count[expertB]!;
    changeTime(state, window, gpuA, -difference * slowness[gpuA]!);
    changeTime(state, window, gpuB, difference * slowness[gpuB]!);
  }
  expertOf[slotA] = expertB;
  expertOf[slotB] = expertA;
  held[expertA * gpus + gpuA]! -= 1;
  held[expertA * gpus + gpuB]! += 1;
  held[expertB * gpus + gpuB]! -= 1;
  held[expertB * gpus + gpuA]! += 1;
}

/** Changes one GPU's time in one window; only where it is or comes among the largest three is the window looked through. */
function changeTime(state: WindowedState, window: number, gpu: number, by: number): void {
  const { windows, time, top, even, powers } = state;
  const position = gpu * windows + window;
  const before = time[position]!;
  const after = before + by;
  time[position] = after;
  const third = top[3 * window + 2]!;
  const isLarge = third < 0 || before >= time[third * windows + window]! || after >= time[third * windows + window]!;
  if (isLarge || gpu === third) refreshWindow(state, window);
  else powers[window]! += power16(after / even[window]!) - power16(before / even[window]!);
}

/** Puts `expert` in place of another replica, which must not be the last of its expert. */
export function replaceReplica(state: WindowedState, slot: number, expert: number): void {
  const { problem, gpuOfSlot, expertOf, count, held } = state;
  const { gpus } = problem;
  const before = expertOf[slot]!;
  const gpu = gpuOfSlot[slot]!;
  addShares(state, before, -1);
  addShares(state, expert, -1);
  expertOf[slot] = expert;
  held[before * gpus + gpu]! -= 1;
  held[expert * gpus + gpu]! += 1;
  count[before]! -= 1;
  count[expert]! += 1;
  addShares(state, before, 1);
  addShares(state, expert, 1);
  refreshTop(state);
}

/** Adds what an expert's replicas take, times `sign`, to the GPUs that hold them. */
function addShares(state: WindowedState, expert: number, sign: number): void {
  const { problem, windows, load, count, time, held } = state;
  const { gpus, slowness } = problem;
  for (let gpu = 0; gpu < gpus; gpu++) {
    const replicas = held[expert * gpus + gpu]!;
    if (replicas === 0) continue;
    const scale = (sign * replicas * slowness[gpu]!) / count[expert]!;
    for (let window = 0; window < windows; window++)
      time[gpu * windows + window]! += load[expert * windows + window]! * scale;
  }
}
