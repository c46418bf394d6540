import { type IndexedTimeline, type Selection, selectedEvent } from './index-timeline.js';

/**
 * The event of another timeline that a chosen one of `before` is there: on the same lane of the same rank, the one of
 * its label with the same number in order; undefined if there is none.
 */
export function findAgain(
  before: IndexedTimeline,
  selected: Selection | undefined,
  timeline: IndexedTimeline,
): Selection | undefined {
  if (selected === undefined || before === timeline) return selected;
  const event = selectedEvent(before, selected);
  const old = before.tracks[selected.track];
  if (event === undefined || old === undefined) return undefined;
  let left = 0;
  for (let place = 0; place <= selected.event; place++) if (old.eventAt(place).label === event.label) left++;
  const track = timeline.tracks.findIndex(({ rank, lane }) => rank === old.rank && lane === old.lane);
  const found = timeline.tracks[track];
  if (found === undefined) return undefined;
  for (let place = 0; place < found.starts.length; place++) {
    if (found.eventAt(place).label === event.label) left--;
    if (left === 0) return { track, event: place };
  }
  return undefined;
}
