import {
  beginSentence,
  nameFields,
  type PlanColumnName,
  type PlannerState,
  rejectionRows,
  type ShownPlan,
} from '../../view/index.js';
import { Busy, DataTable, Notice, Panel, ProblemNotice } from '../ui/index.js';
import type { PlannerOutcome } from './messages.js';
import type { PlanSearch } from './use-search.js';

const columns: readonly (readonly [key: PlanColumnName, name: string, isNumber: boolean])[] = [
  ['step', 'step', true],
  ['mfu', 'MFU', true],
  ['gpuHours', 'GPU h/T tokens', true],
  ['memory', 'memory', true],
  ['bubble', 'bubble', true],
  ['pipeline', 'pipeline', true],
  ['expert', 'expert', true],
  ['data', 'data', true],
  ['microbatches', 'microbatches', true],
  ['recomputation', 'recomputation', false],
  ['sms', 'SMs', true],
];

interface PlansProps {
  readonly search: PlanSearch;
  readonly state: PlannerState;
  readonly onChoose: (chosen: number) => void;
}

/** The plans that a search found, or what it is doing, or why there is none. */
export function PlansPanel({ search, state, onChoose }: PlansProps) {
  const { outcome, cancel, again } = search;
  const isRunning = search.status === 'running';
  const shown = outcome?.kind === 'found' ? outcome : undefined;
  const isOld = search.status !== 'ended';
  const button = isRunning ? (
    <button type="button" onClick={cancel}>
      Cancel
    </button>
  ) : (
    <button type="button" onClick={again}>
      Search again
    </button>
  );
  return (
    <Panel title="Predicted plans" actions={button} note={shown && describeShown(shown, isOld)}>
      <SearchStatus search={search} />
      {isRunning ? null : <Refusal outcome={outcome} />}
      {shown === undefined ? null : (
        <div class={isOld ? 'plans old' : 'plans'} aria-busy={isRunning}>
          <PlanTable plans={shown.found.plans.slice(0, state.top)} chosen={state.chosen} onChoose={onChoose} />
        </div>
      )}
    </Panel>
  );
}

/** Where the times of the plans come from; of those of another search than the fields ask for, which they are. */
function describeShown({ found, files }: Extract<PlannerOutcome, { kind: 'found' }>, isOld: boolean): string {
  return isOld
    ? `The plans below are those of the search before, for ${files.modelFile} on ${files.clusterFile}.`
    : `Times are ${found.summary.times}. ${beginSentence(found.summary.error)}.`;
}

/** One line, so that nothing moves when a search begins or ends. */
function SearchStatus({ search: { status, progress, outcome } }: { readonly search: PlanSearch }) {
  const found = outcome?.kind === 'found' ? outcome : undefined;
  if (status === 'running') {
    const far = progress === undefined ? {} : { done: progress.done, of: progress.layouts };
    return <Busy what="Searching layouts" {...far} />;
  }
  if (status === 'cancelled') {
    return <Notice tone="info" title="The search was cancelled" />;
  }
  if (found === undefined) return null;
  return (
    <p class="busy" role="status">
      {found.found.predictedLayouts} layouts predicted in {found.seconds.toFixed(1)} s
    </p>
  );
}

function Refusal({ outcome }: { readonly outcome: PlannerOutcome | undefined }) {
  if (outcome?.kind === 'problem') {
    const { what, where, mend } = outcome.problem;
    return (
      <ProblemNotice
        problem={{
          what: nameFields(what),
          ...(where === undefined ? {} : { where: nameFields(where) }),
          ...(mend === undefined ? {} : { mend: nameFields(mend) }),
        }}
      />
    );
  }
  if (outcome?.kind !== 'nothing') return null;
  return (
    <Notice tone="warning" title="No layout fits">
      <p>What would help: {nameFields(outcome.advice)}.</p>
      <ul>
        {rejectionRows(outcome.rejected).map(({ words, layouts }) => (
          <li key={words}>
            {layouts} layouts: {words}
          </li>
        ))}
      </ul>
    </Notice>
  );
}

interface PlanTableProps {
  readonly plans: readonly ShownPlan[];
  readonly chosen: number;
  readonly onChoose: (chosen: number) => void;
}

function PlanTable({ plans, chosen, onChoose }: PlanTableProps) {
  return (
    <DataTable
      caption="Predicted plans, the fastest first"
      columns={[{ name: 'plan' }, { name: 'timeline' }, ...columns.map(([, name, isNumber]) => ({ name, isNumber }))]}
      rows={plans.map(({ cells, address }, index) => {
        const label = `${index + 1}. ${cells.schedule}`;
        return {
          key: String(index),
          cells: [
            <button
              key="choose"
              type="button"
              class="plan-name"
              aria-pressed={index + 1 === chosen}
              onClick={() => onChoose(index + 1)}
            >
              {label}
            </button>,
            <ScheduleLink key="open" address={address} label={label} />,
            ...columns.map(([key]) => cells[key]),
          ],
        };
      })}
    />
  );
}

/** A link, so that it can be opened in a window of its own. */
export function ScheduleLink({
  address,
  label,
  words = 'open',
}: {
  readonly address: string | undefined;
  readonly label: string;
  readonly words?: string;
}) {
  if (address === undefined) return <span>too long to draw</span>;
  return (
    <a href={address} aria-label={`${words} ${label} in Schedules`}>
      {words}
    </a>
  );
}
