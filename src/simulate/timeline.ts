import {
  type Action,
  type ChunkAction,
  formatAction,
  type Schedule,
  type Timeline,
  type TimelineEvent,
} from '../schedule/index.js';
import type { RankSteps, Simulation } from './simulate.js';
import type { Track } from './timed.js';

/** The simulated run as a timeline, in the unit of its costs: each action on the compute lane, each message on the communication lane. */
export function simulatedTimeline(schedule: Schedule, simulation: Simulation): Timeline {
  return {
    unit: 'units',
    ranks: schedule.actions.map((actions, rank) => rankEvents(actions, simulation.steps[rank] as RankSteps)),
  };
}

function rankEvents(actions: readonly Action[], steps: RankSteps): TimelineEvent[] {
  const events: TimelineEvent[] = [];
  for (const [position, action] of actions.entries()) {
    const chunks = action.kind === 'overlap' ? [action.forward, action.backward] : [action];
    events.push({
      lane: 'compute',
      kind: action.kind,
      label: formatAction(action),
      start: steps.start[position] as number,
      end: steps.end[position] as number,
      chunks: chunks.map(({ stage, microbatch }) => ({ stage, microbatch })),
    });
    const message = (letter: string, chunk: ChunkAction | undefined, track: Track): void => {
      const start = track.leaves[position] as number;
      if (chunk === undefined || Number.isNaN(start)) return;
      const { stage, microbatch } = chunk;
      const label = `${stage}SEND_${letter}${microbatch}`;
      const end = track.arrives[position] as number;
      events.push({ lane: 'communication', kind: 'communication', label, start, end, chunks: [{ stage, microbatch }] });
    };
    message('F', chunks[0], steps.forward);
    message('B', chunks.at(-1), steps.backward);
  }
  return events;
}
