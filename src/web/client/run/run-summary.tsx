import { useEffect, useState } from 'preact/hooks';
import { formatBytes, formatPercent, formatRate, formatSeconds } from '../../../base/index.js';
import { paceOf, type StepMetrics } from '../../../formats/browser.js';
import { describeOutlook, type RunShape } from '../../view/index.js';
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
  const now = useNow();
  const last = history.at(-1);
  if (last === undefined) return null;
  const validation = history.findLast(({ validationLoss }) => validationLoss !== undefined);
  const figures: Figure[] = [
    {
      name: 'step',
      value: shape === undefined ? String(last.step) : `${last.step} of ${shape.steps}`,
      note: describeOutlook(history, {
        steps: shape?.steps,
        quietSeconds: (now - state.lastAt) / 1000,
        isFinished: state.folder?.isFinished === true,
      }),
    },
    { name: 'loss', value: last.loss.toFixed(4), note: 'nats a token' },
    ...(validation?.validationLoss === undefined
      ? []
      : [{ name: 'validation loss', value: validation.validationLoss.toFixed(4), note: `at step ${validation.step}` }]),
    { name: 'rate', value: formatRate(last.tokensPerSecond, 'tokens') },
    ...tellUse(last),
    { name: 'learning rate', value: last.learningRate.toPrecision(3) },
    { name: 'step time', value: formatSeconds(last.seconds), note: `usual ${formatSeconds(paceOf(history))}` },
    ...comparePrediction(record),
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

/** What of the machine's speed and memory the run uses, as far as it was measured. */
function tellUse({ gflops, mfu, peakMemoryBytes }: StepMetrics): Figure[] {
  const speed = gflops === undefined ? undefined : `${gflops.toPrecision(3)} GFLOP/s`;
  return [
    ...(mfu === undefined
      ? speed === undefined
        ? []
        : [{ name: 'speed', value: speed }]
      : [{ name: 'MFU', value: formatPercent(mfu), ...(speed !== undefined && { note: speed }) }]),
    ...(peakMemoryBytes === undefined
      ? []
      : [{ name: 'memory', value: formatBytes(peakMemoryBytes), note: 'at most until now' }]),
  ];
}

/** A prediction beside the steps that it is made from: the last one may be quite another. */
function comparePrediction(record: RecordedStep | undefined): Figure[] {
  if (record === undefined) return [];
  const { steps, stepSeconds } = record.record;
  const note = `measured ${formatSeconds(stepSeconds)}, median of ${steps} steps`;
  return [{ name: 'predicted step', value: formatSeconds(record.prediction.makespan), note }];
}

const tickMilliseconds = 10_000;

/** `performance.now()`, told anew from time to time, or when something else changes. */
function useNow(): number {
  const [, setTicks] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTicks((ticks) => ticks + 1), tickMilliseconds);
    return () => clearInterval(timer);
  }, []);
  return performance.now();
}
