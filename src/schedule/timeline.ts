import type { ActionKind } from './action.js';
import type { Lane } from './segments.js';

/** What an event is, for its colour. */
export type EventKind = ActionKind | 'communication' | 'other';

/** Something that occupied a lane of a rank from `start` to `end`, in the timeline's unit. */
export interface TimelineEvent {
  readonly lane: Lane;
  readonly kind: EventKind;
  /** `0F3`, `(0F7;7B3)OVERLAP_F_B`, `dispatch`. */
  readonly label: string;
  readonly start: number;
  readonly end: number;
  /** The chunks that it works for: two of an overlapped pair (forward first), none of what serves no microbatch. */
  readonly chunks: readonly { readonly stage: number; readonly microbatch: number }[];
}

/** When each rank did what: filled by the simulator (in the unit of its costs) and by the runtime's recorder (in seconds). */
export interface Timeline {
  readonly unit: 'seconds' | 'units';
  /** `[rank]`, in order of start within each lane. */
  readonly ranks: readonly (readonly TimelineEvent[])[];
}

const lanes = ['compute', 'communication'] as const satisfies readonly Lane[];

/**
 * The timeline as Chrome's trace events, which Perfetto opens: a process a rank, a thread a lane. Traces count microseconds: one unit of a
 * timeline without seconds is shown as a millisecond.
 */
export function formatTrace(timeline: Timeline): string {
  const scale = timeline.unit === 'seconds' ? 1e6 : 1e3;
  const events = timeline.ranks.flatMap((rankEvents, rank) => [
    ...nameRank(rank),
    ...rankEvents.map(({ lane, kind, label, start, end, chunks }) => ({
      name: label,
      cat: kind,
      ph: 'X',
      pid: rank,
      tid: lanes.indexOf(lane),
      ts: start * scale,
      dur: (end - start) * scale,
      args: { chunks },
    })),
  ]);
  return `{"displayTimeUnit":"ms","traceEvents":[\n${events.map((event) => JSON.stringify(event)).join(',\n')}\n]}\n`;
}

function nameRank(rank: number) {
  const meta = (name: string, tid: number, args: object) => ({ name, ph: 'M', pid: rank, tid, args });
  return [
    meta('process_name', 0, { name: `rank ${rank}` }),
    meta('process_sort_index', 0, { sort_index: rank }),
    ...lanes.map((lane, tid) => meta('thread_name', tid, { name: lane })),
  ];
}
