import {
  type Area,
  firstEndingAfter,
  fitWindow,
  joinAreas,
  panWindow,
  type Selection,
  selectedEvent,
  type TimeWindow,
  type Track,
} from '../../view/index.js';
import type { Frame } from './draw-frame.js';

/** What a key or a button may do. */
export interface ChartActions {
  readonly show: (window: TimeWindow) => void;
  /** Chooses an event; `shows` moves the window so that it is seen. */
  readonly pick: (selection: Selection | undefined) => void;
  readonly choose: (area: Area | undefined) => void;
  /** Around the pointer, where it is over the chart. */
  readonly zoom: (factor: number) => void;
  /** To the next event that was searched for, or the one before. */
  readonly findNext: (direction: 1 | -1) => void;
  readonly focusSearch: () => void;
  readonly showKeys: () => void;
}

/** What the keys of a chart are, for people; in the order in which they are told. */
export const chartKeys: readonly (readonly [keys: string, meaning: string])[] = [
  ['Click, ← →', 'choose an event, the one before or after it: it stays chosen'],
  ['↑ ↓', 'the event at the same time in the track above or below'],
  ['W S, + −', 'zoom in and out, around the pointer where it is over the chart'],
  ['A D, comma and full stop', 'earlier and later'],
  ['Ctrl + wheel, drag', 'zoom around the pointer, move'],
  ['F', 'zoom to what is chosen'],
  ['0', 'the whole'],
  ['Shift + drag, Shift + arrow keys', 'choose a span of time of some ranks, and sum what lies in it'],
  ['M', 'sum the span of the chosen event over all ranks; without one, of all that is seen'],
  ['/', 'search; Enter or N is the next match, Shift + Enter or P the one before'],
  ['Esc', 'choose nothing'],
];

interface KeyStroke {
  readonly key: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

const arrows: Readonly<Record<string, (frame: Frame) => Selection | undefined>> = {
  ArrowRight: (frame) => stepAlong(frame, 1),
  ArrowLeft: (frame) => stepAlong(frame, -1),
  ArrowDown: (frame) => stepAcross(frame, 1),
  ArrowUp: (frame) => stepAcross(frame, -1),
};

const commands: Readonly<Record<string, (frame: Frame, actions: ChartActions) => void>> = {
  '+': (_, { zoom }) => zoom(0.5),
  '=': (_, { zoom }) => zoom(0.5),
  w: (_, { zoom }) => zoom(0.5),
  '-': (_, { zoom }) => zoom(2),
  s: (_, { zoom }) => zoom(2),
  ',': ({ window, span }, { show }) => show(panWindow(window, span, -0.25)),
  a: ({ window, span }, { show }) => show(panWindow(window, span, -0.25)),
  '.': ({ window, span }, { show }) => show(panWindow(window, span, 0.25)),
  d: ({ window, span }, { show }) => show(panWindow(window, span, 0.25)),
  '0': ({ span }, { show }) => show({ from: 0, to: span }),
  f: showChosen,
  m: (frame, { choose }) => choose(sumOf(frame)),
  n: (_, { findNext }) => findNext(1),
  p: (_, { findNext }) => findNext(-1),
  '/': (_, { focusSearch }) => focusSearch(),
  '?': (_, { showKeys }) => showKeys(),
  escape: (_, { pick, choose }) => {
    pick(undefined);
    choose(undefined);
  },
};

/** Does what a key means for a chart; whether it means anything. */
export function handleKey({ key, shiftKey, ...held }: KeyStroke, frame: Frame, actions: ChartActions): boolean {
  if (held.ctrlKey || held.metaKey || held.altKey) return false;
  const step = arrows[key];
  if (step !== undefined) {
    const next = step(frame);
    actions.pick(next);
    const [before, now] = [areaOf(frame, frame.picked), areaOf(frame, next)];
    if (shiftKey && now !== undefined) actions.choose(joinAreas(frame.area ?? before, now));
    return true;
  }
  const command = commands[key.toLowerCase()];
  command?.(frame, actions);
  return command !== undefined;
}

/** The time of an event, on its rank. */
function areaOf({ timeline }: Frame, selection: Selection | undefined): Area | undefined {
  const event = selectedEvent(timeline, selection);
  if (event === undefined || selection === undefined) return undefined;
  const { rank } = timeline.tracks[selection.track];
  return { from: event.start, to: event.end, firstRank: rank, lastRank: rank };
}

/** The time of the chosen event, or all that is seen, on all ranks. */
export function sumOf({ timeline, window, picked }: Frame): Area {
  const { start: from, end: to } = selectedEvent(timeline, picked) ?? { start: window.from, end: window.to };
  return { from, to, firstRank: 0, lastRank: Math.max(0, timeline.ranks - 1) };
}

function showChosen(frame: Frame, { show }: ChartActions): void {
  const chosen = frame.area ?? areaOf(frame, frame.picked);
  if (chosen === undefined) return;
  const margin = (chosen.to - chosen.from) / 20;
  show(fitWindow({ from: chosen.from - margin, to: chosen.to + margin }, frame.span));
}

/** The window in which an event is seen: as it is where it lies in it, else moved. */
export function windowAround({ timeline, window, span }: Frame, selection: Selection | undefined): TimeWindow {
  const event = selectedEvent(timeline, selection);
  if (event === undefined || (event.start >= window.from && event.end <= window.to)) return window;
  const half = (window.to - window.from) / 2;
  const middle = (event.start + event.end) / 2;
  return fitWindow({ from: middle - half, to: middle + half }, span);
}

/** The next or previous event of the track; without a choice, the first that is seen. */
function stepAlong({ timeline, window, picked }: Frame, direction: 1 | -1): Selection | undefined {
  const track = timeline.tracks[picked?.track ?? 0];
  if (track === undefined || track.starts.length === 0) return undefined;
  const event =
    picked === undefined
      ? Math.min(firstEndingAfter(track, window.from), track.starts.length - 1)
      : Math.min(track.starts.length - 1, Math.max(0, picked.event + direction));
  return { track: picked?.track ?? 0, event };
}

/** What lies at the same time in the next track above or below that has any event. */
function stepAcross({ timeline, window, picked }: Frame, direction: 1 | -1): Selection | undefined {
  const { tracks } = timeline;
  const current = selectedEvent(timeline, picked);
  const time = current === undefined ? window.from : (current.start + current.end) / 2;
  let place = picked === undefined ? (direction === 1 ? 0 : tracks.length - 1) : picked.track + direction;
  while (tracks[place]?.starts.length === 0) place += direction;
  const track: Track | undefined = tracks[place];
  if (track === undefined) return picked;
  return { track: place, event: Math.min(firstEndingAfter(track, time), track.starts.length - 1) };
}
