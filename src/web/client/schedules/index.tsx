import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Problem } from '../../../base/index.js';
import type { Schedule } from '../../../schedule/index.js';
import {
  type ChosenSchedule,
  findSchedulesRefusals,
  fitCounts,
  readSchedulesState,
  type SchedulePicture,
  type SchedulesState,
  schedulesRoute,
} from '../../view/index.js';
import { describeTime } from '../timeline/index.js';
import { AddressNotice, Busy, Notice, ProblemNotice, setParameters, useRoute } from '../ui/index.js';
import { Controls } from './controls.js';
import { SchedulePanel } from './schedule-panel.js';
import { SummaryPanel } from './summary-panel.js';
import type { AutoSearch } from './use-auto-search.js';
import { type Side, usePictures } from './use-pictures.js';

/** The view Schedules: what a pipeline schedule does with the ranks' time and memory, alone or beside another. */
export function SchedulesView() {
  const { parameters } = useRoute();
  const state = useMemo(() => readSchedulesState(parameters), [parameters]);
  const refusals = useMemo(() => findSchedulesRefusals(parameters), [parameters]);
  const [file, setFile] = useState<Schedule>();
  const { first, second, isLate } = usePictures(state, file);
  const changedAt = useRef<number | undefined>(undefined);
  const change = (changes: Partial<SchedulesState>) => {
    changedAt.current = performance.now();
    setParameters(schedulesRoute({ ...state, ...changes }));
  };
  useLayoutEffect(() => {
    // Children have drawn by now: from what the person did to all of the canvas.
    if (changedAt.current === undefined || isLate) return;
    performance.measure('schedules redraw', { start: changedAt.current });
    changedAt.current = undefined;
  });
  const sides = second === undefined ? [first] : [first, second];
  const pictures = sides.flatMap(({ picture }) => picture ?? []);
  return (
    <>
      <AddressNotice refusals={refusals} />
      <div class="with-controls">
        <Controls
          state={state}
          file={file}
          effect={describeMakespans(pictures)}
          onChange={change}
          onFile={(next) => {
            setFile(next);
            if (state.window !== undefined) change({ window: undefined });
          }}
        />
        <div class="stack">
          {isLate ? <Busy what="Drawing what was chosen" /> : null}
          {pictures.length > 0 ? <SummaryPanel pictures={pictures} /> : null}
          <div class={state.isBeside && sides.length > 1 ? 'side-by-side schedule-pair' : 'stack'}>
            {sides.map((side, place) => (
              <SideOf key={place} side={side} state={state} pictures={pictures} onChange={change} />
            ))}
          </div>
        </div>
      </div>
    </>
  );
}

/** `dualpipev 53.55 · 1f1b 73`; undefined where nothing is drawn. */
function describeMakespans(pictures: readonly SchedulePicture[]): string | undefined {
  const parts = pictures.map(
    ({ name, simulation, indexed }) => `${name} ${describeTime(simulation.makespan, indexed.unit)}`,
  );
  return parts.length === 0 ? undefined : parts.join(' · ');
}

interface SideOfProps {
  readonly side: Side;
  readonly state: SchedulesState;
  /** All that are shown. */
  readonly pictures: readonly SchedulePicture[];
  readonly onChange: (changes: Partial<SchedulesState>) => void;
}

function SideOf({ side, state, pictures, onChange }: SideOfProps) {
  if ('search' in side) return <SearchNotice search={side.search} />;
  const { picture, problem, note } = side;
  if (problem !== undefined) return <MisfitNotice problem={problem} state={state} onChange={onChange} />;
  const ends = (state.isSameScale ? pictures : [picture]).map(({ indexed }) => indexed.end);
  return (
    <SchedulePanel
      picture={picture}
      note={note}
      rank={state.rank}
      window={state.window}
      onWindow={(window) => onChange({ window })}
      span={Math.max(...ends)}
      most={Math.max(...pictures.flatMap(({ peakActivations }) => peakActivations))}
    />
  );
}

/** Why a schedule cannot be drawn, with a button that mends it where counts do. */
function MisfitNotice({
  problem,
  state,
  onChange,
}: Pick<SideOfProps, 'state' | 'onChange'> & { readonly problem: Problem }) {
  const { first, second, ranks, microbatches } = state;
  const fit = useMemo(() => {
    const chosen: ChosenSchedule[] = [first, ...(second === undefined ? [] : [second])];
    return fitCounts(chosen, { ranks, microbatches });
  }, [first, second, ranks, microbatches]);
  const isOther = fit !== undefined && (fit.ranks !== ranks || fit.microbatches !== microbatches);
  return (
    <ProblemNotice problem={problem}>
      {isOther ? (
        <div class="actions">
          <button type="button" class="primary" onClick={() => onChange({ ...fit, window: undefined })}>
            {`Use ${fit.ranks} ${fit.ranks === 1 ? 'rank' : 'ranks'} and ${fit.microbatches} microbatches`}
          </button>
        </div>
      ) : null}
    </ProblemNotice>
  );
}

function SearchNotice({ search: { state, cancel, restart } }: { readonly search: AutoSearch }) {
  switch (state.kind) {
    case 'searching':
      return (
        <Notice tone="info" title="A schedule is searched for these times">
          <Busy
            what="Changed orders that were tried"
            {...(state.done !== undefined && state.of !== undefined && { done: state.done, of: state.of })}
          />
          <div class="actions">
            <button type="button" onClick={cancel}>
              Cancel
            </button>
          </div>
        </Notice>
      );
    case 'stopped':
      return (
        <Notice tone="info" title="The search was cancelled">
          <div class="actions">
            <button type="button" onClick={restart}>
              Search again
            </button>
          </div>
        </Notice>
      );
    case 'problem':
      return <ProblemNotice problem={state.problem} />;
    case 'found':
      return null;
    default:
      return state satisfies never;
  }
}
