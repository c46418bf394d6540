import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { type AlignedCurves, logarithmicMarks, type TimeWindow, tellMarks } from '../../view/index.js';
import { useTheme } from './theme.js';
import { useWidth } from './use-width.js';

/** How a curve is drawn. */
export interface CurveStyle {
  readonly name: string;
  /** Place in the list of colours: of a run, the same in all charts. */
  readonly colour: number;
  /**
   * `points` are for values that not every step has, `dashed` for what others are held against, `faint` for what the
   * next one is the mean of. Default: `line`.
   */
  readonly look?: 'line' | 'dashed' | 'points' | 'faint';
}

/** A value of an axis in words, with digits after the point where more are needed to tell marks apart. */
type DescribeMark = (value: number, digits: number) => string;

export interface CurveChartProps {
  /** With the unit. */
  readonly title: string;
  readonly curves: AlignedCurves;
  /** `[curves]` */
  readonly styles: readonly CurveStyle[];
  readonly describe: (value: number) => string;
  readonly describeMark: DescribeMark;
  /** What the places are: its name, a place in words, and the marks. The same object as long as it means the same. */
  readonly axis: CurveChartAxis;
  readonly isLogarithmic: boolean;
  /** The part of the places that is shown; all without one. */
  readonly zoom: TimeWindow | undefined;
  readonly onZoom: (zoom: TimeWindow | undefined) => void;
  /** Charts with the same key point at the same place. */
  readonly syncKey: string;
  readonly height?: number;
}

export interface CurveChartAxis {
  readonly name: string;
  /** `step 17` */
  readonly describe: (place: number) => string;
  readonly describeMark: DescribeMark;
}

const palettes = {
  light: ['#0b5cad', '#b3420a', '#2a7436', '#7a3aa8', '#7a6000', '#006a73'],
  dark: ['#7cc0ff', '#ffb27a', '#8fd694', '#d3a6f5', '#e6cf6b', '#6fd3dd'],
} as const;

/** The colour of a curve by its place in the list; the list begins anew when it ends. */
export function curveColour(place: number, theme: 'light' | 'dark'): string {
  const palette = palettes[theme];
  return palette[place % palette.length];
}

/** Curves over steps: hovering or the arrow keys tell the values at a step, dragging or plus and minus zoom, a double click or 0 shows all. */
export function CurveChart(props: CurveChartProps) {
  const { title, curves, styles, axis, isLogarithmic, zoom, onZoom, syncKey, height = 190 } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const width = useWidth(box);
  const { shown: theme } = useTheme();
  const [at, setAt] = useState<number>();
  const kinds = JSON.stringify(styles);
  const zoomTo = useRef(onZoom);
  zoomTo.current = onZoom;
  useEffect(() => {
    if (box.current === null || width === 0) return;
    const hear = { onStep: setAt, onZoom: (next: TimeWindow | undefined) => zoomTo.current(next) };
    plot.current = new uPlot(createOptions({ ...props, ...hear, theme, width, height }), toData(curves), box.current);
    showData(plot.current, curves, zoom);
    return () => plot.current?.destroy();
    // Data that change are given to the plot below; it is made anew only for what cannot be changed.
  }, [kinds, theme, width, height, syncKey, axis, isLogarithmic]);
  useEffect(() => {
    if (plot.current !== undefined) showData(plot.current, curves, zoom);
  }, [curves, zoom?.from, zoom?.to]);
  return (
    <figure class="chart curve-chart">
      <figcaption class="chart-title">{title}</figcaption>
      <div
        ref={box}
        class="curves"
        role="application"
        aria-label={`${title}. Arrow keys choose a step, plus and minus zoom, 0 shows the whole.`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: its steps are reached by the arrow keys
        tabIndex={0}
        onKeyDown={(event) => {
          if (event.ctrlKey || event.metaKey || event.altKey || plot.current === undefined) return;
          if (handleKey(plot.current, event.key, onZoom)) event.preventDefault();
        }}
      />
      <Values {...props} at={at} theme={theme} />
    </figure>
  );
}

function toData({ places, values }: AlignedCurves): uPlot.AlignedData {
  return [[...places], ...values.map((list) => [...list])];
}

/** Gives a plot its data; the part that a person has chosen stays. */
function showData(plot: uPlot, curves: AlignedCurves, zoom: TimeWindow | undefined): void {
  plot.setData(toData(curves), zoom === undefined);
  if (zoom !== undefined) plot.setScale('x', { min: zoom.from, max: zoom.to });
}

/** Does what a key means; whether it means anything. */
function handleKey(plot: uPlot, key: string, onZoom: CurveChartProps['onZoom']): boolean {
  const places = plot.data[0];
  if (places.length === 0) return false;
  switch (key) {
    case 'ArrowRight':
      return moveCursor(plot, places, 1);
    case 'ArrowLeft':
      return moveCursor(plot, places, -1);
    case '+':
    case '=':
      onZoom(zoomOf(plot, places, 0.5));
      return true;
    case '-':
      onZoom(zoomOf(plot, places, 2));
      return true;
    case '0':
      onZoom(undefined);
      return true;
    default:
      return false;
  }
}

/**
 * A part of the places, `factor` times as long as what is shown, around the place that is pointed at; undefined for
 * all.
 */
function zoomOf(plot: uPlot, places: ArrayLike<number>, factor: number): TimeWindow | undefined {
  const [first, last] = [places[0], places[places.length - 1]];
  const { min, max } = plot.scales.x ?? {};
  const [from, to] = [min ?? first, max ?? last];
  const { idx } = plot.cursor;
  const middle = idx == null ? (from + to) / 2 : places[idx];
  // At least from a place to the ones beside it.
  const half = Math.max((last - first) / Math.max(1, places.length - 1), ((to - from) * factor) / 2);
  const zoom = { from: Math.max(first, middle - half), to: Math.min(last, middle + half) };
  return zoom.to > zoom.from && (zoom.from > first || zoom.to < last) ? zoom : undefined;
}

function moveCursor(plot: uPlot, places: ArrayLike<number>, move: 1 | -1): boolean {
  const place = plot.cursor.idx ?? (move === 1 ? -1 : places.length);
  const next = places[Math.min(places.length - 1, Math.max(0, place + move))];
  plot.setCursor({ left: plot.valToPos(next, 'x'), top: plot.height / 3 });
  return true;
}

interface ChartLook
  extends Pick<CurveChartProps, 'styles' | 'describeMark' | 'axis' | 'isLogarithmic' | 'onZoom' | 'syncKey'> {
  readonly theme: 'light' | 'dark';
  readonly width: number;
  readonly height: number;
  readonly onStep: (place: number | undefined) => void;
}

/** One step makes no line. */
function isOnlyStep({ data: [places] }: uPlot): boolean {
  return places.length === 1;
}

function createOptions(look: ChartLook): uPlot.Options {
  const { styles, describeMark, axis, isLogarithmic, onZoom, theme, width, height, syncKey, onStep } = look;
  const [text, grid] = theme === 'light' ? ['#535b67', '#e1e4e8'] : ['#aeb6c2', '#323842'];
  const lines = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  const showAll = () => {
    onZoom(undefined);
    return null;
  };
  const bind = { dblclick: () => showAll };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { sync: { key: syncKey }, y: false, drag: { x: true, y: false, setScale: false }, bind },
    scales: { x: { time: false }, y: isLogarithmic ? { distr: 3, range: logarithmicRange } : {} },
    padding: [8, 12, 0, 0],
    axes: [
      {
        ...lines,
        size: 30,
        label: axis.name,
        labelSize: 20,
        labelGap: 0,
        labelFont: '12px system-ui, sans-serif',
        values: (_, marks) => tellMarks(marks, axis.describeMark),
      },
      {
        ...lines,
        size: 64,
        values: (_, marks) => tellMarks(marks, describeMark),
        ...(isLogarithmic && {
          splits: (_: uPlot, __: number, min: number, max: number) => logarithmicMarks(min, max),
          filter: (_: uPlot, marks: number[]) => marks,
        }),
      },
    ],
    series: [{}, ...styles.map((style) => createSeries(style, theme))],
    hooks: {
      setCursor: [({ cursor: { idx } }) => onStep(idx ?? undefined)],
      setSelect: [(plot) => takeSelection(plot, onZoom)],
    },
  };
}

function createSeries({ name, colour, look = 'line' }: CurveStyle, theme: 'light' | 'dark'): uPlot.Series {
  return {
    label: name,
    stroke: curveColour(colour, theme),
    width: look === 'faint' ? 1 : 2,
    ...(look === 'faint' && { alpha: 0.35 }),
    spanGaps: true,
    points: look === 'points' ? { show: true, size: 7 } : { show: isOnlyStep, size: 7 },
    ...((look === 'points' || look === 'dashed') && { dash: [6, 4] }),
  };
}

/** A little further than the values: whole powers of ten would leave most of the chart empty. */
function logarithmicRange(_: uPlot, min: number | null, max: number | null): uPlot.Range.MinMax {
  if (min === null || max === null) return [1, 10];
  const margin = Math.max(1.01, (max / min) ** 0.05);
  return [min / margin, max * margin];
}

/** What was dragged over is what is shown. */
function takeSelection(plot: uPlot, onZoom: CurveChartProps['onZoom']): void {
  const { left, width } = plot.select;
  if (width < 2) return;
  const [from, to] = [Math.max(0, plot.posToVal(left, 'x')), plot.posToVal(left + width, 'x')];
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  if (to > from) onZoom({ from, to });
}

/** The values at the step that is pointed at, or the last ones; also the legend. */
function Values({
  curves: { places, values },
  styles,
  describe,
  axis,
  at,
  theme,
}: Pick<CurveChartProps, 'curves' | 'styles' | 'describe' | 'axis'> & {
  readonly at: number | undefined;
  readonly theme: 'light' | 'dark';
}) {
  const read = (list: readonly (number | null)[] = []) =>
    at === undefined ? list.findLast((value) => value !== null) : list[at];
  const say = (list: readonly (number | null)[] | undefined) => {
    const value = read(list);
    return value === null || value === undefined ? '–' : describe(value);
  };
  return (
    // Who chose a step hears it; a live run would else speak without end.
    <div class="curve-values" {...(at !== undefined && { role: 'status' as const })}>
      <span>{at === undefined || places[at] === undefined ? 'last' : axis.describe(places[at])}</span>
      <ul class="legend">
        {styles.map(({ name, colour, look = 'line' }, place) =>
          look === 'faint' ? null : (
            <li key={name}>
              <span
                class={look === 'line' ? 'line-swatch' : 'line-swatch dashed'}
                style={{ borderColor: curveColour(colour, theme) }}
              />
              {`${name} ${say(values[place])}`}
              {styles[place - 1]?.look === 'faint' ? ` (not smoothed ${say(values[place - 1])})` : null}
            </li>
          ),
        )}
      </ul>
    </div>
  );
}
