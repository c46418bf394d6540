import { formatSeconds } from '../../../base/index.js';
import { kindStyles } from '../../../draw/index.js';
import type { StepMetrics } from '../../../formats/browser.js';
import { measuredShares, pickSteadily, predictedShares, type StepShares } from '../../view/index.js';
import { Panel, StackedBar } from '../ui/index.js';
import type { RecordedStep } from './recorded-step.js';

const parts = [
  { key: 'compute', name: 'computing', colour: kindStyles.forward.fill },
  { key: 'exposed', name: 'communication that nothing hides', colour: kindStyles.exposed.fill },
  { key: 'idle', name: 'idle', colour: 'var(--sunken)' },
] as const;

/** Of more ranks some are shown, evenly. */
const mostRanks = 64;

/** Where the last step's time went, by rank, beside what was predicted. */
export function SharesPanel({
  history,
  record,
}: {
  readonly history: readonly StepMetrics[];
  readonly record: RecordedStep | undefined;
}) {
  const last = history.at(-1);
  if (last === undefined) return null;
  const measured = measuredShares(last);
  const predicted = record === undefined ? [] : predictedShares(record.prediction);
  const total = Math.max(0, ...[...measured, ...predicted].map(lengthOf));
  const ranks = pickSteadily([...measured.keys()], mostRanks);
  return (
    <Panel
      title={`Where the time of step ${last.step} went`}
      note={
        record === undefined
          ? 'By rank, as measured.'
          : `By rank, as measured and as predicted from the median times of ${record.record.steps} steps, which took ${formatSeconds(record.record.stepSeconds)}.`
      }
    >
      <div class="shares">
        {ranks.map((rank) => (
          <RankShares key={rank} rank={rank} measured={measured[rank]!} predicted={predicted[rank]} total={total} />
        ))}
      </div>
      <ul class="legend" aria-label="Legend">
        {parts.map(({ name, colour }) => (
          <li key={name}>
            <span class="swatch" style={{ background: colour }} />
            {name}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function lengthOf({ compute, exposed, idle }: StepShares): number {
  return compute + exposed + idle;
}

function RankShares({
  rank,
  measured,
  predicted,
  total,
}: {
  readonly rank: number;
  readonly measured: StepShares;
  readonly predicted: StepShares | undefined;
  readonly total: number;
}) {
  const bar = (words: string, shares: StepShares) => (
    <>
      <span>{`rank ${rank}, ${words}`}</span>
      <StackedBar
        label={`rank ${rank}, ${words}`}
        parts={parts.map(({ key, name, colour }) => ({ name, colour, value: shares[key] }))}
        total={total}
        describe={formatSeconds}
      />
      <span class="number">{formatSeconds(lengthOf(shares))}</span>
    </>
  );
  return (
    <>
      {bar('measured', measured)}
      {predicted === undefined ? null : bar('predicted', predicted)}
    </>
  );
}
