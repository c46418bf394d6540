import { formatRate, formatSeconds } from '../../../base/index.js';
import { type Figure, Figures, Panel } from '../ui/index.js';
import type { RecordedStep } from './use-record.js';
import type { RunState } from './use-runs.js';

/** Where the run stands. */
export function RunSummary({ state, record }: { readonly state: RunState; readonly record: RecordedStep | undefined }) {
  const { history, folder, source } = state;
  const last = history.at(-1);
  if (last === undefined) return null;
  const validation = history.findLast(({ validationLoss }) => validationLoss !== undefined);
  const figures: Figure[] = [
    {
      name: 'step',
      value: String(last.step),
      note: folder?.isFinished === true ? 'the run is over' : 'the last one so far',
    },
    { name: 'loss', value: last.loss.toFixed(4), note: 'nats a token' },
    ...(validation?.validationLoss === undefined
      ? []
      : [{ name: 'validation loss', value: validation.validationLoss.toFixed(4), note: `at step ${validation.step}` }]),
    { name: 'rate', value: formatRate(last.tokensPerSecond, 'tokens') },
    { name: 'learning rate', value: last.learningRate.toPrecision(3) },
    { name: 'step time', value: formatSeconds(last.seconds), note: comparePrediction(record) },
    { name: 'rank balancedness', value: last.rankBalancedness.toFixed(3), note: '1 is balanced' },
  ];
  return (
    <Panel title={`${source.id}, step ${last.step}`}>
      <Figures figures={figures} />
    </Panel>
  );
}

function comparePrediction(record: RecordedStep | undefined): string {
  if (record === undefined) return 'no prediction yet';
  const { makespan } = record.prediction;
  return `predicted ${formatSeconds(makespan)}`;
}
