import { useState } from 'preact/hooks';
import { type Problem, problemOf } from '../../../base/index.js';
import type { Schedule } from '../../../schedule/index.js';
import { mostCsvBytes, openSchedule } from '../../view/index.js';
import { DropZone, Panel, ProblemNotice } from '../ui/index.js';

/** Opens PyTorch's schedule CSV: dropped, chosen or pasted. A bad one is one notice. */
export function OpenFile({ onSchedule }: { readonly onSchedule: (schedule: Schedule) => void }) {
  const [problem, setProblem] = useState<Problem>();
  const [pasted, setPasted] = useState('');
  const open = (text: string, name: string) => {
    try {
      const schedule = openSchedule(text, name);
      setProblem(undefined);
      onSchedule(schedule);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  return (
    <Panel
      title="Look at a file"
      note="A pipeline schedule as PyTorch writes it, as CSV, with or without communication."
    >
      <DropZone
        label="Drop a schedule's CSV here"
        mostBytes={mostCsvBytes}
        onFiles={([first]) => {
          if (first !== undefined)
            first.file.text().then(
              (text) => open(text, first.file.name),
              (error: unknown) => setProblem(problemOf(error)),
            );
        }}
        onProblem={setProblem}
      />
      <details>
        <summary>Or paste it</summary>
        <div class="fields">
          <textarea
            aria-label="A schedule's CSV"
            rows={4}
            spellcheck={false}
            value={pasted}
            onInput={(event) => setPasted(event.currentTarget.value)}
          />
          <div class="actions">
            <button type="button" disabled={pasted.trim() === ''} onClick={() => open(pasted.trim(), 'pasted text')}>
              Open what is pasted
            </button>
          </div>
        </div>
      </details>
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
    </Panel>
  );
}
