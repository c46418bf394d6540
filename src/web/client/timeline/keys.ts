import {
  firstEndingAfter,
  fitWindow,
  panWindow,
  type Selection,
  selectedEvent,
  type TimeWindow,
  type Track,
} from '../../view/index.js';
import type { Frame } from './draw-frame.js';

/** What a key may do. */
export interface ChartActions {
  readonly show: (window: TimeWindow) => void;
  readonly select: (selection: Selection | undefined) => void;
  readonly zoom: (factor: number) => void;
}

/** Does what a key means for a chart; whether it means anything. */
export function handleKey(key: string, frame: Frame, { show, select, zoom }: ChartActions): boolean {
  const { timeline, window, span } = frame;
  const choose = (selection: Selection | undefined) => {
    select(selection);
    const event = selectedEvent(timeline, selection);
    if (event !== undefined && (event.start < window.from || event.end > window.to)) {
      const half = (window.to - window.from) / 2;
      const middle = (event.start + event.end) / 2;
      show(fitWindow({ from: middle - half, to: middle + half }, span));
    }
  };
  switch (key) {
    case 'ArrowRight':
    case 'ArrowLeft':
      choose(stepAlong(frame, key === 'ArrowRight' ? 1 : -1));
      return true;
    case 'ArrowDown':
    case 'ArrowUp':
      choose(stepAcross(frame, key === 'ArrowDown' ? 1 : -1));
      return true;
    case '+':
    case '=':
      zoom(0.5);
      return true;
    case '-':
      zoom(2);
      return true;
    case ',':
    case '.':
      show(panWindow(window, span, key === '.' ? 0.25 : -0.25));
      return true;
    case '0':
      show({ from: 0, to: span });
      return true;
    case 'Escape':
      select(undefined);
      return true;
    default:
      return false;
  }
}

/** The next or previous event of the track; without a choice, the first that is seen. */
function stepAlong({ timeline, window, selected }: Frame, direction: 1 | -1): Selection | undefined {
  const track = timeline.tracks[selected?.track ?? 0];
  if (track === undefined || track.starts.length === 0) return undefined;
  const event =
    selected === undefined
      ? Math.min(firstEndingAfter(track, window.from), track.starts.length - 1)
      : Math.min(track.starts.length - 1, Math.max(0, selected.event + direction));
  return { track: selected?.track ?? 0, event };
}

/** What lies at the same time in the next track above or below that has any event. */
function stepAcross({ timeline, window, selected }: Frame, direction: 1 | -1): Selection | undefined {
  const { tracks } = timeline;
  const current = selectedEvent(timeline, selected);
  const time = current === undefined ? window.from : (current.start + current.end) / 2;
  let place = selected === undefined ? (direction === 1 ? 0 : tracks.length - 1) : selected.track + direction;
  while (tracks[place]?.starts.length === 0) place += direction;
  const track: Track | undefined = tracks[place];
  if (track === undefined) return selected;
  return { track: place, event: Math.min(firstEndingAfter(track, time), track.starts.length - 1) };
}
