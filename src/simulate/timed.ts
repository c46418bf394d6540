import type { FlatSchedule } from '../schedule/index.js';

/** The messages that carry what forwards (outputs) or backwards (input gradients) give to other ranks. */
interface Track {
  /** `[cells]`: when the message with the cell's result leaves; negative where none is sent. */
  readonly leaves: Float64Array;
  /** `[cells]`: when it is at hand where it is needed. */
  readonly arrives: Float64Array;
}

/** When the actions of one rank ran: entry i belongs to `schedule.actions[rank][i]`. */
export interface RankSteps {
  readonly start: Float64Array;
  readonly end: Float64Array;
}

/** When each action ran. */
export interface TimedRun {
  /** `[actions]` */
  readonly start: Float64Array;
  readonly end: Float64Array;
  /** `[ranks]`: when the rank's last action ended. */
  readonly finish: Float64Array;
  /** `[ranks]`: time before the rank's first action in which what it needs is not computed yet. */
  readonly warmUp: Float64Array;
  /** `[ranks]`: time between actions in which what the next one needs is not computed yet. */
  readonly waiting: Float64Array;
  /** `[ranks]`: time in which a rank waits only because a message is still on its way. */
  readonly exposed: Float64Array;
  /** Undefined where messages take no time. */
  readonly messages: { readonly forward: Track; readonly backward: Track } | undefined;
}

/** One direction in which results pass from stage to stage. */
interface Direction extends Track {
  /** `[actions]`: the cell whose result the action makes, or -1. */
  readonly cells: Int32Array;
  /** `[stages]`: what to add to a cell for the one whose result it takes; 0 for none. */
  readonly toSource: Int32Array;
  /** `[stages]`: the rank that takes the stage's results, or -1. */
  readonly target: Int32Array;
  /** `[cells]`: when the result was computed; negative until that is known. */
  readonly computed: Float64Array;
}

interface RunState extends Omit<TimedRun, 'messages'> {
  readonly flat: FlatSchedule;
  readonly durations: Float64Array;
  readonly p2p: number;
  readonly forward: Direction;
  readonly backward: Direction;
  /** `[ranks]`: the rank's next action. */
  readonly next: Int32Array;
  /** `[ranks]`: when the communication lane is done with what it has to send. */
  readonly laneFree: Float64Array;
  /** A stack of the ranks that may be able to go on, each at most once. */
  readonly awake: Int32Array;
  readonly isAwake: Uint8Array;
  awakeCount: number;
}

/**
 * Runs a schedule whose actions take `durations`, each rank its actions in order; a rank's messages leave in the order of its actions, one at
 * a time, each taking `p2p`. Stages of one rank hand over without a message. Undefined if the schedule cannot end. An action that runs wakes at
 * most two ranks, so this is linear in the number of actions.
 */
export function runTimed(flat: FlatSchedule, durations: Float64Array, p2p: number): TimedRun | undefined {
  const { rankStart, ranks } = flat;
  const column = () => new Float64Array(ranks);
  const state: RunState = {
    flat,
    durations,
    p2p,
    forward: createDirection(flat, flat.forward, [flat.toPrevious, flat.toNext], p2p),
    backward: createDirection(flat, flat.backward, [flat.toNext, flat.toPrevious], p2p),
    start: new Float64Array(durations.length),
    end: new Float64Array(durations.length),
    finish: column(),
    warmUp: column(),
    waiting: column(),
    exposed: column(),
    laneFree: column(),
    next: rankStart.slice(0, ranks),
    awake: Int32Array.from({ length: ranks }, (_, index) => ranks - 1 - index),
    isAwake: new Uint8Array(ranks).fill(1),
    awakeCount: ranks,
  };
  while (state.awakeCount > 0) {
    const rank = state.awake[--state.awakeCount] as number;
    runRank(state, rank);
    state.isAwake[rank] = 0;
  }
  const hasEnded = state.next.every((action, rank) => action === rankStart[rank + 1]);
  if (!hasEnded) return undefined;
  return { ...state, messages: p2p === 0 ? undefined : { forward: state.forward, backward: state.backward } };
}

/** Runs a rank's next actions until one needs what is not known yet. */
function runRank(state: RunState, rank: number): void {
  const { flat, durations, start, end, finish, next, forward, backward } = state;
  const stop = flat.rankStart[rank + 1] as number;
  let free = finish[rank] as number;
  let action = next[rank] as number;
  for (; action < stop; action++) {
    const ready = findReady(state, action);
    if (ready < 0) break;
    if (ready > free) {
      accountWait(state, rank, action, free, ready);
      free = ready;
    }
    start[action] = free;
    free += durations[action] as number;
    end[action] = free;
    const forwardCell = forward.cells[action] as number;
    if (forwardCell >= 0) giveResult(state, forward, rank, forwardCell, free);
    const backwardCell = backward.cells[action] as number;
    if (backwardCell >= 0) giveResult(state, backward, rank, backwardCell, free);
  }
  finish[rank] = free;
  next[rank] = action;
}

/** When all that an action takes is at hand, as far as it comes from other actions (0: at once); negative while that is not known. */
function findReady({ flat, forward, backward }: RunState, action: number): number {
  let ready = 0;
  const forwardCell = forward.cells[action] as number;
  if (forwardCell >= 0) {
    const step = forward.toSource[(forwardCell / flat.microbatches) | 0] as number;
    if (step !== 0) ready = forward.arrives[forwardCell + step] as number;
    if (ready < 0) return ready;
  }
  const backwardCell = backward.cells[action] as number;
  if (backwardCell >= 0) {
    if ((forward.computed[backwardCell] as number) < 0) return unknown;
    const step = backward.toSource[(backwardCell / flat.microbatches) | 0] as number;
    if (step !== 0) {
      const arrives = backward.arrives[backwardCell + step] as number;
      if (arrives < 0 || arrives > ready) ready = arrives;
    }
    return ready;
  }
  const weightCell = flat.weight[action] as number;
  return weightCell >= 0 && (backward.computed[weightCell] as number) < 0 ? unknown : ready;
}

const unknown = -1;

/** Splits the wait before an action: for what it takes to be computed, and then for messages with it. */
function accountWait(state: RunState, rank: number, action: number, free: number, ready: number): void {
  const { flat, p2p, forward, backward, exposed } = state;
  let computed = ready;
  if (p2p > 0) {
    computed = Math.max(free, findComputed(flat, forward, action), findComputed(flat, backward, action));
    exposed[rank] = (exposed[rank] as number) + (ready - computed);
  }
  const account = action === flat.rankStart[rank] ? state.warmUp : state.waiting;
  account[rank] = (account[rank] as number) + (computed - free);
}

/** When the result that an action takes was computed; 0 if it takes none. */
function findComputed({ microbatches }: FlatSchedule, direction: Direction, action: number): number {
  const cell = direction.cells[action] as number;
  if (cell < 0) return 0;
  const step = direction.toSource[(cell / microbatches) | 0] as number;
  return step === 0 ? 0 : (direction.computed[cell + step] as number);
}

/** Notes that a cell's result was computed at `time`, sends it to the rank that takes it, and wakes that. */
function giveResult(state: RunState, direction: Direction, rank: number, cell: number, time: number): void {
  const { isAwake, awake } = state;
  direction.computed[cell] = time;
  const target = direction.target[(cell / state.flat.microbatches) | 0] as number;
  if (state.p2p > 0) sendResult(state, direction, { rank, target, cell, time });
  if (target < 0 || isAwake[target] === 1) return;
  isAwake[target] = 1;
  awake[state.awakeCount++] = target;
}

function sendResult(
  { laneFree, p2p }: RunState,
  direction: Direction,
  { rank, target, cell, time }: { rank: number; target: number; cell: number; time: number },
): void {
  direction.arrives[cell] = time;
  if (target < 0 || target === rank) return;
  const leaves = Math.max(time, laneFree[rank] as number);
  direction.leaves[cell] = leaves;
  direction.arrives[cell] = leaves + p2p;
  laneFree[rank] = leaves + p2p;
}

function createDirection(
  flat: FlatSchedule,
  cells: Int32Array,
  [toSource, toTarget]: readonly [Int32Array, Int32Array],
  p2p: number,
): Direction {
  const { stages, microbatches, stageToRank } = flat;
  const create = () => new Float64Array(stages * microbatches).fill(unknown);
  const computed = create();
  // Without messages a result is at hand as soon as it is computed: one column is both.
  const [arrives, leaves] = p2p === 0 ? [computed, computed] : [create(), create()];
  const target = toTarget.map((step, stage) =>
    step === 0 ? -1 : (stageToRank[stage + step / microbatches] as number),
  );
  return { cells, toSource, target, computed, arrives, leaves };
}
