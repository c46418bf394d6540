import { formatRunIds, hasRoomForRun } from '../../view/index.js';
import { setParameters } from '../ui/index.js';
import type { RunSource } from './source.js';

/** Which runs are shown: the first of those that are chosen whole, the others as curves over it. */
export function RunPicker({
  runs,
  chosen,
}: {
  readonly runs: readonly RunSource[];
  readonly chosen: readonly RunSource[];
}) {
  const choose = (next: readonly RunSource[]) =>
    setParameters({ runs: formatRunIds(next.map(({ id }) => id)), step: '', window: '', layer: '' });
  const [main] = chosen;
  return (
    <div class="run-picker">
      <div class="field">
        <label for="main-run">Run</label>
        <select
          id="main-run"
          value={main?.id ?? ''}
          onChange={(event) => {
            const next = runs.find(({ id }) => id === event.currentTarget.value);
            if (next !== undefined) choose([next, ...chosen.filter((run) => run !== next && run !== main)]);
          }}
        >
          {[...runs].reverse().map(({ id, folder }) => (
            <option key={id} value={id}>
              {id === folder ? id : `${id} (${folder})`}
            </option>
          ))}
        </select>
      </div>
      {runs.length < 2 ? null : (
        <fieldset class="run-overlays">
          <legend>Curves of other runs over it</legend>
          {[...runs].reverse().map((run) =>
            run === main ? null : (
              <label key={run.id}>
                <input
                  type="checkbox"
                  checked={chosen.includes(run)}
                  disabled={!chosen.includes(run) && !hasRoomForRun(chosen.length)}
                  onChange={(event) =>
                    choose(event.currentTarget.checked ? [...chosen, run] : chosen.filter((one) => one !== run))
                  }
                />
                {run.id}
              </label>
            ),
          )}
        </fieldset>
      )}
    </div>
  );
}
