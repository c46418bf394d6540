import { type EventKind, eventKinds, type Lane } from '../../../schedule/index.js';
import { firstEndingAfter, type IndexedTimeline } from './index-timeline.js';
import type { TimeWindow } from './paint-track.js';

/** A part of the time of some ranks. */
export interface Area extends TimeWindow {
  readonly firstRank: number;
  readonly lastRank: number;
}

/** What the events of a kind on a lane have of an area. */
export interface AreaRow {
  readonly lane: Lane;
  /** Undefined for the time in which the compute lane has no event. */
  readonly kind: EventKind | undefined;
  /** Events that reach into the area. */
  readonly count: number;
  /** Of what lies in the area, in the timeline's unit. */
  readonly total: number;
  readonly longest: number;
}

/**
 * What the ranks of an area do in it, by lane and kind, the largest total of a lane first; of an event that reaches out
 * of the area, the part that lies in it.
 */
export function sumArea(timeline: IndexedTimeline, { from, to, firstRank, lastRank }: Area): readonly AreaRow[] {
  const rows = new Map<
    string,
    { lane: Lane; kind: EventKind | undefined; count: number; total: number; longest: number }
  >();
  let free = 0;
  for (const track of timeline.tracks) {
    if (track.rank < firstRank || track.rank > lastRank) continue;
    let covered = from;
    for (let place = firstEndingAfter(track, from); place < track.starts.length; place++) {
      if (track.starts[place] >= to) break;
      const [start, end] = [Math.max(from, track.starts[place]), Math.min(to, track.ends[place])];
      if (end <= start) continue;
      if (track.lane === 'compute') free += Math.max(0, start - covered);
      covered = Math.max(covered, end);
      const kind = eventKinds[track.kinds[place]];
      const key = `${track.lane} ${kind}`;
      const row = rows.get(key) ?? { lane: track.lane, kind, count: 0, total: 0, longest: 0 };
      rows.set(key, row);
      row.count++;
      row.total += end - start;
      row.longest = Math.max(row.longest, end - start);
    }
    if (track.lane === 'compute') free += Math.max(0, to - covered);
  }
  const sorted = [...rows.values()].sort((a, b) => compareLanes(a.lane, b.lane) || b.total - a.total);
  const idle = { lane: 'compute', kind: undefined, count: 0, total: free, longest: 0 } as const;
  const after = sorted.findLastIndex(({ lane }) => lane === 'compute') + 1;
  return free > 0 ? [...sorted.slice(0, after), idle, ...sorted.slice(after)] : sorted;
}

function compareLanes(a: Lane, b: Lane): number {
  return a === b ? 0 : a === 'compute' ? -1 : 1;
}

/** The least area that holds both; without one, the other. */
export function joinAreas(a: Area | undefined, b: Area): Area {
  if (a === undefined) return b;
  return {
    from: Math.min(a.from, b.from),
    to: Math.max(a.to, b.to),
    firstRank: Math.min(a.firstRank, b.firstRank),
    lastRank: Math.max(a.lastRank, b.lastRank),
  };
}
