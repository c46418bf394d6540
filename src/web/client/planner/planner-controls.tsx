import { scheduleNames } from '../../../schedule/index.js';
import { type PlannerState, plannerLimits } from '../../view/index.js';
import { CheckField, NumberField, Panel, SelectField } from '../ui/index.js';
import type { ReadFiles } from './messages.js';

interface ControlsProps {
  readonly state: PlannerState;
  readonly files: ReadFiles | undefined;
  readonly onChange: (changes: Partial<PlannerState>) => void;
}

/** What a step computes, what of its layout is fixed, and how many plans are shown. */
export function PlannerControls({ state, files, onChange }: ControlsProps) {
  const isUncalibrated = state.isCalibrated && files?.calibrationFile === 'none';
  return (
    <Panel title="What to plan">
      <div class="fields">
        <NumberField
          label="Sequences a step"
          value={state.sequencesPerStep}
          onChange={(sequencesPerStep) => onChange({ sequencesPerStep })}
          min={1}
          max={plannerLimits.sequencesPerStep}
          isPlain
        />
        <NumberField
          label="Sequence length"
          hint="tokens"
          value={state.sequenceLength}
          onChange={(sequenceLength) => onChange({ sequenceLength })}
          min={1}
          max={plannerLimits.sequenceLength}
          isPlain
        />
        <SelectField
          label="Schedule"
          value={state.schedule ?? 'all'}
          onChange={(name) => onChange({ schedule: name === 'all' ? undefined : name })}
          options={[{ value: 'all', words: 'all' }, ...scheduleNames.map((name) => ({ value: name, words: name }))]}
        />
        <CountField
          label="Pipeline ranks"
          value={state.pipeline}
          counts={files?.counts.pipelines}
          onChange={(pipeline) => onChange({ pipeline })}
        />
        <CountField
          label="Expert ranks"
          hint="ranks that share the experts of a layer"
          value={state.expert}
          counts={files?.counts.experts}
          onChange={(expert) => onChange({ expert })}
        />
        <CountField
          label="Sequences a microbatch"
          value={state.microbatchSize}
          counts={files?.counts.microbatchSizes}
          onChange={(microbatchSize) => onChange({ microbatchSize })}
        />
        <CheckField
          label="Calibration"
          hint={
            isUncalibrated
              ? 'the cluster names no measured step to fit to'
              : 'fit times to the measured step of the cluster'
          }
          value={state.isCalibrated && !isUncalibrated}
          isDisabled={isUncalibrated}
          onChange={(isCalibrated) => onChange({ isCalibrated })}
        />
        <NumberField
          label="Plans in the table"
          value={state.top}
          onChange={(top) => onChange({ top })}
          min={1}
          max={plannerLimits.top}
        />
      </div>
    </Panel>
  );
}

interface CountFieldProps {
  readonly label: string;
  readonly hint?: string;
  /** Undefined: all are searched. */
  readonly value: number | undefined;
  readonly counts: readonly number[] | undefined;
  readonly onChange: (value: number | undefined) => void;
}

/** One of the counts that a search tries, or all of them; a link may have brought another. */
function CountField({ label, hint, value, counts = [], onChange }: CountFieldProps) {
  const all = value === undefined || counts.includes(value) ? counts : [...counts, value];
  return (
    <SelectField
      label={label}
      {...(hint === undefined ? {} : { hint })}
      value={value === undefined ? 'all' : String(value)}
      onChange={(text) => onChange(text === 'all' ? undefined : Number(text))}
      options={[
        { value: 'all', words: 'all' },
        ...all.map((count) => ({ value: String(count), words: String(count) })),
      ]}
    />
  );
}
