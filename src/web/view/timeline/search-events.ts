import { kindStyles } from '../../../draw/index.js';
import { describeEvent } from './describe-event.js';
import { type IndexedTimeline, type Selection, selectedEvent } from './index-timeline.js';

/**
 * Events of which each word of `query` stands in the label, in capitals or not, or in what is told of them; in the
 * order of their starts, then of their tracks. None for an empty query.
 */
export function searchEvents(timeline: IndexedTimeline, query: string): readonly Selection[] {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return [];
  // Many events have the same few texts.
  const known = new Map<string, boolean>();
  const found: (Selection & { readonly start: number })[] = [];
  for (const [track, { starts, eventAt }] of timeline.tracks.entries()) {
    for (let place = 0; place < starts.length; place++) {
      const event = eventAt(place);
      const text = `${event.label} ${describeEvent(event)} ${kindStyles[event.kind].words}`.toLowerCase();
      const isFound = known.get(text) ?? words.every((word) => text.includes(word));
      known.set(text, isFound);
      if (isFound) found.push({ track, event: place, start: starts[place] });
    }
  }
  return found.sort((a, b) => a.start - b.start || a.track - b.track).map(({ track, event }) => ({ track, event }));
}

/**
 * The place of the match that follows what is chosen, or the one before it; the first or last one after the end, and -1
 * without matches.
 */
export function nextMatch(
  timeline: IndexedTimeline,
  matches: readonly Selection[],
  selected: Selection | undefined,
  direction: 1 | -1,
): number {
  if (matches.length === 0) return -1;
  const start = selectedEvent(timeline, selected)?.start;
  if (start === undefined || selected === undefined) return direction === 1 ? 0 : matches.length - 1;
  const orderOf = (match: Selection) =>
    timeline.tracks[match.track].starts[match.event] - start || match.track - selected.track;
  const isBeyond = (match: Selection) => orderOf(match) * direction > 0;
  const place = direction === 1 ? matches.findIndex(isBeyond) : matches.findLastIndex(isBeyond);
  return place >= 0 ? place : direction === 1 ? 0 : matches.length - 1;
}
