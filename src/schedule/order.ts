import { type FlatSchedule, kindCodes } from './flat.js';

/** Bits of `done`: what has run of a cell. `backwardDone` is about its input gradient. */
export const forwardDone = 1;
export const backwardDone = 2;
const weightDone = 4;

/** How far the ranks come when each runs its list in order and waits for what the next action needs. */
export interface Execution {
  /** The first `count` entries are actions in an order in which they can run. */
  readonly order: Int32Array;
  readonly count: number;
  /** `[ranks]`: the action at which a rank stopped; `rankStart[rank + 1]` if it came to its end. */
  readonly stoppedAt: Int32Array;
  /** `[stages * microbatches]`: bits `forwardDone`, `backwardDone`. */
  readonly done: Uint8Array;
  /** Whether each action ran, on the rank of its stage, and everything of every chunk ran once. */
  readonly isWhole: boolean;
}

/**
 * Runs a schedule without times. A forward needs the forward of the stage before; a backward needs its own forward and the backward of the
 * stage after; a weight gradient needs its own backward. Linear in the number of actions: an action that runs wakes at most two ranks.
 * `done` (changed in place) holds what counts as having run before the start.
 */
export function executeUntimed(
  flat: FlatSchedule,
  done: Uint8Array = new Uint8Array(flat.stages * flat.microbatches),
): Execution {
  const { rankStart, kind, forward, backward, weight, toPrevious, toNext, stageToRank, microbatches, ranks } = flat;
  const order = new Int32Array(rankStart[ranks] as number);
  const stoppedAt = rankStart.slice(0, ranks);
  const awake = Int32Array.from({ length: ranks }, (_, index) => ranks - 1 - index);
  const isAwake = new Uint8Array(ranks).fill(1);
  let awakeCount = ranks;
  let count = 0;
  let partsDone = 0;
  let isAstray = flat.outOfRange > 0;

  /** Notes that `rank` has run parts of a cell, and wakes who takes the result. */
  const finish = (rank: number, cell: number, parts: number, toTarget: Int32Array | undefined): void => {
    const stage = (cell / microbatches) | 0;
    const before = done[cell] as number;
    isAstray ||= (before & parts) !== 0 || stageToRank[stage] !== rank;
    done[cell] = before | parts;
    partsDone += parts === (backwardDone | weightDone) ? 2 : 1;
    const step = toTarget === undefined ? 0 : (toTarget[stage] as number);
    if (step === 0) return;
    const target = stageToRank[stage + step / microbatches] as number;
    if (isAwake[target] === 1) return;
    isAwake[target] = 1;
    awake[awakeCount++] = target;
  };
  while (awakeCount > 0) {
    const rank = awake[--awakeCount] as number;
    const end = rankStart[rank + 1] as number;
    let action = stoppedAt[rank] as number;
    for (; action < end && findMissing(flat, done, action) < 0; action++) {
      order[count++] = action;
      const forwardCell = forward[action] as number;
      if (forwardCell >= 0) finish(rank, forwardCell, forwardDone, toNext);
      const backwardCell = backward[action] as number;
      const isWhole = kind[action] !== kindCodes.backwardInput;
      if (backwardCell >= 0) finish(rank, backwardCell, isWhole ? backwardDone | weightDone : backwardDone, toPrevious);
      const weightCell = weight[action] as number;
      if (weightCell >= 0) finish(rank, weightCell, weightDone, undefined);
    }
    stoppedAt[rank] = action;
    isAwake[rank] = 0;
  }
  const isWhole = !isAstray && count === order.length && partsDone === 3 * done.length;
  return { order, count, stoppedAt, done, isWhole };
}

/** What an action waits for: the forward or the backward of a cell. */
export interface Need {
  readonly part: 'forward' | 'backward';
  readonly cell: number;
}

/** The first thing that `action` needs and that has not run; `undefined` if it can run. */
export function whatIsMissing(flat: FlatSchedule, done: Uint8Array, action: number): Need | undefined {
  const code = findMissing(flat, done, action);
  if (code < 0) return undefined;
  return { part: code % 2 === 0 ? 'forward' : 'backward', cell: code >> 1 };
}

/** As a number, because this runs for every action: 2 * cell for a forward, 2 * cell + 1 for a backward, -1 for nothing. */
function findMissing(flat: FlatSchedule, done: Uint8Array, action: number): number {
  const { microbatches } = flat;
  const forward = flat.forward[action] as number;
  if (forward >= 0) {
    const step = flat.toPrevious[(forward / microbatches) | 0] as number;
    if (step !== 0 && ((done[forward + step] as number) & forwardDone) === 0) return 2 * (forward + step);
  }
  const backward = flat.backward[action] as number;
  if (backward >= 0) {
    if (((done[backward] as number) & forwardDone) === 0) return 2 * backward;
    const step = flat.toNext[(backward / microbatches) | 0] as number;
    if (step !== 0 && ((done[backward + step] as number) & backwardDone) === 0) return 2 * (backward + step) + 1;
  }
  const weight = flat.weight[action] as number;
  return weight >= 0 && ((done[weight] as number) & backwardDone) === 0 ? 2 * weight + 1 : -1;
}
