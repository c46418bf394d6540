import { formatRate, formatSeconds } from '../../../base/index.js';
import type { RunShape } from '../../view/index.js';
import { type Figure, Figures, Panel } from '../ui/index.js';
import type { RecordedStep } from './recorded-step.js';
import type { RunState } from './use-runs.js';

/** Where the run stands. */
export function RunSummary({
  state,
  record,
  shape,
}: {
  readonly state: RunState;
  readonly record: RecordedStep | undefined;
  readonly shape: RunShape | undefined;
}) {
  const { history, source } = state;
  const last = history.at(-1);
  if (last === undefined) return null;
  const validation = history.findLast(({ validationLoss }) => validationLoss !== undefined);
  const figures: Figure[] = [
    {
      name: 'step',
      value: shape === undefined ? String(last.step) : `${last.step} of ${shape.steps}`,
      note: describeEnd(state, shape),
    },
    { name: 'loss', value: last.loss.toFixed(4), note: 'nats a token' },
    ...(validation?.validationLoss === undefined
      ? []
      : [{ name: 'validation loss', value: validation.validationLoss.toFixed(4), note: `at step ${validation.step}` }]),
    { name: 'rate', value: formatRate(last.tokensPerSecond, 'tokens') },
    { name: 'learning rate', value: last.learningRate.toPrecision(3) },
    { name: 'step time', value: formatSeconds(last.seconds), note: comparePrediction(record) },
    ...((shape?.expert ?? 1) < 2
      ? []
      : [{ name: 'balance of ranks', value: last.rankBalancedness.toFixed(3), note: 'mean over largest load' }]),
  ];
  return (
    <Panel title={source.id} {...(shape !== undefined && { note: shape.words })}>
      <Figures figures={figures} />
    </Panel>
  );
}

/** What is left of the run, at the pace of its last steps. */
function describeEnd({ history, folder }: RunState, shape: RunShape | undefined): string {
  if (folder?.isFinished === true) return 'the run is over';
  const last = history.at(-1);
  if (shape === undefined || last === undefined) return 'the last one so far';
  const recent = history
    .slice(-20)
    .map(({ seconds }) => seconds)
    .sort((a, b) => a - b);
  return `about ${formatSeconds((shape.steps - last.step) * (recent[recent.length >> 1] ?? 0))} left`;
}

function comparePrediction(record: RecordedStep | undefined): string {
  if (record === undefined) return 'no prediction yet';
  const { makespan } = record.prediction;
  return `predicted ${formatSeconds(makespan)}`;
}
