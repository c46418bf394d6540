import { describeCurrent, placementLimits } from '../../view/index.js';
import { CheckField, DropZone, NumberField, Panel, ProblemNotice, setParameters } from '../ui/index.js';
import type { Loaded, PlacementState } from './use-placement.js';

const mostBytes = 2 ** 26;
const usualMoves = 100;

/** The placement in use now, from which replicas move; and how many may. */
export function MovesPanel({ state, loaded }: { readonly state: PlacementState; readonly loaded: Loaded }) {
  const { current, facts } = loaded;
  if (current === undefined || facts.current === undefined)
    return (
      <Panel title="Placement in use">
        <DropZone
          label="Drop the placement in use now"
          hint="Of any engine, to see what has to move."
          mostBytes={mostBytes}
          onFiles={([file]) => state.open(loaded.source, file)}
          onProblem={(problem) => state.refuse(problem, 'current')}
        />
        {state.fileProblem?.kind === 'current' ? <ProblemNotice problem={state.fileProblem.problem} isAnswer /> : null}
      </Panel>
    );
  return (
    <Panel
      title="Placement in use"
      actions={
        <button type="button" onClick={() => state.open(loaded.source, undefined)}>
          Remove
        </button>
      }
      note={
        <>
          <span class="where">{current.path}</span>: {describeCurrent(facts.current)}
        </>
      }
    >
      <MoveFields state={state} />
    </Panel>
  );
}

function MoveFields({ state: { settings } }: { readonly state: PlacementState }) {
  if (settings === undefined) return null;
  const { mostMoves, cost } = settings;
  const seconds = { min: 0.0001, max: placementLimits.seconds, step: 0.01, isPlain: true };
  return (
    <div class="fields">
      <CheckField
        label="Limit the moves"
        value={mostMoves !== undefined}
        onChange={(isOn) => setParameters({ moves: isOn ? String(usualMoves) : '' })}
      />
      {mostMoves === undefined ? null : (
        <NumberField
          label="Replicas that may move"
          value={mostMoves}
          min={0}
          max={placementLimits.moves}
          sliderMax={Math.max(1000, mostMoves)}
          onChange={(next) => setParameters({ moves: String(next) })}
        />
      )}
      <CheckField
        label="Move only what pays"
        value={cost !== undefined}
        onChange={(isOn) => setParameters({ pays: isOn ? '1' : '', ...(isOn ? {} : { move: '', interval: '' }) })}
      />
      {cost === undefined ? null : (
        <>
          <NumberField
            {...seconds}
            label="Seconds to move a replica"
            value={cost.secondsPerMove}
            onChange={(next) => setParameters({ move: String(next) })}
          />
          <NumberField
            {...seconds}
            label="Seconds until the next rebalance"
            value={cost.intervalSeconds}
            onChange={(next) => setParameters({ interval: String(next) })}
          />
        </>
      )}
    </div>
  );
}
