import type { ActionKind } from './action.js';
import { kindCodes } from './flat.js';
import { type Lane, lanes } from './segments.js';

/**
 * What an event is, for its colour. On the compute lane of a recorded step, `exposed` is communication that nothing hides (waiting for what travels, copying messages) and `idle` is waiting for a
 * message of another stage.
 */
export type EventKind = ActionKind | 'communication' | 'other' | 'exposed' | 'idle';

/** Every kind of event: actions first, each at its place in `kindCodes`. */
export const eventKinds: readonly EventKind[] = [
  ...(Object.keys(kindCodes) as ActionKind[]),
  'communication',
  'other',
  'exposed',
  'idle',
];

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
  /** Names of the messages between ranks that it sends; a name is sent once in a timeline. */
  readonly sends?: readonly string[];
  /** Names of the messages that it takes first: of other ranks' `sends`. */
  readonly receives?: readonly string[];
}

/** When each rank did what: filled by the simulator (in the unit of its costs) and by the runtime's recorder (in seconds). */
export interface Timeline {
  readonly unit: 'seconds' | 'units';
  /** `[rank]`, in order of start within each lane. */
  readonly ranks: readonly (readonly TimelineEvent[])[];
}

/** A lane of a rank in columns, so that its events can be gone through without an object each. */
export interface LaneColumns {
  readonly rank: number;
  readonly lane: Lane;
  /** `[events]`, ascending. */
  readonly starts: Float64Array;
  /** `[events]` */
  readonly ends: Float64Array;
  /** `[events]`: place in `eventKinds`. */
  readonly kinds: Uint8Array;
  /** The event at a place. */
  readonly eventAt: (place: number) => TimelineEvent;
}

/**
 * The timeline as Chrome's trace events, which Perfetto opens: a process a rank, a thread a lane, and an arrow for each message, from the slice that sends
 * it to the slice that takes it. Traces count microseconds: one unit of a timeline without seconds is shown as a millisecond.
 */
export function formatTrace(timeline: Timeline): string {
  const scale = timeline.unit === 'seconds' ? 1e6 : 1e3;
  const flows = numberMessages(timeline);
  const events = timeline.ranks.flatMap((rankEvents, rank) => [
    ...nameRank(rank),
    ...rankEvents.flatMap((event) => [sliceOf(event, rank, scale), ...arrowsOf(event, rank, scale, flows)]),
  ]);
  return `{"displayTimeUnit":"ms","traceEvents":[\n${events.map((event) => JSON.stringify(event)).join(',\n')}\n]}\n`;
}

function sliceOf({ lane, kind, label, start, end, chunks }: TimelineEvent, rank: number, scale: number) {
  return {
    name: label,
    cat: kind,
    ph: 'X',
    pid: rank,
    tid: lanes.indexOf(lane),
    ts: roundToNanoseconds(start * scale),
    dur: roundToNanoseconds(roundToNanoseconds(end * scale) - roundToNanoseconds(start * scale)),
    args: { chunks },
  };
}

/** Perfetto counts so: a slice that ends later than the next begins, by less, would be drawn as its parent. */
function roundToNanoseconds(microseconds: number): number {
  return Math.round(microseconds * 1e3) / 1e3;
}

/** Numbers of the messages whose both ends are in the timeline: half an arrow would be an error of the trace. */
function numberMessages({ ranks }: Timeline): ReadonlyMap<string, number> {
  const sent = new Set<string>();
  for (const events of ranks) for (const { sends = [] } of events) for (const name of sends) sent.add(name);
  const numbers = new Map<string, number>();
  for (const events of ranks) {
    for (const { receives = [] } of events) {
      for (const name of receives) if (sent.delete(name)) numbers.set(name, numbers.size + 1);
    }
  }
  return numbers;
}

/** Ends of arrows: each lies at its slice's start, which binds it to that slice. */
function arrowsOf(
  { lane, start, sends = [], receives = [] }: TimelineEvent,
  rank: number,
  scale: number,
  numbers: ReadonlyMap<string, number>,
) {
  const end = (ph: 's' | 'f', name: string) => {
    const id = numbers.get(name);
    if (id === undefined) return [];
    const place = { pid: rank, tid: lanes.indexOf(lane), ts: roundToNanoseconds(start * scale) };
    return [{ name: 'message', cat: 'message', ph, id, ...place, ...(ph === 'f' && { bp: 'e' }) }];
  };
  return [...sends.flatMap((name) => end('s', name)), ...receives.flatMap((name) => end('f', name))];
}

function nameRank(rank: number) {
  const meta = (name: string, tid: number, args: object) => ({ name, ph: 'M', pid: rank, tid, args });
  return [
    meta('process_name', 0, { name: `rank ${rank}` }),
    meta('process_sort_index', 0, { sort_index: rank }),
    ...lanes.map((lane, tid) => meta('thread_name', tid, { name: lane })),
  ];
}
