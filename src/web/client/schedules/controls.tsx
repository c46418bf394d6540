import type { Schedule } from '../../../schedule/index.js';
import {
  type ChosenSchedule,
  chosenLimits,
  formatRoute,
  type SchedulesState,
  scheduleChoices,
  schedulesRoute,
} from '../../view/index.js';
import { CheckField, ControlsColumn, NumberField, Panel, SelectField } from '../ui/index.js';
import { LinkButton } from './link-button.js';
import { OpenFile } from './open-file.js';
import { TimesPanel } from './times-fields.js';

export interface ControlsProps {
  readonly state: SchedulesState;
  readonly file: Schedule | undefined;
  /** What the schedules come to, in a few words. */
  readonly effect: string | undefined;
  readonly onChange: (changes: Partial<SchedulesState>) => void;
  readonly onFile: (file: Schedule | undefined) => void;
}

/** All that can be chosen. */
export function Controls({ state, file, effect, onChange, onFile }: ControlsProps) {
  return (
    <ControlsColumn summary={describeChosen(state, file)} effect={effect}>
      <Panel title="Schedules">
        <div class="fields">
          {file === undefined ? (
            <ScheduleField label="Schedule" value={state.first} onChange={(first) => onChange({ first })} />
          ) : (
            <FileField file={file} onClose={() => onFile(undefined)} />
          )}
          <SecondField value={state.second} onChange={(second) => onChange({ second })} />
          {file === undefined ? <CountFields state={state} onChange={onChange} /> : null}
        </div>
      </Panel>
      <TimesPanel times={state.times} onChange={(times) => onChange({ times, window: undefined })} />
      <ShownPanel state={state} ranks={file?.ranks ?? state.ranks} onChange={onChange} />
      <OpenFile onSchedule={onFile} />
    </ControlsColumn>
  );
}

/** `dualpipev and 1f1b, 8 ranks, 20 microbatches` */
function describeChosen({ first, second, ranks, microbatches }: SchedulesState, file: Schedule | undefined): string {
  const names = [file?.name ?? first.name, ...(second === undefined ? [] : [second.name])].join(' and ');
  const counts = file ?? { ranks, microbatches };
  return `${names}, ${counts.ranks} ranks, ${counts.microbatches} microbatches`;
}

const words = (name: ChosenSchedule['name']) => (name === 'auto' ? 'auto: searched for these times' : name);
const options = scheduleChoices.map((value) => ({ value, words: words(value) }));

interface ScheduleFieldProps {
  readonly label: string;
  readonly value: ChosenSchedule;
  readonly onChange: (value: ChosenSchedule) => void;
}

function ScheduleField({ label, value, onChange }: ScheduleFieldProps) {
  return (
    <>
      <SelectField
        label={label}
        value={value.name}
        options={options}
        onChange={(name) => onChange({ ...value, name })}
      />
      <StagesField label={label} value={value} onChange={onChange} />
    </>
  );
}

function SecondField({
  value,
  onChange,
}: {
  readonly value: ChosenSchedule | undefined;
  readonly onChange: (value: ChosenSchedule | undefined) => void;
}) {
  const label = 'Beside it';
  return (
    <>
      <SelectField
        label={label}
        value={value?.name ?? 'none'}
        options={[{ value: 'none', words: 'no other' }, ...options]}
        onChange={(name) => onChange(name === 'none' ? undefined : { name, stagesPerRank: value?.stagesPerRank ?? 2 })}
      />
      {value === undefined ? null : <StagesField label={label} value={value} onChange={onChange} />}
    </>
  );
}

function StagesField({ label, value, onChange }: ScheduleFieldProps) {
  if (value.name !== 'interleaved') return null;
  return (
    <NumberField
      label={`${label}: stages of a rank`}
      value={value.stagesPerRank}
      min={1}
      max={chosenLimits.stagesPerRank}
      onChange={(stagesPerRank) => onChange({ ...value, stagesPerRank })}
    />
  );
}

function CountFields({ state, onChange }: Pick<ControlsProps, 'state' | 'onChange'>) {
  return (
    <>
      <NumberField
        label="Ranks"
        value={state.ranks}
        min={1}
        max={chosenLimits.ranks}
        sliderMax={32}
        onChange={(ranks) => onChange({ ranks, window: undefined })}
      />
      <NumberField
        label="Microbatches"
        value={state.microbatches}
        min={1}
        max={chosenLimits.microbatches}
        sliderMax={128}
        onChange={(microbatches) => onChange({ microbatches, window: undefined })}
      />
    </>
  );
}

function FileField({ file, onClose }: { readonly file: Schedule; readonly onClose: () => void }) {
  return (
    <div class="field">
      <p class="file-name">{file.name}</p>
      <p class="field-hint">
        {`A file with ${file.ranks} ranks and ${file.microbatches} microbatches. A link to this view cannot hold it.`}
      </p>
      <div class="actions">
        <button type="button" onClick={onClose}>
          Close the file
        </button>
      </div>
    </div>
  );
}

function ShownPanel({
  state,
  ranks,
  onChange,
}: Pick<ControlsProps, 'state' | 'onChange'> & { readonly ranks: number }) {
  return (
    <Panel title="Shown">
      <div class="fields">
        {ranks > 1 ? (
          <NumberField
            label="Memory of rank"
            value={Math.min(state.rank, ranks - 1)}
            min={0}
            max={ranks - 1}
            onChange={(rank) => onChange({ rank })}
          />
        ) : null}
        {state.second === undefined ? null : (
          <>
            <CheckField
              label="The same time scale for both"
              value={state.isSameScale}
              onChange={(isSameScale) => onChange({ isSameScale, window: undefined })}
            />
            <CheckField
              label="Beside each other"
              hint="where the window is wide enough; else one above the other"
              value={state.isBeside}
              onChange={(isBeside) => onChange({ isBeside })}
            />
          </>
        )}
        <LinkButton hash={formatRoute({ view: 'schedules', parameters: schedulesRoute(state) })} />
      </div>
    </Panel>
  );
}
