import { useMemo, useState } from 'preact/hooks';
import {
  type FoundPlans,
  findPlannerRefusals,
  type PlannerFile,
  type PlannerState,
  plannerParameters,
  readPlannerState,
  requestOf,
} from '../../view/index.js';
import { AddressNotice, ControlsColumn, setParameters, useRoute } from '../ui/index.js';
import { PlanDetails } from './plan-details.js';
import { PlannerControls } from './planner-controls.js';
import { PlannerFiles } from './planner-files.js';
import { PlansPanel } from './plans-panel.js';
import { usePlanSearch } from './use-search.js';

/** The view Planner: which layouts train a model fastest on a cluster, and why. It begins with DeepSeek-V3 on 2,048 H800. */
export function PlannerView() {
  const { parameters } = useRoute();
  const state = useMemo(() => readPlannerState(parameters), [parameters]);
  const [given, setGiven] = useState<readonly PlannerFile[]>([]);
  const { isCalibrated } = state;
  const search = usePlanSearch({ given, isCalibrated, request: requestOf(state) });
  const change = (changes: Partial<PlannerState>) => {
    // Of another search or a shorter table, the plan that was chosen may be none.
    const next = { ...state, chosen: 1, ...changes };
    setParameters(plannerParameters(next));
  };
  const found = search.outcome?.kind === 'found' ? search.outcome.found : undefined;
  const place = found?.plans[state.chosen - 1] === undefined ? 1 : state.chosen;
  const shown = found?.plans[place - 1];
  return (
    <>
      <AddressNotice refusals={findPlannerRefusals(parameters)} />
      <div class="with-controls planner">
        <ControlsColumn summary={describeAsked(state)} effect={describeFastest(found)}>
          <PlannerControls state={state} files={search.files} onChange={change} />
          <PlannerFiles given={given} files={search.files} isCalibrated={isCalibrated} onGiven={setGiven} />
        </ControlsColumn>
        <div class="stack">
          <PlansPanel search={search} state={{ ...state, chosen: place }} onChoose={(chosen) => change({ chosen })} />
          {found === undefined || shown === undefined ? null : (
            <div class={search.status === 'ended' ? 'stack' : 'stack old'}>
              <PlanDetails shown={shown} found={found} place={place} />
            </div>
          )}
        </div>
      </div>
    </>
  );
}

/** `15360 sequences of 4096 tokens, all schedules` */
function describeAsked({ sequencesPerStep, sequenceLength, schedule }: PlannerState): string {
  return `${sequencesPerStep} sequences of ${sequenceLength} tokens, ${schedule ?? 'all schedules'}`;
}

/** The fastest plan: `1. dualpipev, 19.766 s`. */
function describeFastest(found: FoundPlans | undefined): string | undefined {
  const cells = found?.plans[0]?.cells;
  return cells && `1. ${cells.schedule}, ${cells.step}`;
}
