import {
  type EventKind,
  eventKinds,
  type Lane,
  type LaneColumns,
  lanes,
  type Timeline,
  type TimelineEvent,
} from '../../../schedule/index.js';

/** A lane of a rank: what a frame is drawn from without an object an event. All its events take time. */
export interface Track extends LaneColumns {
  /** `[events]`: the largest end up to and with the event: what ends before a time has a place that is found by halving. */
  readonly reaches: Float64Array;
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
}

/** A timeline's events as columns, sorted. */
export function indexTimeline({ unit, ranks }: Timeline): IndexedTimeline {
  const columns = ranks.flatMap((events, rank) =>
    lanes.map((lane): LaneColumns => {
      const own = events.filter((event) => event.lane === lane).sort((a, b) => a.start - b.start);
      return {
        rank,
        lane,
        starts: Float64Array.from(own, ({ start }) => start),
        ends: Float64Array.from(own, ({ end }) => end),
        kinds: Uint8Array.from(own, ({ kind }) => eventKinds.indexOf(kind)),
        eventAt: (place) => own[place]!,
      };
    }),
  );
  return indexLanes(columns, { unit, ranks: ranks.length });
}

/** Lanes made ready to be drawn, of each rank its compute lane first. Events without a duration are left out: there is nothing of them to see. */
export function indexLanes(
  columns: readonly LaneColumns[],
  { unit, ranks }: Pick<IndexedTimeline, 'unit' | 'ranks'>,
): IndexedTimeline {
  const tracks = columns.map(createTrack);
  const isUsed = (lane: Lane) => tracks.some((track) => track.lane === lane && track.starts.length > 0);
  const shown = tracks.filter(({ lane }) => lane === 'compute' || isUsed(lane));
  const isPresent = new Uint8Array(eventKinds.length);
  for (const { kinds } of shown) for (const kind of kinds) isPresent[kind] = 1;
  return {
    unit,
    end: shown.reduce((latest, { reaches }) => Math.max(latest, reaches.at(-1) ?? 0), 0),
    ranks,
    tracks: shown,
    kinds: eventKinds.filter((_, place) => isPresent[place] === 1),
  };
}

function createTrack(columns: LaneColumns): Track {
  const lane = columns.ends.every((end, place) => end > columns.starts[place]!) ? columns : dropInstants(columns);
  const reaches = lane.ends.slice();
  for (let index = 1; index < reaches.length; index++) reaches[index] = Math.max(reaches[index]!, reaches[index - 1]!);
  return { ...lane, reaches };
}

function dropInstants({ starts, ends, kinds, eventAt, ...lane }: LaneColumns): LaneColumns {
  const places = [...starts.keys()].filter((place) => ends[place]! > starts[place]!);
  return {
    ...lane,
    starts: Float64Array.from(places, (place) => starts[place]!),
    ends: Float64Array.from(places, (place) => ends[place]!),
    kinds: Uint8Array.from(places, (place) => kinds[place]!),
    eventAt: (place) => eventAt(places[place]!),
  };
}

/** An event that is chosen, by the places of its track and in it. */
export interface Selection {
  readonly track: number;
  readonly event: number;
}

/** The event that is chosen; undefined where this timeline has none there. */
export function selectedEvent({ tracks }: IndexedTimeline, selected: Selection | undefined): TimelineEvent | undefined {
  const track = selected === undefined ? undefined : tracks[selected.track];
  return selected === undefined || track?.starts[selected.event] === undefined
    ? undefined
    : track.eventAt(selected.event);
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
