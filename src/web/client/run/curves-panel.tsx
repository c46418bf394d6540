import { useMemo } from 'preact/hooks';
import { formatCount, formatSeconds } from '../../../base/index.js';
import type { StepMetrics } from '../../../formats/browser.js';
import { alignCurves, type Curve } from '../../view/index.js';
import { CurveChart, type CurveStyle, Panel } from '../ui/index.js';
import type { RunState } from './use-runs.js';

interface CurveKind {
  readonly name: string;
  readonly read: (metrics: StepMetrics) => number | undefined;
  readonly isSparse?: boolean;
}

interface Chart {
  readonly title: string;
  readonly kinds: readonly CurveKind[];
  readonly describe: (value: number) => string;
}

const charts: readonly Chart[] = [
  {
    title: 'Loss (nats a token)',
    kinds: [
      { name: 'training', read: ({ loss }) => loss },
      { name: 'validation', read: ({ validationLoss }) => validationLoss, isSparse: true },
    ],
    describe: (value) => value.toFixed(3),
  },
  {
    title: 'Tokens a second',
    kinds: [{ name: '', read: ({ tokensPerSecond }) => tokensPerSecond }],
    describe: formatCount,
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
  },
];

/** Curves over the steps of the runs that are chosen; they point at the same step. */
export function CurvesPanel({ states }: { readonly states: readonly RunState[] }) {
  return (
    <Panel title="Curves" note="Drag over a curve to zoom, double-click to see all again.">
      <div class="charts">
        {charts.map((chart) => (
          <RunCurves key={chart.title} chart={chart} states={states} />
        ))}
      </div>
    </Panel>
  );
}

function RunCurves({ chart, states }: { readonly chart: Chart; readonly states: readonly RunState[] }) {
  const histories = states.map(({ history }) => history);
  const { curves, styles } = useMemo(() => {
    const lines: { curve: Curve; style: CurveStyle }[] = states.flatMap(({ source, history }, colour) =>
      chart.kinds.map(({ name, read, isSparse = false }) => {
        const points = history.map((metrics) => ({ step: metrics.step, value: read(metrics) }));
        const words = [states.length > 1 || name === '' ? source.id : '', name].filter((word) => word !== '').join(' ');
        return { curve: { name: words, points }, style: { name: words, colour, isSparse } };
      }),
    );
    return { curves: alignCurves(lines.map(({ curve }) => curve)), styles: lines.map(({ style }) => style) };
  }, [chart, ...histories]);
  return (
    <CurveChart title={chart.title} curves={curves} styles={styles} describe={chart.describe} syncKey="run curves" />
  );
}
