import type { IndexedTimeline, Track } from './index-timeline.js';

/** Where the tracks of a timeline lie, in CSS pixels from the top of the first one. */
export interface ChartLayout {
  /** Of a rank's tracks together, with the gap after them. */
  readonly rankHeight: number;
  readonly computeHeight: number;
  readonly communicationHeight: number;
  /** Of all ranks. */
  readonly height: number;
}

/** What a rank has at most, unless more is asked for: more than its text needs is waste where there are many. */
const usualRankHeight = 35;
const lowest = { compute: 4, communication: 2 } as const;

/** Tracks as high as fit `room` pixels together, a rank's at most `tallest`, within what can be seen. */
export function layOutTracks(
  { ranks, tracks }: IndexedTimeline,
  room: number,
  tallest: number = usualRankHeight,
): ChartLayout {
  const hasMessages = tracks.some(({ lane }) => lane === 'communication');
  const each = Math.min(tallest, ranks === 0 ? room : Math.floor(room / ranks));
  const gap = each >= 16 ? 4 : 1;
  const communicationHeight = hasMessages ? Math.max(lowest.communication, Math.floor((each - gap) * 0.3)) : 0;
  // What a rank without messages leaves free is not filled: bands of all timelines are alike.
  const tallestCompute = Math.ceil((tallest - gap) * 0.7);
  const computeHeight = Math.min(tallestCompute, Math.max(lowest.compute, each - gap - communicationHeight));
  const rankHeight = computeHeight + communicationHeight + gap;
  return { rankHeight, computeHeight, communicationHeight, height: rankHeight * ranks };
}

/** Top and height of a track. */
export function placeTrack(
  { rankHeight, computeHeight, communicationHeight }: ChartLayout,
  { rank, lane }: Pick<Track, 'rank' | 'lane'>,
): { readonly top: number; readonly height: number } {
  const top = rank * rankHeight;
  return lane === 'compute'
    ? { top, height: computeHeight }
    : { top: top + computeHeight, height: communicationHeight };
}

/** The place of the track at a height, among all tracks; -1 where there is none. */
export function findTrack(timeline: IndexedTimeline, layout: ChartLayout, y: number): number {
  return timeline.tracks.findIndex((track) => {
    const { top, height } = placeTrack(layout, track);
    return y >= top && y < top + height;
  });
}
