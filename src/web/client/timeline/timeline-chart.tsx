import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { kindStyles } from '../../../draw/index.js';
import type { TimelineEvent } from '../../../schedule/index.js';
import {
  type Area,
  describeEvent,
  findAgain,
  fitWindow,
  type IndexedTimeline,
  layOutTracks,
  type Selection,
  selectedEvent,
  type TimeWindow,
  type Track,
  zoomWindow,
} from '../../view/index.js';
import { ChartDetails, useTheme, useWidth } from '../ui/index.js';
import { AreaTable } from './area-table.js';
import { ChartTools } from './chart-tools.js';
import { describeMoment, describeTime, drawFrame, type Frame, margins } from './draw-frame.js';
import { type ChartActions, handleKey, windowAround } from './keys.js';
import { type CanvasPoint, findAtPoint, timeAt, usePointer } from './pointer.js';
import { useSearch } from './use-search.js';

export interface TimelineChartProps {
  readonly timeline: IndexedTimeline;
  /** What the picture is of, for who cannot see it: `Step 12: two tracks of each of 4 ranks`. */
  readonly label: string;
  /** The part of the time that is shown; the whole without one. */
  readonly window?: TimeWindow;
  /** Hears of another part, or of the whole: undefined. */
  readonly onWindow: (window: TimeWindow | undefined) => void;
  /** Where the axis of time ends, so that several charts have one scale. Default: the timeline's end; not before it. */
  readonly span?: number;
  /** Pixels that all ranks have together, at most, before they scroll. Default: 460. */
  readonly room?: number;
  /** Pixels that a rank has at most. Default: as `layOutTracks`. */
  readonly tallest?: number;
  /** Beside the buttons. */
  readonly heading?: ComponentChildren;
  /** Leaves out the buttons that another chart with the same window has. */
  readonly isSecond?: boolean;
  /** Hears whether somebody looks at something in the chart, which another timeline would take away. */
  readonly onHold?: (isHeld: boolean) => void;
}

/**
 * The lanes of every rank over time, on a canvas: wheel with Ctrl, pinch, buttons and keys zoom; dragging and keys
 * move; hovering tells what an event is, a click or the arrow keys choose one; dragging with Shift chooses a span of
 * time to be summed. What is chosen stays, in another timeline too.
 */
export function TimelineChart(props: TimelineChartProps) {
  const { timeline, label, window: given, onWindow, onHold, room = 460, tallest } = props;
  const span = props.span ?? timeline.end;
  const canvas = useRef<HTMLCanvasElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const keys = useRef<HTMLDialogElement>(null);
  const width = useWidth(scroller);
  const { shown: theme } = useTheme();
  const [scrollTop, setScrollTop] = useState(0);
  const [point, setPoint] = useState<CanvasPoint>();
  const [area, setArea] = useState<Area>();
  const [picked, pick] = usePick(timeline);
  const layout = useMemo(() => layOutTracks(timeline, room, tallest), [timeline, room, tallest]);
  const window = fitWindow(given ?? { from: 0, to: span }, span);
  const height = Math.min(layout.height, room) + margins.axis;
  const view = { timeline, layout, window, width, scrollTop };
  const hovered = point === undefined ? undefined : findAtPoint(view, point);
  const frame = { ...view, span, theme, height, hovered, picked, area };
  useDrawing(canvas, frame);
  useHold((point ?? picked ?? area) !== undefined, onHold);
  const show = (next: TimeWindow) =>
    onWindow(next.to - next.from >= span * (1 - 1e-9) ? undefined : { from: next.from, to: next.to });
  const choosePick = (selection: Selection | undefined) => {
    pick(selection);
    const next = windowAround(frame, selection);
    if (next !== window) show(next);
  };
  const search = useSearch(timeline, picked, choosePick);
  const zoom = (factor: number) => {
    const time = point === undefined ? (window.from + window.to) / 2 : timeAt(view, point.x);
    show(zoomWindow(window, span, { time, factor }));
  };
  const actions: ChartActions = {
    show,
    zoom,
    pick: choosePick,
    choose: setArea,
    findNext: search.findNext,
    focusSearch: () => search.input.current?.focus(),
    showKeys: () => keys.current?.showModal(),
  };
  usePointer(canvas, frame, { show, pick, choose: setArea, hover: setPoint });
  const clear = (what: (nothing: undefined) => void) => {
    what(undefined);
    scroller.current?.focus();
  };
  return (
    <figure class="chart">
      <ChartTools {...props} frame={frame} actions={actions} search={search} keys={keys} />
      <div
        class="chart-scroll"
        role="application"
        ref={scroller}
        style={{ height: `${height}px` }}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: its events are reached by the arrow keys
        tabIndex={0}
        aria-label={`${label}. ${spokenKeys}`}
        onKeyDown={(event) => {
          if (handleKey(event, frame, actions)) event.preventDefault();
        }}
        onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
      >
        <div style={{ height: `${layout.height + margins.axis}px` }}>
          <canvas ref={canvas} style={{ height: `${height}px` }} />
        </div>
      </div>
      <Details
        timeline={timeline}
        selected={hovered ?? picked}
        isPicked={picked !== undefined}
        onClear={() => clear(pick)}
      />
      {area === undefined ? null : <AreaTable timeline={timeline} area={area} onClear={() => clear(setArea)} />}
      <Legend timeline={timeline} />
    </figure>
  );
}

const spokenKeys =
  'Arrow keys choose events, plus and minus zoom, comma and full stop move, 0 shows the whole, question mark tells all keys.';

/** Draws the frame whenever what it shows has changed. */
function useDrawing(canvas: RefObject<HTMLCanvasElement | null>, frame: Frame): void {
  const { timeline, layout, window, span, theme, width, height, scrollTop, picked, area, hovered } = frame;
  const shown = [timeline, layout, window.from, window.to, span, theme, width, height, scrollTop, picked, area];
  useLayoutEffect(() => {
    if (canvas.current === null || width === 0) return;
    const start = performance.now();
    drawFrame(canvas.current, frame);
    performance.measure('timeline frame', { start });
  }, [...shown, hovered?.track, hovered?.event]);
}

function useHold(isHeld: boolean, onHold: TimelineChartProps['onHold']): void {
  useEffect(() => {
    onHold?.(isHeld);
    return () => onHold?.(false);
  }, [isHeld]);
}

/** The event that was chosen, as far as the timeline has it, and how to choose another. */
function usePick(timeline: IndexedTimeline) {
  const [pick, setPick] = useState<{ readonly timeline: IndexedTimeline; readonly selection: Selection | undefined }>();
  const picked = useMemo(
    () => (pick === undefined ? undefined : findAgain(pick.timeline, pick.selection, timeline)),
    [pick, timeline],
  );
  return [picked, (selection: Selection | undefined) => setPick({ timeline, selection })] as const;
}

const hints = {
  pointer: 'Hover to see what an event is, click it to keep it; Shift and drag sums a span; ? tells all keys.',
  touch: 'Tap an event to see what it is; drag to move, pinch to zoom.',
};
const hint = matchMedia('(hover: none)').matches ? hints.touch : hints.pointer;

function Details({
  timeline,
  selected,
  isPicked,
  onClear,
}: {
  readonly timeline: IndexedTimeline;
  readonly selected: Selection | undefined;
  readonly isPicked: boolean;
  readonly onClear: () => void;
}) {
  const track = selected === undefined ? undefined : timeline.tracks[selected.track];
  const event = selectedEvent(timeline, selected);
  return (
    <div class="chart-tools">
      <ChartDetails hint={hint}>
        {track === undefined || event === undefined ? undefined : tellEvent(event, track, timeline.unit)}
      </ChartDetails>
      {isPicked ? (
        <button type="button" onClick={onClear}>
          Clear
        </button>
      ) : null}
    </div>
  );
}

function tellEvent(event: TimelineEvent, { rank, lane }: Track, unit: IndexedTimeline['unit']): string {
  const length = event.end - event.start;
  const [from, to] = [event.start, event.end].map((time) => describeMoment(time, length, unit));
  const what = `${describeEvent(event)} (${kindStyles[event.kind].words})`;
  return `rank ${rank}, ${lane}: ${what}, ${describeTime(length, unit)} long, from ${from} to ${to}`;
}

function Legend({ timeline }: { readonly timeline: IndexedTimeline }) {
  return (
    <ul class="legend" aria-label="Legend">
      {timeline.kinds.map((kind) => (
        <li key={kind}>
          <span class="swatch" style={{ background: kindStyles[kind].fill }} />
          {`${kindStyles[kind].letter} ${kindStyles[kind].words}`.trim()}
        </li>
      ))}
      <li>
        <span class="swatch idle" />
        idle
      </li>
    </ul>
  );
}
