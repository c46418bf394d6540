import type { FlatSchedule } from '../schedule/index.js';

/** One direction in which results pass from stage to stage: outputs with the forwards, input gradients with the backwards. */
export interface Track {
  /** `[actions]`: when the message with the action's result left; NaN where none is sent. */
  readonly leaves: Float64Array;
  /** `[actions]`: when the result is at hand where it is needed: at the action's end, or when the message has arrived. */
  readonly arrives: Float64Array;
}

/** When each action ran. */
export interface TimedRun {
  /** `[actions]` */
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly forward: Track;
  readonly backward: Track;
  /** `[ranks]`: when the rank's last action ended. */
  readonly finish: Float64Array;
  /** `[ranks]`: time in which a rank waits only because a message is still on its way. */
  readonly exposed: Float64Array;
}

interface TrackState extends Track {
  /** `[actions]`: the cell whose result the action makes, or -1. */
  readonly cells: Int32Array;
  readonly toSource: Int32Array;
  readonly toTarget: Int32Array;
  /** `[cells]`: the action that made the cell's result. */
  readonly producer: Int32Array;
}

/**
 * Gives every action its time. `order` is one in which the actions can run; a rank's messages leave in the order of its actions, one at
 * a time, each taking `p2p`. Stages of one rank hand over without a message.
 */
export function runTimed(flat: FlatSchedule, order: Int32Array, durations: Float64Array, p2p: number): TimedRun {
  const { rank: rankOf, microbatches } = flat;
  const forward = createTrack(flat, flat.forward, flat.toPrevious, flat.toNext);
  const backward = createTrack(flat, flat.backward, flat.toNext, flat.toPrevious);
  const start = new Float64Array(order.length);
  const end = new Float64Array(order.length);
  const finish = new Float64Array(flat.ranks);
  const laneFree = new Float64Array(flat.ranks);
  const exposed = new Float64Array(flat.ranks);

  for (const action of order) {
    const rank = rankOf[action] as number;
    const fromForward = findSource(forward, action, microbatches);
    const fromBackward = findSource(backward, action, microbatches);
    let computed = finish[rank] as number;
    let begin = computed;
    if (fromForward >= 0) {
      computed = Math.max(computed, end[fromForward] as number);
      begin = Math.max(begin, forward.arrives[fromForward] as number);
    }
    if (fromBackward >= 0) {
      computed = Math.max(computed, end[fromBackward] as number);
      begin = Math.max(begin, backward.arrives[fromBackward] as number);
    }
    if (begin > computed) exposed[rank] = (exposed[rank] as number) + (begin - computed);
    const stop = begin + (durations[action] as number);
    start[action] = begin;
    end[action] = stop;
    finish[rank] = stop;
    sendResult(forward, flat, action, stop, laneFree, p2p);
    sendResult(backward, flat, action, stop, laneFree, p2p);
  }
  return { start, end, forward, backward, finish, exposed };
}

function createTrack(flat: FlatSchedule, cells: Int32Array, toSource: Int32Array, toTarget: Int32Array): TrackState {
  return {
    cells,
    toSource,
    toTarget,
    producer: new Int32Array(flat.stages * flat.microbatches),
    leaves: new Float64Array(cells.length).fill(NaN),
    arrives: new Float64Array(cells.length),
  };
}

/** The action whose result `action` takes on this track; -1 if it takes none. */
function findSource(track: TrackState, action: number, microbatches: number): number {
  const cell = track.cells[action] as number;
  if (cell < 0) return -1;
  track.producer[cell] = action;
  const step = track.toSource[(cell / microbatches) | 0] as number;
  return step === 0 ? -1 : (track.producer[cell + step] as number);
}

function sendResult(
  track: TrackState,
  flat: FlatSchedule,
  action: number,
  stop: number,
  laneFree: Float64Array,
  p2p: number,
): void {
  const cell = track.cells[action] as number;
  if (cell < 0) return;
  track.arrives[action] = stop;
  if (p2p === 0) return;
  const step = track.toTarget[(cell / flat.microbatches) | 0] as number;
  const rank = flat.rank[action] as number;
  if (step === 0 || flat.stageToRank[((cell + step) / flat.microbatches) | 0] === rank) return;
  const leaves = Math.max(stop, laneFree[rank] as number);
  track.leaves[action] = leaves;
  track.arrives[action] = leaves + p2p;
  laneFree[rank] = leaves + p2p;
}
