import { useMemo } from 'preact/hooks';
import { formatCount, formatSeconds } from '../../../base/index.js';
import type { StepMetrics } from '../../../formats/browser.js';
import { alignCurves, type Curve } from '../../view/index.js';
import { CurveChart, type CurveStyle, Panel } from '../ui/index.js';
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
  /** What the simulator predicts is shown with it. */
  readonly isStepTime?: boolean;
}

const charts: readonly Chart[] = [
  {
    title: 'Loss (nats a token)',
    kinds: [
      { name: 'training', read: ({ loss }) => loss },
      { name: 'validation', read: ({ validationLoss }) => validationLoss, look: 'points' },
    ],
    describe: (value) => value.toFixed(3),
  },
  {
    title: 'Tokens a second',
    kinds: [{ name: '', read: ({ tokensPerSecond }) => tokensPerSecond }],
    describe: (value) => formatCount(value).replace(/\.?0+(?= |$)/, ''),
  },
  {
    title: 'Learning rate',
    kinds: [{ name: '', read: ({ learningRate }) => learningRate }],
    describe: (value) => (value === 0 ? '0' : value.toExponential(1)),
  },
  {
    title: 'Time of a step',
    kinds: [{ name: '', read: ({ seconds }) => seconds }],
    describe: formatSeconds,
    isStepTime: true,
  },
];

/** Curves over the steps of the runs that are chosen; they point at the same step. */
export function CurvesPanel({
  states,
  record,
}: {
  readonly states: readonly RunState[];
  readonly record: RecordedStep | undefined;
}) {
  return (
    <Panel title="Curves" note="Drag over a curve to zoom, double-click to see all again.">
      <div class="charts">
        {charts.map((chart) => (
          <RunCurves key={chart.title} chart={chart} states={states} predicted={record?.prediction.makespan} />
        ))}
      </div>
    </Panel>
  );
}

function RunCurves({
  chart,
  states,
  predicted,
}: {
  readonly chart: Chart;
  readonly states: readonly RunState[];
  /** Seconds of a step of the first run. */
  readonly predicted: number | undefined;
}) {
  const histories = states.map(({ history }) => history);
  const { curves, styles } = useMemo(() => {
    const lines: { curve: Curve; style: CurveStyle }[] = states.flatMap(({ source, history }, colour) =>
      chart.kinds.map(({ name, read, look = 'line' }) => {
        const points = history.map((metrics) => ({ step: metrics.step, value: read(metrics) }));
        const words = [states.length > 1 || name === '' ? source.id : '', name].filter((word) => word !== '').join(' ');
        return { curve: { name: words, points }, style: { name: words, colour, look } };
      }),
    );
    if (chart.isStepTime === true && predicted !== undefined) {
      const points = (histories[0] ?? []).map(({ step }) => ({ step, value: predicted }));
      const name = states.length > 1 ? `${states[0]?.source.id} predicted` : 'predicted';
      lines.push({ curve: { name, points }, style: { name, colour: 0, look: 'dashed' } });
    }
    return { curves: alignCurves(lines.map(({ curve }) => curve)), styles: lines.map(({ style }) => style) };
  }, [chart, predicted, ...histories]);
  return (
    <CurveChart title={chart.title} curves={curves} styles={styles} describe={chart.describe} syncKey="run curves" />
  );
}
