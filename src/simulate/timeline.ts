import { InputError } from '../base/index.js';
import {
  actionAt,
  type ChunkAction,
  chunkActions,
  eventKinds,
  type FlatSchedule,
  flattenSchedule,
  formatAction,
  type LaneColumns,
  type Schedule,
  type Timeline,
  type TimelineEvent,
} from '../schedule/index.js';
import type { Simulation } from './simulate.js';
import type { RankSteps } from './timed.js';

/** The most actions of a timeline: an object for each, and what is written of it, take some 2 GB. */
const mostTimelineActions = 2 ** 20;

type MessageTrack = NonNullable<Simulation['messages']>['forward'];

/** A schedule that was simulated. */
interface SimulatedRun {
  readonly flat: FlatSchedule;
  readonly simulation: Simulation;
}

/**
 * The simulated run as a timeline, in the unit of its costs: each action on the compute lane, each message on the communication lane. Throws `InputError` for more than
 * `mostTimelineActions` actions.
 */
export function simulatedTimeline(schedule: Schedule, simulation: Simulation): Timeline {
  const run = { flat: flattenSchedule(schedule), simulation };
  const count = run.flat.kind.length;
  if (count > mostTimelineActions) {
    throw new InputError({
      what: `${count} actions are too many to be listed one by one`,
      mend: `use fewer ranks or microbatches, for at most ${mostTimelineActions}, or JSON without steps`,
    });
  }
  return { unit: 'units', ranks: simulation.steps.map((_, rank) => rankEvents(run, rank)) };
}

/** The same in columns, a rank's compute lane before its communication lane: for pictures, which show few events at a time. */
export function simulatedLanes(schedule: Schedule, simulation: Simulation): LaneColumns[] {
  const run = { flat: flattenSchedule(schedule), simulation };
  return simulation.steps.flatMap(({ start: starts, end: ends }, rank) => {
    const first = run.flat.rankStart[rank] as number;
    const kinds = run.flat.kind.subarray(first, first + starts.length);
    const eventAt = (place: number) => actionEvent(run, first + place);
    return [{ rank, lane: 'compute', starts, ends, kinds, eventAt }, messageLane(run, rank)] as const;
  });
}

function messageLane(run: SimulatedRun, rank: number): LaneColumns {
  const { rankStart } = run.flat;
  const most = run.simulation.messages === undefined ? 0 : 2 * (rankStart[rank + 1]! - rankStart[rank]!);
  const [starts, ends, cells] = [new Float64Array(most), new Float64Array(most), new Int32Array(most)];
  const isForward = new Uint8Array(most);
  let count = 0;
  for (let action = rankStart[rank]!; action < rankStart[rank + 1]!; action++) {
    visitMessages(run, action, (cell, own, track) => {
      starts[count] = track.leaves[cell]!;
      ends[count] = track.arrives[cell]!;
      cells[count] = cell;
      isForward[count++] = Number(own);
    });
  }
  return {
    rank,
    lane: 'communication',
    starts: starts.subarray(0, count),
    ends: ends.subarray(0, count),
    kinds: new Uint8Array(count).fill(eventKinds.indexOf('communication')),
    eventAt: (place) => messageEvent(run, cells[place]!, isForward[place] === 1),
  };
}

function rankEvents(run: SimulatedRun, rank: number): TimelineEvent[] {
  const { rankStart } = run.flat;
  const events: TimelineEvent[] = [];
  for (let action = rankStart[rank]!; action < rankStart[rank + 1]!; action++) {
    events.push(actionEvent(run, action));
    visitMessages(run, action, (cell, isForward) => events.push(messageEvent(run, cell, isForward)));
  }
  return events;
}

function actionEvent({ flat, simulation }: SimulatedRun, action: number): TimelineEvent {
  const rank = flat.rank[action] as number;
  const place = action - (flat.rankStart[rank] as number);
  const { start, end } = simulation.steps[rank] as RankSteps;
  const content = actionAt(flat, action);
  const chunks = chunkActions(content);
  const receives = chunks.flatMap((chunk) => messageFor(flat, simulation, chunk));
  return {
    lane: 'compute',
    kind: content.kind,
    label: formatAction(content),
    start: start[place] as number,
    end: end[place] as number,
    chunks: chunks.map(({ stage, microbatch }) => ({ stage, microbatch })),
    ...(receives.length > 0 && { receives }),
  };
}

/** Shows the messages that an action sends, with the result of a forward's cell or a backward's, in the order in which they leave. */
function visitMessages(
  { flat, simulation: { messages } }: SimulatedRun,
  action: number,
  use: (cell: number, isForward: boolean, track: MessageTrack) => void,
): void {
  if (messages === undefined) return;
  const [forward, backward] = [flat.forward[action]!, flat.backward[action]!];
  if (forward >= 0 && messages.forward.leaves[forward]! >= 0) use(forward, true, messages.forward);
  if (backward >= 0 && messages.backward.leaves[backward]! >= 0) use(backward, false, messages.backward);
}

function messageEvent(
  { flat: { microbatches }, simulation: { messages } }: SimulatedRun,
  cell: number,
  isForward: boolean,
): TimelineEvent {
  const { leaves, arrives } = messages![isForward ? 'forward' : 'backward'];
  const [stage, microbatch] = [Math.floor(cell / microbatches), cell % microbatches];
  return {
    lane: 'communication',
    kind: 'communication',
    label: `${stage}SEND_${isForward ? 'F' : 'B'}${microbatch}`,
    start: leaves[cell]!,
    end: arrives[cell]!,
    chunks: [{ stage, microbatch }],
    sends: [messageName(isForward, stage, microbatch)],
  };
}

/** The name of the message that a chunk's action takes first, if any. */
function messageFor(flat: FlatSchedule, { messages }: Simulation, chunk: ChunkAction): string[] {
  if (messages === undefined || chunk.kind === 'backwardWeight') return [];
  const { stage, microbatch } = chunk;
  const isForward = chunk.kind === 'forward';
  const step = ((isForward ? flat.toPrevious : flat.toNext)[stage] as number) / flat.microbatches;
  if (step === 0 || flat.stageToRank[stage + step] === flat.stageToRank[stage]) return [];
  return [messageName(isForward, stage + step, microbatch)];
}

function messageName(isForward: boolean, stage: number, microbatch: number): string {
  return `${stage}${isForward ? 'F' : 'B'}${microbatch}`;
}
