import { flattenSchedule, type Schedule } from '../schedule/index.js';
import type { Costs } from './costs.js';
import { explainDeadlock, requireRange } from './deadlock.js';
import { findDurations } from './durations.js';
import { findMemory, type MemoryUse } from './memory.js';
import { findPeaks } from './peaks.js';
import { costsByStage } from './stage-costs.js';
import { type RankSteps, runTimed, type TimedRun } from './timed.js';

/** `[rank]`: why a rank computes nothing. The four sum to its idle time. */
export interface IdleByCause {
  /** Before its first action, what that needs is not computed yet. */
  readonly warmUp: readonly number[];
  /** Between actions, what the next one needs is not computed yet. */
  readonly waiting: readonly number[];
  /** What it needs is computed already and on its way; also within its actions, from segments. */
  readonly exposedCommunication: readonly number[];
  /** After its last action. */
  readonly coolDown: readonly number[];
}

/** What a schedule costs, in the unit of its costs. */
export interface Simulation {
  readonly makespan: number;
  /** `[rank]`: time in which the rank computes. */
  readonly busy: readonly number[];
  /** `[rank]`: makespan - busy. */
  readonly idle: readonly number[];
  readonly idleByCause: IdleByCause;
  /** Idle time over makespan, all ranks together: from 0 to 1. */
  readonly bubble: number;
  /** `[rank]`: most chunks alive at a time. A chunk lives from its forward to its weight gradient; the forward of an overlapped pair is counted before its backward frees. */
  readonly peakActivations: readonly number[];
  /** `[rank]`: as in `idleByCause`. */
  readonly exposedCommunication: readonly number[];
  /** Where the costs have memory. */
  readonly memory?: MemoryUse;
  readonly steps: readonly RankSteps[];
  /** By cell (stage x microbatches + microbatch); undefined where messages take no time. */
  readonly messages: TimedRun['messages'];
}

/**
 * Runs a schedule against costs. Each rank has two lanes: it computes its actions in order, and sends messages in the order in which
 * they are ready, one at a time, while it computes. Linear in the number of actions.
 * Throws `WorkError` if the schedule cannot end (naming rank, position, action), `InputError` for costs that do not fit it.
 */
export function simulate(schedule: Schedule, costs: Costs): Simulation {
  const flat = flattenSchedule(schedule);
  requireRange(schedule, flat);
  const times = costsByStage(costs, flat.stages);
  const { durations, busy, exposed } = findDurations(flat, times);
  const timed = runTimed(flat, durations, times.p2p);
  if (timed === undefined) throw explainDeadlock(schedule, flat);
  const makespan = timed.finish.reduce((latest, time) => Math.max(latest, time), 0);
  const idle = Array.from(busy, (time) => makespan - time);
  const exposedCommunication = Array.from(exposed, (time, rank) => time + (timed.exposed[rank] as number));
  return {
    makespan,
    busy: [...busy],
    idle,
    idleByCause: {
      warmUp: [...timed.warmUp],
      waiting: [...timed.waiting],
      exposedCommunication,
      coolDown: Array.from(timed.finish, (time) => makespan - time),
    },
    bubble: makespan === 0 ? 0 : idle.reduce((sum, time) => sum + time, 0) / (makespan * flat.ranks),
    peakActivations: findPeaks(flat),
    exposedCommunication,
    ...(costs.memory === undefined ? {} : { memory: findMemory(flat, costs.memory) }),
    steps: idle.map((_, rank) => {
      const [first, end] = [flat.rankStart[rank], flat.rankStart[rank + 1]];
      return { start: timed.start.subarray(first, end), end: timed.end.subarray(first, end) };
    }),
    messages: timed.messages,
  };
}
