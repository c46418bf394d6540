import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { AlignedCurves } from '../../view/index.js';
import { useTheme } from './theme.js';
import { useWidth } from './use-width.js';

/** How a curve is drawn. */
export interface CurveStyle {
  readonly name: string;
  /** Place in the list of colours: of a run, the same in all charts. */
  readonly colour: number;
  /** `points` are for values that not every step has, `dashed` for what others are held against. Default: `line`. */
  readonly look?: 'line' | 'dashed' | 'points';
}

export interface CurveChartProps {
  /** With the unit. */
  readonly title: string;
  readonly curves: AlignedCurves;
  /** `[curves]` */
  readonly styles: readonly CurveStyle[];
  readonly describe: (value: number) => string;
  /** Charts with the same key point at the same step. */
  readonly syncKey: string;
  readonly height?: number;
}

const palettes = {
  light: ['#0b5cad', '#b3420a', '#2a7436', '#7a3aa8', '#7a6000', '#006a73'],
  dark: ['#7cc0ff', '#ffb27a', '#8fd694', '#d3a6f5', '#e6cf6b', '#6fd3dd'],
} as const;

/** The colour of a curve by its place in the list; the list begins anew when it ends. */
function curveColour(place: number, theme: 'light' | 'dark'): string {
  const palette = palettes[theme];
  return palette[place % palette.length]!;
}

/** Curves over steps: hovering or the arrow keys tell the values at a step, dragging or plus and minus zoom, a double click or 0 shows all. */
export function CurveChart({ title, curves, styles, describe, syncKey, height = 200 }: CurveChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const width = useWidth(box);
  const { shown: theme } = useTheme();
  const [at, setAt] = useState<number>();
  const kinds = JSON.stringify(styles);
  useEffect(() => {
    if (box.current === null || width === 0) return;
    const options = createOptions({ styles, describe, theme, width, height, syncKey, onStep: setAt });
    plot.current = new uPlot(options, toData(curves), box.current);
    return () => plot.current?.destroy();
    // Data that change are given to the plot below; it is made anew only for what cannot be changed.
  }, [kinds, theme, width, height, syncKey]);
  useEffect(() => {
    if (plot.current !== undefined) changeData(plot.current, toData(curves));
  }, [curves]);
  return (
    <figure class="chart">
      <figcaption class="chart-title">{title}</figcaption>
      <div
        ref={box}
        class="curves"
        role="application"
        aria-label={`${title}. Arrow keys choose a step, plus and minus zoom, 0 shows the whole.`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: its steps are reached by the arrow keys
        tabIndex={0}
        onKeyDown={(event) => {
          if (plot.current !== undefined && handleKey(plot.current, event.key)) event.preventDefault();
        }}
      />
      <Values curves={curves} styles={styles} describe={describe} at={at} theme={theme} />
    </figure>
  );
}

function toData({ steps, values }: AlignedCurves): uPlot.AlignedData {
  return [[...steps], ...values.map((list) => [...list])];
}

/** Gives a plot the data of more steps; the part that a person has chosen stays. */
function changeData(plot: uPlot, data: uPlot.AlignedData): void {
  const { min, max } = plot.scales.x ?? {};
  const steps = plot.data[0];
  const isPart = min != null && max != null && (min > steps[0]! || max < steps.at(-1)!);
  plot.setData(data, !isPart);
  if (isPart) plot.setScale('x', { min, max });
}

/** Does what a key means; whether it means anything. */
function handleKey(plot: uPlot, key: string): boolean {
  const steps = plot.data[0];
  if (steps.length === 0) return false;
  switch (key) {
    case 'ArrowRight':
      return moveCursor(plot, steps, 1);
    case 'ArrowLeft':
      return moveCursor(plot, steps, -1);
    case '+':
    case '=':
      return zoom(plot, steps, 0.5);
    case '-':
      return zoom(plot, steps, 2);
    case '0':
      return zoom(plot, steps, Number.POSITIVE_INFINITY);
    default:
      return false;
  }
}

/** Shows a part of the steps, `factor` times as long, around the step that is pointed at. */
function zoom(plot: uPlot, steps: ArrayLike<number>, factor: number): boolean {
  const [first, last] = [steps[0]!, steps[steps.length - 1]!];
  const { min, max } = plot.scales.x ?? {};
  const [from, to] = [min ?? first, max ?? last];
  const { idx } = plot.cursor;
  const middle = idx == null ? (from + to) / 2 : steps[idx]!;
  const half = Math.max(1, ((to - from) * factor) / 2);
  plot.setScale('x', { min: Math.max(first, middle - half), max: Math.min(last, middle + half) });
  return true;
}

function moveCursor(plot: uPlot, steps: ArrayLike<number>, move: 1 | -1): boolean {
  const place = plot.cursor.idx ?? (move === 1 ? -1 : steps.length);
  const next = steps[Math.min(steps.length - 1, Math.max(0, place + move))]!;
  plot.setCursor({ left: plot.valToPos(next, 'x'), top: plot.height / 3 });
  return true;
}

interface ChartLook extends Pick<CurveChartProps, 'styles' | 'describe' | 'syncKey'> {
  readonly theme: 'light' | 'dark';
  readonly width: number;
  readonly height: number;
  readonly onStep: (place: number | undefined) => void;
}

/** One step makes no line. */
function isOnlyStep({ data: [steps] }: uPlot): boolean {
  return steps.length === 1;
}

function createOptions({ styles, describe, theme, width, height, syncKey, onStep }: ChartLook): uPlot.Options {
  const [text, grid] = theme === 'light' ? ['#535b67', '#e1e4e8'] : ['#aeb6c2', '#323842'];
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { sync: { key: syncKey }, y: false },
    scales: { x: { time: false } },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map((step) => (Number.isInteger(step) ? String(step) : '')) },
      { ...axis, size: 64, values: (_, ticks) => ticks.map(describe) },
    ],
    series: [
      {},
      ...styles.map(({ name, colour, look = 'line' }) => ({
        label: name,
        stroke: curveColour(colour, theme),
        width: 2,
        spanGaps: true,
        points: look === 'points' ? { show: true, size: 7 } : { show: isOnlyStep, size: 7 },
        ...(look !== 'line' && { dash: [6, 4] }),
      })),
    ],
    hooks: { setCursor: [({ cursor: { idx } }) => onStep(idx ?? undefined)] },
  };
}

/** The values at the step that is pointed at, or the last ones; also the legend. */
function Values({
  curves,
  styles,
  describe,
  at,
  theme,
}: Pick<CurveChartProps, 'curves' | 'styles' | 'describe'> & {
  readonly at: number | undefined;
  readonly theme: 'light' | 'dark';
}) {
  const { steps, values } = curves;
  const read = (list: readonly (number | null)[]) =>
    at === undefined ? list.findLast((value) => value !== null) : list[at];
  return (
    // Who chose a step hears it; a live run would else speak without end.
    <div class="curve-values" {...(at !== undefined && { role: 'status' as const })}>
      <span>{at === undefined || steps[at] === undefined ? 'last' : `step ${steps[at]}`}</span>
      <ul class="legend">
        {styles.map(({ name, colour, look = 'line' }, place) => {
          const value = read(values[place] ?? []);
          return (
            <li key={name}>
              <span
                class={look === 'line' ? 'line-swatch' : 'line-swatch dashed'}
                style={{ borderColor: curveColour(colour, theme) }}
              />
              {`${name} ${value === null || value === undefined ? '–' : describe(value)}`}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
