import { formatSeconds } from '../../../base/index.js';
import { formatTime } from '../../../draw/index.js';
import {
  chosenLimits,
  fitPair,
  leastPair,
  plainTimes,
  type SchedulesState,
  type ShareTimes,
  type StageTimes,
  sumOfParts,
} from '../../view/index.js';
import { DataTable, NumberField, Panel } from '../ui/index.js';

interface TimesProps<T> {
  readonly times: T;
  readonly onChange: (times: SchedulesState['times']) => void;
}

/** How long things take: sliders, or what a plan says of each stage. */
export function TimesPanel({ times, onChange }: TimesProps<SchedulesState['times']>) {
  return times.kind === 'share' ? (
    <SharePanel times={times} onChange={onChange} />
  ) : (
    <StagePanel times={times} onChange={onChange} />
  );
}

const parts = [
  { key: 'forward', label: 'Forward' },
  { key: 'backwardInput', label: 'Backward for inputs' },
  { key: 'backwardWeight', label: 'Backward for weights' },
] as const;

function SharePanel({ times, onChange }: TimesProps<ShareTimes>) {
  const [sum, least] = [sumOfParts(times), leastPair(times)];
  return (
    <Panel title="Times" note="Of one rank's share of the model and one microbatch, in any one unit.">
      <div class="fields">
        {parts.map(({ key, label }) => (
          <NumberField
            key={key}
            label={label}
            value={times[key]}
            min={0}
            max={chosenLimits.time}
            sliderMax={5}
            step={0.05}
            onChange={(value) => onChange(fitPair({ ...times, [key]: value }))}
          />
        ))}
        <NumberField
          label="Overlapped pair, of its parts"
          hint={`${formatTime(times.overlapped * sum)} instead of ${formatTime(sum)}; ${least}: all of the shorter half is hidden, 1: overlapping gains nothing`}
          value={times.overlapped}
          min={least}
          max={chosenLimits.overlapped.most}
          step={0.01}
          onChange={(overlapped) => onChange({ ...times, overlapped })}
        />
        <NumberField
          label="Message between ranks"
          value={times.p2p}
          min={0}
          max={chosenLimits.time}
          sliderMax={1}
          step={0.01}
          onChange={(p2p) => onChange({ ...times, p2p })}
        />
      </div>
    </Panel>
  );
}

function StagePanel({ times, onChange }: TimesProps<StageTimes>) {
  const { forward, backwardInput, backwardWeight, overlapped, p2p } = times;
  const columns = ['stage', 'forward', 'inputs', 'weights', ...(overlapped === undefined ? [] : ['pair'])];
  const rows = forward.map((time, stage) => {
    const values = [time, backwardInput[stage] ?? 0, backwardWeight[stage] ?? 0, overlapped?.[stage]];
    return {
      key: String(stage),
      cells: [stage, ...values.flatMap((value) => (value === undefined ? [] : [formatSeconds(value)]))],
    };
  });
  return (
    <Panel
      title="Times of each stage"
      note={`From a plan: ${forward.length} stages; a message takes ${formatSeconds(p2p)}.`}
      actions={
        <button type="button" onClick={() => onChange(plainTimes(times))}>
          Use sliders
        </button>
      }
    >
      <div class="stage-times">
        <DataTable
          caption="Times of each stage"
          columns={columns.map((name, place) => ({ name, isNumber: place > 0 }))}
          rows={rows}
        />
      </div>
    </Panel>
  );
}
