import { formatRunIds, hasRoomForRun, passesFilter } from '../../view/index.js';
import { curveColour, setParameters, TextField, useTheme } from '../ui/index.js';
import type { RunSource } from './source.js';

export interface RunPickerProps {
  readonly runs: readonly RunSource[];
  readonly chosen: readonly RunSource[];
  /** A part of the names of those that are listed. */
  readonly filter: string;
  /** Folders that the server does not list because there are so many. */
  readonly leftOut: number;
}

/** From so many runs on their names can be filtered. */
const manyRuns = 8;

/** Which runs are shown: the first of those that are chosen whole, the others as curves over it. */
export function RunPicker({ runs, chosen, filter, leftOut }: RunPickerProps) {
  const choose = (next: readonly RunSource[]) =>
    setParameters({ runs: formatRunIds(next.map(({ id }) => id)), step: '', window: '', layer: '', curves: '' });
  const [main] = chosen;
  const { shown: theme } = useTheme();
  // The last one is first. What is chosen is listed, whatever the filter.
  const listed = runs.filter((run) => chosen.includes(run) || passesFilter(run, filter)).reverse();
  return (
    <div class="run-picker">
      <div class="field">
        <label for="main-run">
          {chosen.length > 1 ? <span class="line-swatch" style={{ borderColor: curveColour(0, theme) }} /> : null}
          Run
        </label>
        <select
          id="main-run"
          value={main?.id ?? ''}
          onChange={(event) => {
            const next = runs.find(({ id }) => id === event.currentTarget.value);
            if (next !== undefined) choose([next, ...chosen.filter((run) => run !== next && run !== main)]);
          }}
        >
          {main === undefined ? <option value="">choose one</option> : null}
          {listed.map(({ id, folder }) => (
            <option key={id} value={id}>
              {id === folder ? id : `${id} (${folder})`}
            </option>
          ))}
        </select>
      </div>
      {runs.length < manyRuns && leftOut === 0 && filter === '' ? null : (
        <TextField
          label="Runs whose name has"
          hint={describeListed({ listed: listed.length, known: runs.length, leftOut })}
          value={filter}
          onChange={(next) => setParameters({ filter: next })}
        />
      )}
      {runs.length < 2 ? null : (
        <Overlays runs={listed.filter((run) => run !== main)} chosen={chosen} choose={choose} />
      )}
    </div>
  );
}

function describeListed({ listed, known, leftOut }: { listed: number; known: number; leftOut: number }): string {
  const shown = listed === known ? `${known} runs` : `${listed} of ${known} runs`;
  return leftOut === 0 ? shown : `${shown}; ${leftOut} earlier folders are listed only if their name is asked for`;
}

interface OverlaysProps extends Pick<RunPickerProps, 'runs' | 'chosen'> {
  readonly choose: (next: readonly RunSource[]) => void;
}

function Overlays({ runs, chosen, choose }: OverlaysProps) {
  const { shown: theme } = useTheme();
  return (
    <fieldset class="run-overlays">
      <legend>Curves of other runs over it</legend>
      {runs.map((run) => {
        const place = chosen.indexOf(run);
        return (
          <label key={run.id}>
            <input
              type="checkbox"
              checked={place >= 0}
              disabled={place < 0 && !hasRoomForRun(chosen.length)}
              onChange={(event) =>
                choose(event.currentTarget.checked ? [...chosen, run] : chosen.filter((one) => one !== run))
              }
            />
            {place < 0 ? null : <span class="line-swatch" style={{ borderColor: curveColour(place, theme) }} />}
            {run.id}
          </label>
        );
      })}
    </fieldset>
  );
}
