import { type FlatSchedule, flattenSchedule, kindCodes, type Schedule } from '../schedule/index.js';
import { type Costs, costsByStage, type StageCosts } from './costs.js';
import { requireOrder } from './deadlock.js';
import { findPeaks } from './peaks.js';
import { runTimed, type Track } from './timed.js';

/** When the actions of one rank ran: entry i belongs to `schedule.actions[rank][i]`. */
export interface RankSteps {
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly forward: Track;
  readonly backward: Track;
}

/** What a schedule costs, in the unit of its costs. */
export interface Simulation {
  readonly makespan: number;
  /** `[rank]`: time in which the rank computes. */
  readonly busy: readonly number[];
  /** `[rank]`: makespan - busy. */
  readonly idle: readonly number[];
  /** Idle time over makespan, all ranks together: from 0 to 1. */
  readonly bubble: number;
  /** `[rank]`: most chunks alive at a time. A chunk lives from its forward to its weight gradient; the forward of an overlapped pair is counted before its backward frees. */
  readonly peakActivations: readonly number[];
  /** `[rank]`: idle time in which what the rank waited for was computed already and on its way. */
  readonly exposedCommunication: readonly number[];
  readonly steps: readonly RankSteps[];
}

/**
 * Runs a schedule against costs. Each rank has two lanes: it computes its actions in order, and sends messages in the order in which
 * they are ready, one at a time, while it computes. Linear in the number of actions.
 * Throws `WorkError` if the schedule cannot end (naming rank, position, action), `InputError` for costs that do not fit it.
 */
export function simulate(schedule: Schedule, costs: Costs): Simulation {
  const flat = flattenSchedule(schedule);
  const times = costsByStage(costs, flat.stages);
  const order = requireOrder(schedule, flat);
  const durations = findDurations(flat, times);
  const timed = runTimed(flat, order, durations, times.p2p);
  const busy = sumByRank(flat, durations);
  const makespan = Math.max(0, ...timed.finish);
  const idle = busy.map((time) => makespan - time);
  const sliceRank = (column: Float64Array, rank: number) =>
    column.subarray(flat.rankStart[rank], flat.rankStart[rank + 1]);
  const sliceTrack = ({ leaves, arrives }: Track, rank: number): Track => ({
    leaves: sliceRank(leaves, rank),
    arrives: sliceRank(arrives, rank),
  });
  return {
    makespan,
    busy,
    idle,
    bubble: makespan === 0 ? 0 : idle.reduce((sum, time) => sum + time, 0) / (makespan * flat.ranks),
    peakActivations: findPeaks(flat),
    exposedCommunication: [...timed.exposed],
    steps: busy.map((_, rank) => ({
      start: sliceRank(timed.start, rank),
      end: sliceRank(timed.end, rank),
      forward: sliceTrack(timed.forward, rank),
      backward: sliceTrack(timed.backward, rank),
    })),
  };
}

/** The one cost function: how long each action computes. */
function findDurations(flat: FlatSchedule, times: StageCosts): Float64Array {
  const durations = new Float64Array(flat.kind.length);
  const stageOf = (cell: number): number => (cell / flat.microbatches) | 0;
  for (let action = 0; action < durations.length; action++) {
    const kind = flat.kind[action] as number;
    let duration = 0;
    if (kind === kindCodes.overlap && times.overlapped !== undefined) {
      duration = times.overlapped[stageOf(flat.forward[action] as number)] as number;
    } else {
      const backwardTimes = kind === kindCodes.backwardInput ? times.backwardInput : times.backward;
      if ((flat.forward[action] as number) >= 0)
        duration += times.forward[stageOf(flat.forward[action] as number)] as number;
      if ((flat.backward[action] as number) >= 0)
        duration += backwardTimes[stageOf(flat.backward[action] as number)] as number;
      if ((flat.weight[action] as number) >= 0)
        duration += times.backwardWeight[stageOf(flat.weight[action] as number)] as number;
    }
    durations[action] = duration;
  }
  return durations;
}

/** `[rank]` */
function sumByRank(flat: FlatSchedule, durations: Float64Array): number[] {
  const sums = new Array<number>(flat.ranks).fill(0);
  for (let action = 0; action < durations.length; action++) {
    const rank = flat.rank[action] as number;
    sums[rank] = (sums[rank] as number) + (durations[action] as number);
  }
  return sums;
}
