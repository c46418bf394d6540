import { useMemo, useState } from 'preact/hooks';
import { type Problem, problemOf } from '../../../base/index.js';
import { describeMissingRuns, findRunRefusals, formatRunIds, parseRunIds, parseRunShape } from '../../view/index.js';
import {
  AddressNotice,
  Busy,
  type DroppedFile,
  DropZone,
  Notice,
  Panel,
  ProblemNotice,
  setParameters,
  useRoute,
} from '../ui/index.js';
import { CurvesPanel } from './curves-panel.js';
import { DifferencesPanel } from './differences-panel.js';
import { findRuns } from './file-source.js';
import { LoadsPanel } from './loads-panel.js';
import { parseRecordedStep } from './recorded-step.js';
import { RunPicker } from './run-picker.js';
import { RunSummary } from './run-summary.js';
import { isServed } from './server-source.js';
import { SharesPanel } from './shares-panel.js';
import type { RunSource } from './source.js';
import { TimelinePanel } from './timeline-panel.js';
import { useRunFile } from './use-run-file.js';
import { useRunStates, useServerRuns } from './use-runs.js';

const mostBytes = 2 ** 30;

/** The view Run: curves, timelines and loads of a run that goes on or is over, and curves of others over it. */
export function RunView() {
  const [given, setGiven] = useState<readonly RunSource[]>([]);
  const [problem, setProblem] = useState<Problem>();
  const { parameters } = useRoute();
  const { runs: named = '', filter = '' } = parameters;
  const server = useServerRuns({ isServed, filter, named });
  const all = useMemo(() => [...given, ...(server.runs ?? [])], [given, server.runs]);
  const chosen = useChosenRuns(all, named);
  const isListed = all.length > 0 || server.runs !== undefined;
  const take = (files: readonly DroppedFile[]) => {
    try {
      const runs = findRuns(files);
      setGiven((before) => [...runs, ...before.filter(({ id }) => runs.every((run) => run.id !== id))]);
      setParameters({ runs: formatRunIds(runs.map(({ id }) => id)), step: '', window: '', curves: '' });
      setProblem(undefined);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  return (
    <>
      {server.problem === undefined ? null : <ProblemNotice problem={server.problem} />}
      <AddressNotice refusals={findRunRefusals(parameters)} />
      {all.length === 0 && filter !== '' && server.runs !== undefined ? (
        <Notice tone="info" title={`There is no run whose name has ${filter}`} />
      ) : all.length === 0 ? (
        <Begin isWaiting={isServed && server.runs === undefined && server.problem === undefined} />
      ) : null}
      {all.length > 0 || filter !== '' ? (
        <RunPicker runs={all} chosen={chosen} filter={filter} leftOut={server.leftOut} />
      ) : null}
      {isListed ? <MissingRuns named={named} all={all} /> : null}
      {chosen.length > 0 ? <ChosenRuns chosen={chosen} /> : null}
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      <Panel title="Look at a run from its folder">
        <DropZone
          label="Drop the folder of a run here"
          hint="It stays in this browser: nothing is sent anywhere."
          takesFolders
          mostBytes={mostBytes}
          onFiles={take}
          onProblem={setProblem}
        />
      </Panel>
    </>
  );
}

/** The runs that the address names, as far as there are such; without a name, the last one. */
function useChosenRuns(all: readonly RunSource[], wanted: string): readonly RunSource[] {
  return useMemo(() => {
    const ids = parseRunIds(wanted);
    return ids.length === 0 ? all.slice(-1) : ids.flatMap((id) => all.find((run) => run.id === id) ?? []);
  }, [all, wanted]);
}

/** A link may name runs that are gone, or that are elsewhere: no other is shown in their place. */
function MissingRuns({ named, all }: { readonly named: string; readonly all: readonly RunSource[] }) {
  const missing = describeMissingRuns(named, new Set(all.map(({ id }) => id)));
  if (missing.length === 0) return null;
  return (
    <Notice tone="warning" title={missing.join('. ')}>
      <p>The address names it. It may have been renamed or deleted, or belong to another folder.</p>
      {all.length === 0 ? null : (
        <div class="actions">
          <button type="button" onClick={() => setParameters({ runs: '', step: '', window: '', layer: '' })}>
            Show the last run
          </button>
        </div>
      )}
    </Notice>
  );
}

function Begin({ isWaiting }: { readonly isWaiting: boolean }) {
  if (isWaiting) return <Busy what="Asking for runs" />;
  if (isServed)
    return (
      <Notice tone="info" title="There is no run yet">
        <p>
          Start one in another terminal, and it appears here: <code>npx doubletrack train</code>
        </p>
      </Notice>
    );
  return (
    <Notice tone="info" title="Nothing to show yet">
      <p>
        This page lies on a web host, which sees no training. Drop the folder of a run below, or start{' '}
        <code>npx doubletrack serve</code> where the runs are to watch them live.
      </p>
    </Notice>
  );
}

function ChosenRuns({ chosen }: { readonly chosen: readonly RunSource[] }) {
  const states = useRunStates(chosen);
  const [main] = states;
  const { folder } = main ?? {};
  const stepFile = useRunFile(main?.source, { kind: 'record', version: folder?.record ?? '' }, parseRecordedStep);
  const config = useRunFile(main?.source, { kind: 'config', version: folder?.config ?? '' }, parseRunShape);
  const [record, shape] = [stepFile.value, config.value];
  if (main === undefined) return null;
  const { history, isLoaded, problem, source } = main;
  return (
    <>
      {states.map(({ problem: own, source: { id } }) =>
        own === undefined ? null : <ProblemNotice key={id} problem={own} />,
      )}
      {[config.problem, stepFile.problem].map((own) =>
        own === undefined ? null : <ProblemNotice key={own.where} problem={own} />,
      )}
      {history.length === 0 && problem === undefined ? (
        isLoaded ? (
          <Notice tone="info" title={`${source.id} has no step yet`}>
            <p>The first one appears here when it is done.</p>
          </Notice>
        ) : (
          <Busy what="Reading the run" />
        )
      ) : null}
      {history.length > 0 ? (
        <>
          <RunSummary state={main} record={record} shape={shape} />
          <CurvesPanel states={states} record={record} />
          <DifferencesPanel states={states} />
          <TimelinePanel state={main} record={record} />
          <SharesPanel history={history} record={record} />
          <LoadsPanel state={main} shape={shape} />
        </>
      ) : null}
    </>
  );
}
