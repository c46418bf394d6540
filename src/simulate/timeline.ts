import { InputError } from '../base/index.js';
import {
  type ChunkAction,
  chunkActions,
  type FlatSchedule,
  flattenSchedule,
  formatAction,
  type Schedule,
  type Timeline,
  type TimelineEvent,
} from '../schedule/index.js';
import type { Simulation } from './simulate.js';
import type { RankSteps } from './timed.js';

/** The most actions of a timeline: an object for each, and what is written of it, take some 2 GB. */
const mostTimelineActions = 2 ** 20;

/**
 * The simulated run as a timeline, in the unit of its costs: each action on the compute lane, each message on the communication lane. Throws `InputError` for more than
 * `mostTimelineActions` actions.
 */
export function simulatedTimeline(schedule: Schedule, simulation: Simulation): Timeline {
  const flat = flattenSchedule(schedule);
  if (flat.kind.length > mostTimelineActions) {
    throw new InputError({
      what: `${flat.kind.length} actions are too many to be listed one by one`,
      mend: `use fewer ranks or microbatches, for at most ${mostTimelineActions}, or JSON without steps`,
    });
  }
  return { unit: 'units', ranks: schedule.actions.map((_, rank) => rankEvents(schedule, flat, simulation, rank)) };
}

function rankEvents(schedule: Schedule, flat: FlatSchedule, simulation: Simulation, rank: number): TimelineEvent[] {
  const { start, end } = simulation.steps[rank] as RankSteps;
  const events: TimelineEvent[] = [];
  for (const [position, action] of (schedule.actions[rank] ?? []).entries()) {
    const chunks = chunkActions(action);
    const receives = chunks.flatMap((chunk) => messageFor(flat, simulation, chunk));
    events.push({
      lane: 'compute',
      kind: action.kind,
      label: formatAction(action),
      start: start[position] as number,
      end: end[position] as number,
      chunks: chunks.map(({ stage, microbatch }) => ({ stage, microbatch })),
      ...(receives.length > 0 && { receives }),
    });
    for (const chunk of chunks) events.push(...messageOf(flat, simulation, chunk));
  }
  return events;
}

/** The message that a chunk's action sends, if any. */
function messageOf({ microbatches }: FlatSchedule, { messages }: Simulation, chunk: ChunkAction): TimelineEvent[] {
  if (messages === undefined || chunk.kind === 'backwardWeight') return [];
  const { stage, microbatch } = chunk;
  const isForward = chunk.kind === 'forward';
  const track = isForward ? messages.forward : messages.backward;
  const cell = stage * microbatches + microbatch;
  const start = track.leaves[cell] as number;
  if (start < 0) return [];
  return [
    {
      lane: 'communication',
      kind: 'communication',
      label: `${stage}SEND_${isForward ? 'F' : 'B'}${microbatch}`,
      start,
      end: track.arrives[cell] as number,
      chunks: [{ stage, microbatch }],
      sends: [messageName(isForward, stage, microbatch)],
    },
  ];
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
