import { eventKinds } from '../../../draw/index.js';
import { type EventKind, type Lane, lanes, type Timeline, type TimelineEvent } from '../../../schedule/index.js';

/** A lane of a rank, in columns: what a frame is drawn from without an object an event. */
export interface Track {
  readonly rank: number;
  readonly lane: Lane;
  /** `[events]`, ascending. */
  readonly starts: Float64Array;
  /** `[events]` */
  readonly ends: Float64Array;
  /** `[events]`: the largest end up to and with the event: what ends before a time has a place that is found by halving. */
  readonly reaches: Float64Array;
  /** `[events]`: place in `eventKinds`. */
  readonly kinds: Uint8Array;
  readonly events: readonly TimelineEvent[];
}

/** A timeline, made ready to be drawn again and again. */
export interface IndexedTimeline {
  readonly unit: Timeline['unit'];
  /** When the last event ends. */
  readonly end: number;
  readonly ranks: number;
  /** A rank's compute lane, then, where any rank has one, its communication lane. */
  readonly tracks: readonly Track[];
  /** The kinds that occur, in the order of the legend. */
  readonly kinds: readonly EventKind[];
  /** Events that take time. */
  readonly count: number;
}

/** Sorts a timeline's events into columns. Events without a duration are left out: there is nothing of them to see. */
export function indexTimeline({ unit, ranks }: Timeline): IndexedTimeline {
  const tracks = ranks.flatMap((events, rank) => lanes.map((lane) => createTrack(rank, lane, events)));
  const isUsed = (lane: Lane) => tracks.some((track) => track.lane === lane && track.starts.length > 0);
  const shown = tracks.filter(({ lane }) => lane === 'compute' || isUsed(lane));
  const present = new Set(shown.flatMap((track) => [...new Set(track.kinds)]));
  return {
    unit,
    end: shown.reduce((latest, { reaches }) => Math.max(latest, reaches.at(-1) ?? 0), 0),
    ranks: ranks.length,
    tracks: shown,
    kinds: eventKinds.filter((_, place) => present.has(place)),
    count: shown.reduce((sum, { starts }) => sum + starts.length, 0),
  };
}

function createTrack(rank: number, lane: Lane, all: readonly TimelineEvent[]): Track {
  const events = all.filter((event) => event.lane === lane && event.end > event.start);
  events.sort((a, b) => a.start - b.start);
  const ends = Float64Array.from(events, ({ end }) => end);
  const reaches = Float64Array.from(ends);
  for (let index = 1; index < reaches.length; index++) reaches[index] = Math.max(reaches[index]!, reaches[index - 1]!);
  return {
    rank,
    lane,
    starts: Float64Array.from(events, ({ start }) => start),
    ends,
    reaches,
    kinds: Uint8Array.from(events, ({ kind }) => eventKinds.indexOf(kind)),
    events,
  };
}

/** The place of the first event that ends after `time`; the number of events if none does. */
export function firstEndingAfter({ reaches }: Track, time: number): number {
  let [low, high] = [0, reaches.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (reaches[middle]! > time) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The place of the last event that lies over `time`, or that is less than `slack` away from it; -1 if there is none. */
export function findEvent(track: Track, time: number, slack = 0): number {
  let best = -1;
  let nearest = slack;
  for (let place = firstEndingAfter(track, time - slack); place < track.starts.length; place++) {
    if (track.starts[place]! > time + slack) break;
    const distance = Math.max(track.starts[place]! - time, time - track.ends[place]!, 0);
    if (distance > nearest) continue;
    [best, nearest] = [place, distance];
  }
  return best;
}
