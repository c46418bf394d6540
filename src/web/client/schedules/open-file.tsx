import { useRef, useState } from 'preact/hooks';
import { type Problem, problemOf } from '../../../base/index.js';
import type { Schedule } from '../../../schedule/index.js';
import { mostCsvBytes, openSchedule } from '../../view/index.js';
import { DropZone, Panel, ProblemNotice } from '../ui/index.js';

/** Opens PyTorch's schedule CSV: dropped, chosen or pasted. A bad one is one notice. */
export function OpenFile({ onSchedule }: { readonly onSchedule: (schedule: Schedule) => void }) {
  const [problem, setProblem] = useState<Problem>();
  const [pasted, setPasted] = useState('');
  const reading = useRef(0);
  const open = (text: string, name: string) => {
    reading.current += 1;
    try {
      const schedule = openSchedule(text, name);
      setProblem(undefined);
      onSchedule(schedule);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  /** A file that is read for long must not take the place of one that was given after it. */
  const read = async (file: File) => {
    reading.current += 1;
    const turn = reading.current;
    try {
      const text = await file.text();
      if (turn === reading.current) open(text, file.name);
    } catch (error) {
      if (turn === reading.current) setProblem(problemOf(error));
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
          if (first !== undefined) void read(first.file);
        }}
        onProblem={setProblem}
      />
      {problem === undefined ? null : <ProblemNotice problem={problem} isAnswer />}
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
    </Panel>
  );
}
