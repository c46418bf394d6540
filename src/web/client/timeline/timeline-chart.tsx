import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { kindStyles } from '../../../draw/index.js';
import {
  fitWindow,
  type IndexedTimeline,
  layOutTracks,
  panWindow,
  type Selection,
  selectedEvent,
  type TimeWindow,
  zoomWindow,
} from '../../view/index.js';
import { ChartDetails, useTheme, useWidth } from '../ui/index.js';
import { describeTime, drawFrame, margins } from './draw-frame.js';
import { handleKey } from './keys.js';
import { usePointer } from './pointer.js';

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
}

/**
 * The lanes of every rank over time, on a canvas: wheel with Ctrl, pinch, buttons and keys zoom; dragging and keys move; hovering or choosing with
 * the keys tells what an event is.
 */
export function TimelineChart({ timeline, label, window: given, onWindow, room = 460, ...rest }: TimelineChartProps) {
  const span = rest.span ?? timeline.end;
  const canvas = useRef<HTMLCanvasElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const width = useWidth(scroller);
  const { shown: theme } = useTheme();
  const [scrollTop, setScrollTop] = useState(0);
  const [selected, setSelected] = useState<Selection>();
  const layout = useMemo(() => layOutTracks(timeline, room), [timeline, room]);
  const window = fitWindow(given ?? { from: 0, to: span }, span);
  const height = Math.min(layout.height, room) + margins.axis;
  const frame = { timeline, layout, window, span, theme, width, height, scrollTop, selected };
  useEffect(() => setSelected(undefined), [timeline]);
  useLayoutEffect(() => {
    if (canvas.current === null || width === 0) return;
    const start = performance.now();
    drawFrame(canvas.current, frame);
    performance.measure('timeline frame', { start });
  }, [timeline, layout, window.from, window.to, span, theme, width, height, scrollTop, selected]);
  const show = (next: TimeWindow) =>
    onWindow(next.to - next.from >= span * (1 - 1e-9) ? undefined : { from: next.from, to: next.to });
  usePointer(canvas, frame, { show, select: setSelected });
  const zoom = (factor: number) => show(zoomWindow(window, span, { time: (window.from + window.to) / 2, factor }));
  const onKeyDown = (event: KeyboardEvent) => {
    const done = handleKey(event.key, frame, { show, select: setSelected, zoom });
    if (done) event.preventDefault();
  };
  return (
    <figure class="chart">
      <div class="actions">
        <button type="button" onClick={() => zoom(0.5)}>
          Zoom in
        </button>
        <button type="button" onClick={() => zoom(2)}>
          Zoom out
        </button>
        <button type="button" onClick={() => show(panWindow(window, span, -0.25))} aria-label="Earlier">
          ←
        </button>
        <button type="button" onClick={() => show(panWindow(window, span, 0.25))} aria-label="Later">
          →
        </button>
        <button type="button" onClick={() => onWindow(undefined)}>
          Whole
        </button>
      </div>
      <div
        class="chart-scroll"
        role="application"
        ref={scroller}
        style={{ height: `${height}px` }}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: its events are reached by the arrow keys
        tabIndex={0}
        aria-label={`${label}. Arrow keys choose events, plus and minus zoom, comma and full stop move, 0 shows the whole.`}
        onKeyDown={onKeyDown}
        onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
      >
        <div style={{ height: `${layout.height + margins.axis}px` }}>
          <canvas ref={canvas} style={{ height: `${height}px` }} />
        </div>
      </div>
      <Details timeline={timeline} selected={selected} />
      <Legend timeline={timeline} />
    </figure>
  );
}

function Details({
  timeline,
  selected,
}: {
  readonly timeline: IndexedTimeline;
  readonly selected: Selection | undefined;
}) {
  const track = selected === undefined ? undefined : timeline.tracks[selected.track];
  const event = selectedEvent(timeline, selected);
  const say = (time: number) => describeTime(time, timeline.unit);
  return (
    <ChartDetails hint="Hover or use the arrow keys to see what an event is.">
      {track === undefined || event === undefined
        ? undefined
        : `rank ${track.rank}, ${track.lane}: ${event.label} (${kindStyles[event.kind].words}), ${say(event.end - event.start)} long, from ${say(event.start)} to ${say(event.end)}`}
    </ChartDetails>
  );
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
