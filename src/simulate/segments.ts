import { InputError } from '../base/index.js';
import {
  type Action,
  type FlatSchedule,
  flattenSchedule,
  type Schedule,
  type Timeline,
  type TimelineEvent,
} from '../schedule/index.js';
import { type Communication, createCommunication, type TransferLabel } from './communication.js';
import { advance, type ComputeContext, type ComputeLane, createComputeLane } from './compute-lane.js';
import { requireEnd } from './deadlock.js';
import { createStepLists, type LaneStep } from './lane-steps.js';
import { findPeaks } from './peaks.js';
import type { StageSegment, StepTimes } from './stage-times.js';

export interface SegmentSimulationRequest {
  readonly schedule: Schedule;
  /** Whether computation hides communication: pairs are merged, and waits stand where a result is needed. Otherwise every exchange is waited for at once. */
  readonly overlap: boolean;
  readonly times: StepTimes;
}

/** What a step costs, in seconds. For each rank compute + exposed communication + idle = makespan. */
export interface SegmentSimulation {
  readonly makespan: number;
  /** `[world rank]`: time in which the compute lane works. */
  readonly compute: readonly number[];
  /** `[world rank]`: time in which the communication lane moves something. */
  readonly communication: readonly number[];
  /** `[world rank]`: time in which the compute lane waits for the end of an exchange between expert ranks. */
  readonly exposedCommunication: readonly number[];
  /** `[world rank]`: time in which it waits for messages of other stages, and at the end for other ranks. */
  readonly idle: readonly number[];
  /** `[world rank]`: most chunks alive at a time, as in `simulate`. */
  readonly peakActivations: readonly number[];
  /** With what compute lanes wait for, as in a recorded step; but for other ranks at the end. */
  readonly timeline: Timeline;
}

/** The most segments, of all ranks together, that are simulated: each becomes an event of the timeline. */
const mostSteps = 2 ** 21;

/**
 * Runs a schedule segment by segment. World rank = pipeline rank x expert + expert rank; the expert ranks of a pipeline rank run the same steps on
 * their own data. Each rank has two lanes. The compute lane runs the steps of its actions in order. A communication segment is packed there and
 * posted; its exchange has the communication lanes of the group once all its ranks have posted it and the lanes are free, while they compute on. A
 * rank waits for an exchange only before the next step that needs it (weight gradients need none), and unpacks its rows there; without overlap, at
 * once. Messages between stages have the sender's communication lane.
 * Deterministic; linear in the number of steps, but for the order of transfers. Throws `WorkError` as `simulate`, `InputError` for times that do
 * not fit the schedule or more than 2^21 steps.
 */
export function simulateSegments({ schedule, overlap, times }: SegmentSimulationRequest): SegmentSimulation {
  const flat = flattenSchedule(schedule);
  requireEnd(schedule, flat);
  checkTimes(times, flat);
  const stepsOf = createStepLists(flat, times, overlap);
  const lanes = createLanes(schedule, times.expert, stepsOf);
  const communication = runLanes(lanes, { flat, pipelineOf: findPipelines(schedule), times, stepsOf });
  const finish = lanes.reduce((latest, { time }) => Math.max(latest, time), 0);
  const makespan = finish + times.tailSeconds;
  return {
    makespan,
    compute: lanes.map(({ compute }) => compute + times.tailSeconds),
    communication: communication.busy,
    exposedCommunication: lanes.map(({ exposedCommunication }) => exposedCommunication),
    idle: lanes.map(({ waiting, time }) => waiting + (finish - time)),
    peakActivations: findPeaks(flat).flatMap((peak) => new Array<number>(times.expert).fill(peak)),
    timeline: { unit: 'seconds', ranks: lanes.map(({ events }) => [...events, ...tailEvents(finish, makespan)]) },
  };
}

function createLanes(
  { actions }: Schedule,
  expert: number,
  stepsOf: (action: Action) => readonly LaneStep[],
): ComputeLane[] {
  const steps = actions.flat().reduce((sum, action) => sum + stepsOf(action).length, 0) * expert;
  if (steps > mostSteps) {
    throw new InputError({
      what: `the schedule has ${steps} segments on all ranks together`,
      mend: `simulate at most ${mostSteps}: fewer microbatches`,
    });
  }
  return actions.flatMap((list, pipelineRank) =>
    Array.from({ length: expert }, (_, expertRank) =>
      createComputeLane({ pipelineRank, expertRank, worldRank: pipelineRank * expert + expertRank }, list),
    ),
  );
}

/** Runs all lanes to their ends: those that can go on compute, and when none can, what is ready first is moved. */
function runLanes(
  lanes: readonly ComputeLane[],
  shared: Omit<ComputeContext, 'communication' | 'deliver'>,
): Communication {
  const { flat, times } = shared;
  const { expert } = times;
  const awake = lanes.map((_, worldRank) => worldRank).reverse();
  const isAwake = new Uint8Array(lanes.length).fill(1);
  const wake = (worldRank: number): void => {
    if (isAwake[worldRank] === 1) return;
    isAwake[worldRank] = 1;
    awake.push(worldRank);
  };
  const record = (worldRank: number, text: TransferLabel, start: number, end: number): void => {
    lanes[worldRank].events.push(transferEvent(text, start, end));
  };
  const deliver = (stage: number, expertRank: number, key: number, time: number): void => {
    const target = flat.stageToRank[stage] * expert + expertRank;
    lanes[target].inbox.set(key, time);
    wake(target);
  };
  const communication = createCommunication({ worldRanks: lanes.length, expert, wake, record });
  const context = { ...shared, communication, deliver };
  const isDone = new Uint8Array(lanes.length);
  for (;;) {
    const worldRank = awake.pop();
    if (worldRank !== undefined) {
      isAwake[worldRank] = 0;
      if (advance(context, lanes[worldRank])) isDone[worldRank] = 1;
    } else if (!communication.serve()) {
      break;
    }
  }
  if (isDone.includes(0)) throw new Error('a rank waits for what no rank gives');
  return communication;
}

function transferEvent({ label, stage, microbatch }: TransferLabel, start: number, end: number): TimelineEvent {
  return { lane: 'communication', kind: 'communication', label, start, end, chunks: [{ stage, microbatch }] };
}

/** What follows the schedule, on every rank. */
function tailEvents(start: number, end: number): TimelineEvent[] {
  return end > start
    ? [{ lane: 'compute', kind: 'other', label: 'outside of the schedule', start, end, chunks: [] }]
    : [];
}

/** `[stages]` */
function findPipelines({ pipelines, stageToRank }: Schedule): Int32Array {
  const pipelineOf = new Int32Array(stageToRank.length);
  for (const [pipeline, stages] of pipelines.entries()) for (const stage of stages) pipelineOf[stage] = pipeline;
  return pipelineOf;
}

function checkTimes({ expert, stages, message, tailSeconds }: StepTimes, flat: FlatSchedule): void {
  if (stages.length !== flat.stages) {
    throw new InputError({ what: `there are times of ${stages.length} stages for ${flat.stages}` });
  }
  const segments = stages.flatMap(({ forward, backward }) => [...forward, ...backward]);
  const lists = segments.flatMap(timesOf);
  const bad = [...lists.flat(), tailSeconds, ...Object.values(message)].find((time) => !(time >= 0 && time < Infinity));
  if (bad !== undefined) throw new InputError({ what: `${bad} is no time`, mend: 'use seconds from 0' });
  if (lists.some(({ length }) => length !== expert)) {
    throw new InputError({ what: `a segment has not the times of ${expert} expert ranks`, mend: 'give one a rank' });
  }
}

function timesOf(segment: StageSegment): (readonly number[])[] {
  if (segment.lane === 'compute') return [segment.seconds];
  return [segment.seconds, segment.transferSeconds, segment.unpackSeconds];
}
