import { useState } from 'preact/hooks';
import {
  describeSlots,
  type LoadsFacts,
  type PlacementSettings,
  parseGpuList,
  placementLimits,
} from '../../view/index.js';
import { CheckField, NumberField, Panel, SelectField, setParameters, TextField, useRoute } from '../ui/index.js';

export interface ControlsProps {
  readonly facts: LoadsFacts;
  readonly settings: PlacementSettings;
}

/** A parameter that is not said where it is as usual. */
const unless = (value: string, usual: string) => (value === usual ? '' : value);

/** What experts are placed on, and how. */
export function Controls({ facts, settings }: ControlsProps) {
  const { policy, objective, normalize } = settings;
  return (
    <Panel title="Settings">
      <div class="fields">
        <MachineFields facts={facts} settings={settings} />
        <SelectField
          label="Policy"
          value={policy}
          onChange={(chosen) => setParameters({ policy: unless(chosen, 'best') })}
          options={[
            { value: 'best', words: 'our search' },
            { value: 'deepseek', words: "DeepSeek's EPLB" },
          ]}
          hint={policy === 'best' ? describeOwnPolicy(facts) : 'To the bit.'}
        />
        {facts.windows > 1 && policy === 'best' ? (
          <SelectField
            label="Windows"
            value={objective ?? 'auto'}
            onChange={(chosen) => setParameters({ robust: unless(chosen, 'auto') })}
            options={[
              { value: 'auto', words: 'what does best on others' },
              { value: 'sum', words: 'their sum' },
              { value: 'mean', words: 'their mean' },
              { value: 'worst', words: 'the worst one' },
            ]}
            hint="Of which the largest GPU loads are made small."
          />
        ) : null}
        {facts.windows > 1 ? (
          <CheckField
            label="Give windows the same weight"
            value={normalize}
            onChange={(isOn) => setParameters({ normalize: isOn ? '1' : '' })}
            hint="So that those with many tokens do not outweigh others."
          />
        ) : null}
        <FileFields facts={facts} settings={settings} />
        <MoreFields facts={facts} settings={settings} />
      </div>
    </Panel>
  );
}

/** What the search promises, and where it is compared with what other windows do. */
function describeOwnPolicy({ windows }: LoadsFacts): string {
  return windows === 1
    ? 'In no layer worse than EPLB.'
    : 'In no layer worse than EPLB for the sum of its windows; the measures compare both on other windows.';
}

function MachineFields({ facts: { experts }, settings }: ControlsProps) {
  const { gpus, slots, nodes } = settings;
  const limits = placementLimits;
  return (
    <>
      <NumberField
        label="GPUs"
        value={gpus}
        min={1}
        max={limits.gpus}
        sliderMax={Math.max(64, gpus)}
        onChange={(next) => setParameters({ gpus: String(next), ...(slots % next === 0 ? {} : { slots: '' }) })}
      />
      <NumberField
        label="Slots"
        value={slots}
        min={gpus}
        max={limits.slots}
        step={gpus}
        sliderMax={Math.max(slots, gpus * Math.ceil((2 * experts) / gpus))}
        onChange={(next) => setParameters({ slots: String(next) })}
        hint={describeSlots(settings, experts)}
      />
      <NumberField
        label="Nodes"
        value={nodes}
        min={1}
        max={limits.nodes}
        sliderMax={Math.max(16, nodes)}
        onChange={(next) => setParameters({ nodes: unless(String(next), '1') })}
      />
    </>
  );
}

/** What is asked only where a file leaves it open. */
function FileFields({ facts, settings }: ControlsProps) {
  const { parameters } = useRoute();
  const isTrimmed = parameters.trim === '1';
  return (
    <>
      {facts.hasWarmup || isTrimmed ? (
        <CheckField
          label="Leave out warm-up"
          value={isTrimmed}
          onChange={(isOn) => setParameters({ trim: isOn ? '1' : '' })}
          hint="The same dummy tokens again and again, at the start."
        />
      ) : null}
      {asksForOffset(facts) ? <OffsetField settings={settings} /> : null}
      {facts.format === 'routes' ? (
        <NumberField
          label="Experts"
          value={facts.experts}
          min={1}
          max={placementLimits.experts}
          isPlain
          onChange={(next) => setParameters({ experts: String(next) })}
          hint="A log shows them only as far as tokens chose them."
        />
      ) : null}
    </>
  );
}

/** Whether a file counts only the layers with experts, so that it is open which of the model these are. */
function asksForOffset({ countsExpertLayers, current }: LoadsFacts): boolean {
  return countsExpertLayers || current?.countsExpertLayers === true;
}

/** Empty until it is given: 0 says that the model has no dense layers. */
function OffsetField({ settings: { layerOffset } }: Pick<ControlsProps, 'settings'>) {
  const { layerOffset: most } = placementLimits;
  const isGood = (text: string) => text.trim() === '' || (/^\d{1,4}$/.test(text.trim()) && Number(text) <= most);
  return (
    <TextField
      label="First layer with experts"
      value={layerOffset === undefined ? '' : String(layerOffset)}
      isGood={isGood}
      badHint={`a whole number from 0 to ${most}, or nothing`}
      onChange={(text) => setParameters({ offset: text.trim() })}
      hint="Of the model: 3 for DeepSeek-V3, 0 where none is dense."
    />
  );
}

function MoreFields({ facts, settings }: ControlsProps) {
  const { groups, strategy, policy, excludedGpus, layerOffset } = settings;
  const isOffsetHere = !asksForOffset(facts);
  // What is set stays to be seen, once it was.
  const [isOpen] = useState(
    groups > 1 || strategy !== 'auto' || excludedGpus.length > 0 || (isOffsetHere && layerOffset !== undefined),
  );
  return (
    <details open={isOpen}>
      <summary>Groups, excluded GPUs, dense layers</summary>
      <div class="fields">
        <NumberField
          label="Groups"
          value={groups}
          min={1}
          max={placementLimits.groups}
          isPlain
          onChange={(next) => setParameters({ groups: unless(String(next), '1') })}
          hint="Of neighbouring experts: the model's n_group."
        />
        {policy === 'best' ? (
          <SelectField
            label="Strategy"
            value={strategy}
            onChange={(chosen) => setParameters({ strategy: unless(chosen, 'auto') })}
            options={[
              { value: 'auto', words: 'groups together, if it costs little' },
              { value: 'hierarchical', words: 'each group on one node' },
              { value: 'global', words: 'across nodes' },
            ]}
          />
        ) : null}
        <TextField
          label="Excluded GPUs"
          value={excludedGpus.join(', ')}
          isGood={(text) => parseGpuList(text) !== undefined}
          badHint="numbers with commas between, such as 3, 7"
          onChange={(text) => setParameters({ exclude: (parseGpuList(text) ?? []).join(',') })}
          hint="They get no experts: 3, 7"
        />
        {isOffsetHere ? <OffsetField settings={settings} /> : null}
      </div>
    </details>
  );
}
