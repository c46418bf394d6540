import { useMemo } from 'preact/hooks';
import { formatSeconds } from '../../../base/index.js';
import type { StepMetrics } from '../../../formats/browser.js';
import {
  alignCurves,
  type Curve,
  formatTokens,
  formatWindow,
  placesOf,
  positiveOnly,
  readCurveChoice,
  smoothCurve,
} from '../../view/index.js';
import { CurveChart, type CurveChartAxis, type CurveStyle, Panel, setParameters, useRoute } from '../ui/index.js';
import { CurveControls } from './curve-controls.js';
import type { RecordedStep } from './recorded-step.js';
import type { RunState } from './use-runs.js';

interface CurveKind {
  readonly name: string;
  readonly read: (metrics: StepMetrics) => number | undefined;
  readonly look?: CurveStyle['look'];
}

interface Chart {
  readonly title: string;
  readonly kinds: readonly CurveKind[];
  readonly describe: (value: number) => string;
  readonly describeMark: (value: number, digits: number) => string;
  /** What the simulator predicts is shown with it. */
  readonly isStepTime?: boolean;
}

const markSeconds = (value: number, digits: number) =>
  digits === 0 ? formatSeconds(value) : `${value.toFixed(digits)} s`;
const markTokens = (value: number, digits: number) =>
  digits === 0 ? formatTokens(value) : `${(value / 1000).toFixed(digits)} k`;
const exponential = (value: number, digits: number) => (value === 0 ? '0' : value.toExponential(digits));

const charts: readonly Chart[] = [
  {
    title: 'Loss (nats a token)',
    kinds: [
      { name: 'training', read: ({ loss }) => loss },
      { name: 'validation', read: ({ validationLoss }) => validationLoss, look: 'points' },
    ],
    describe: (value) => value.toFixed(3),
    describeMark: (value, digits) => value.toFixed(digits),
  },
  {
    title: 'Norm of the gradient',
    kinds: [{ name: '', read: ({ gradNorm }) => gradNorm }],
    describe: (value) => value.toPrecision(3),
    describeMark: (value, digits) => value.toFixed(digits),
  },
  {
    title: 'Tokens a second',
    kinds: [{ name: '', read: ({ tokensPerSecond }) => tokensPerSecond }],
    describe: formatTokens,
    describeMark: markTokens,
  },
  {
    title: 'Time of a step',
    kinds: [{ name: '', read: ({ seconds }) => seconds }],
    describe: formatSeconds,
    describeMark: markSeconds,
    isStepTime: true,
  },
  {
    title: 'Learning rate',
    kinds: [{ name: '', read: ({ learningRate }) => learningRate }],
    describe: (value) => exponential(value, 2),
    describeMark: exponential,
  },
];

const axes: Readonly<Record<ReturnType<typeof readCurveChoice>['axis'], CurveChartAxis>> = {
  step: {
    name: 'step',
    describe: (place) => `step ${place}`,
    describeMark: (place) => (Number.isInteger(place) ? String(place) : ''),
  },
  tokens: {
    name: 'tokens trained on',
    describe: (place) => `${formatTokens(place)} tokens`,
    describeMark: (place, digits) => (place === 0 ? '0' : markTokens(place, digits)),
  },
  time: {
    name: 'time in steps',
    describe: (place) => `after ${formatSeconds(place)}`,
    describeMark: (place, digits) => (place === 0 ? '0' : markSeconds(place, digits)),
  },
};

/**
 * Curves of the runs that are chosen, over steps, tokens or time; they point at the same place and show the same part.
 */
export function CurvesPanel({
  states,
  record,
}: {
  readonly states: readonly RunState[];
  readonly record: RecordedStep | undefined;
}) {
  const { parameters } = useRoute();
  const choice = readCurveChoice(parameters);
  return (
    <Panel
      title="Curves"
      note="Drag over a curve to zoom, or choose it and use plus and minus; a double click or 0 shows all again."
    >
      <CurveControls choice={choice} />
      <div class="charts">
        {charts.map((chart) => (
          <RunCurves
            key={chart.title}
            chart={chart}
            states={states}
            choice={choice}
            predicted={record?.prediction.makespan}
          />
        ))}
      </div>
    </Panel>
  );
}

interface RunCurvesProps {
  readonly chart: Chart;
  readonly states: readonly RunState[];
  readonly choice: ReturnType<typeof readCurveChoice>;
  /** Seconds of a step of the first run. */
  readonly predicted: number | undefined;
}

function RunCurves({ chart, states, choice, predicted }: RunCurvesProps) {
  const { axis, smoothing, isLogarithmic, zoom } = choice;
  const histories = states.map(({ history }) => history);
  const { curves, styles } = useMemo(() => {
    const lines = listLines({ chart, states, choice, predicted });
    return { curves: alignCurves(lines.map(({ curve }) => curve)), styles: lines.map(({ style }) => style) };
  }, [chart, predicted, axis, smoothing, isLogarithmic, ...histories]);
  return (
    <CurveChart
      title={chart.title}
      curves={curves}
      styles={styles}
      describe={chart.describe}
      describeMark={chart.describeMark}
      axis={axes[axis]}
      isLogarithmic={isLogarithmic}
      zoom={zoom}
      onZoom={(next) => setParameters({ curves: formatWindow(next) })}
      syncKey="run curves"
    />
  );
}

interface Line {
  readonly curve: Curve;
  readonly style: CurveStyle;
}

/**
 * The lines of a chart: of each run and kind the values, before them what they are the mean of, and what is predicted.
 */
function listLines({ chart, states, choice, predicted }: RunCurvesProps): readonly Line[] {
  const { axis, smoothing, isLogarithmic } = choice;
  const scale = isLogarithmic ? positiveOnly : (values: (number | null)[]) => values;
  const lines = states.flatMap(({ source, history }, colour) => {
    const places = placesOf(history, axis);
    return chart.kinds.flatMap(({ name, read, look = 'line' }): Line[] => {
      const words = [states.length > 1 || name === '' ? source.id : '', name].filter((word) => word !== '').join(' ');
      const values = history.map((metrics) => read(metrics) ?? null);
      const line = { curve: { places, values: scale(values) }, style: { name: words, colour, look } };
      if (smoothing === 0 || look !== 'line') return [line];
      const smooth = { places, values: scale(smoothCurve(values, smoothing)) };
      return [
        { ...line, style: { ...line.style, look: 'faint' } },
        { curve: smooth, style: line.style },
      ];
    });
  });
  if (chart.isStepTime !== true || predicted === undefined) return lines;
  const [main] = states;
  const name = states.length > 1 ? `${main?.source.id} predicted` : 'predicted';
  const places = placesOf(main?.history ?? [], axis);
  const curve = { places, values: places.map(() => predicted) };
  return [...lines, { curve, style: { name, colour: 0, look: 'dashed' } }];
}
