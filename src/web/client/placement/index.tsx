import { useEffect, useState } from 'preact/hooks';
import { findPlacementRefusals, listFigures, type PlacedLoads } from '../../view/index.js';
import { AddressNotice, Busy, type BusyProps, ControlsColumn, Notice, ProblemNotice, useRoute } from '../ui/index.js';
import { Controls } from './controls.js';
import { DownloadPanel } from './download-panel.js';
import { ExpertsPanel } from './experts-panel.js';
import { MovesPanel } from './moves-panel.js';
import { MapsPanel, MeasuresPanel, SummaryPanel } from './result.js';
import { exampleSource, FileProblemNotice, type GivenLoads, GivePanel, LoadsPanel, sourceOf } from './source-panel.js';
import { type PlacementState, usePlacement } from './use-placement.js';

/** The view Placement: recorded loads in, where each expert belongs out. */
export function PlacementView() {
  const { parameters } = useRoute();
  const [loads, setLoads] = useState<GivenLoads>();
  const state = usePlacement();
  const { loaded, settings, work, fileProblem, open } = state;
  const isAsked = parameters.loads === 'example';
  useEffect(() => {
    if (isAsked && loaded === undefined && work.kind === 'nothing') open(exampleSource, undefined);
  }, [isAsked]);
  const address = <AddressNotice refusals={findPlacementRefusals(parameters, loaded?.facts)} />;
  const give = (
    <GivePanel
      title={loaded === undefined ? 'Place experts' : 'Place other loads'}
      isFirst={loaded === undefined}
      onExample={() => open(exampleSource, undefined)}
      onGiven={(next) => {
        setLoads(next);
        open(sourceOf(next, next.candidates[0]!), undefined);
      }}
      onProblem={(problem) => state.refuse(problem, 'loads')}
    >
      {fileProblem?.kind === 'loads' ? <FileProblemNotice fileProblem={fileProblem} onPart={state.open} /> : null}
    </GivePanel>
  );
  if (loaded === undefined || settings === undefined)
    return (
      <>
        {address}
        <Begin />
        {give}
        <WorkBar state={state} />
      </>
    );
  return (
    <>
      {address}
      <div class="with-controls">
        <ControlsColumn
          summary={`${settings.slots} slots of ${settings.gpus} GPUs`}
          effect={state.result && !state.isOld ? describeEffect(state.result.placed) : undefined}
        >
          <LoadsPanel loaded={loaded} loads={loads} onChoose={(source) => open(source, undefined)} />
          <Controls facts={loaded.facts} settings={settings} />
          <MovesPanel state={state} loaded={loaded} />
        </ControlsColumn>
        <div class="stack">
          <WorkBar state={state} />
          <Result state={state} />
        </div>
      </div>
      {give}
    </>
  );
}

/** The first figure of a result: `Balancedness on other windows 0.7621`. */
function describeEffect({ solution }: PlacedLoads): string | undefined {
  const [first] = listFigures(solution);
  return first && `${first.name} ${first.value}`;
}

function Begin() {
  return (
    <Notice tone="info" title="Which expert belongs on which GPU?">
      <p>
        An engine that serves a Mixture-of-Experts model waits, in every layer, for the GPU with most tokens. Give how
        many tokens each expert got, and this page finds which experts should have several replicas and where all of
        them belong, and writes the file that the engine reads.
      </p>
    </Notice>
  );
}

/** What is going on, and what can be done about it. */
function WorkBar({ state: { work, result, cancel, restart } }: { readonly state: PlacementState }) {
  switch (work.kind) {
    case 'nothing':
      return null;
    case 'reading':
      return <Cancelable isOver={result !== undefined} what={`Reading ${work.path}`} onCancel={cancel} />;
    case 'placing':
      return (
        <Cancelable
          isOver={result !== undefined}
          what="Placing layers"
          {...(work.layers === undefined ? {} : { done: work.done ?? 0, of: work.layers })}
          onCancel={cancel}
        />
      );
    case 'stopped':
      return (
        <Notice tone="warning" title="Stopped">
          <p>Nothing is placed with these settings yet.</p>
          <div class="actions">
            <button type="button" onClick={restart}>
              Place the experts
            </button>
          </div>
        </Notice>
      );
    case 'problem':
      return <ProblemNotice problem={work.problem} />;
  }
}

/** Work that goes on; `isOver`: over what is there already. */
function Cancelable({
  isOver,
  onCancel,
  ...busy
}: BusyProps & { readonly isOver: boolean; readonly onCancel: () => void }) {
  return (
    <div class={isOver ? 'work-bar over' : 'work-bar'}>
      <Busy {...busy} />
      <button type="button" onClick={onCancel}>
        Cancel
      </button>
    </div>
  );
}

/** While it is placed anew, what was placed before stays to be seen, so that the page does not jump. */
function Result({ state: { result, isOld } }: { readonly state: PlacementState }) {
  if (result === undefined) return null;
  const { placed, settings } = result;
  return (
    <div class={isOld ? 'stack old' : 'stack'} aria-busy={isOld} data-part="result">
      <SummaryPanel placed={placed} settings={settings} />
      <DownloadPanel placed={placed} isOld={isOld} />
      <MapsPanel placed={placed} />
      <ExpertsPanel placed={placed} />
      <MeasuresPanel placed={placed} />
    </div>
  );
}
