import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { type Problem, problemOf } from '../../../base/index.js';
import { asksForPart, describeLoads, findLoads, type LoadsCandidate, sayOnPage } from '../../view/index.js';
import { type DroppedFile, DropZone, Panel, ProblemNotice, SelectField, TextField } from '../ui/index.js';
import type { LoadsSource } from './messages.js';
import type { FileProblem, Loaded, PlacementState } from './use-placement.js';

/** What was given, and what of it can be read. */
export interface GivenLoads {
  readonly id: string;
  readonly candidates: readonly LoadsCandidate[];
  readonly files: readonly DroppedFile[];
}

/** The loads that the page brings along: OLMoE's, on six domains of text. */
export const exampleSource: LoadsSource = { id: 'example', path: 'examples/loads.json', files: [] };

/** All that a drop holds; how much of it may be read is seen when that is chosen. */
const mostBytes = 2 ** 42;
let given = 0;

/** A source for what of the given files is to be read. */
export function sourceOf({ id, files }: GivenLoads, candidate: LoadsCandidate): LoadsSource {
  const own = new Set(candidate.files);
  return { id, path: candidate.path, files: files.filter(({ path }) => own.has(path)) };
}

/** Where loads are dropped, or the example is opened. */
export function GivePanel({
  title,
  isFirst,
  onGiven,
  onExample,
  onProblem,
  children,
}: {
  readonly title: string;
  /** Whether nothing is there yet. */
  readonly isFirst: boolean;
  readonly onGiven: (loads: GivenLoads) => void;
  readonly onExample: () => void;
  readonly onProblem: (problem: Problem) => void;
  /** Under the place to drop on: what was wrong with what was dropped. */
  readonly children: ComponentChildren;
}) {
  const take = (files: readonly DroppedFile[]) => {
    try {
      given += 1;
      onGiven({ id: `given ${given}`, candidates: findLoads(files.map(({ path }) => path)), files });
    } catch (error) {
      onProblem(problemOf(error));
    }
  };
  return (
    <Panel
      title={title}
      actions={
        <button type="button" class={isFirst ? 'primary' : ''} onClick={onExample}>
          Try the example
        </button>
      }
    >
      <DropZone
        label="Drop recorded expert loads here"
        hint="What SGLang, TensorRT-LLM, vLLM or a training run recorded, route JSONL, JSON by domain, or a table of counts as JSON, CSV, .npy or .pt; files or folders, gzipped or not. They stay in this browser."
        takesFolders
        mostBytes={mostBytes}
        onFiles={take}
        onProblem={onProblem}
      />
      {children}
    </Panel>
  );
}

/** What is shown: which file, what was read of it, and what else could be. */
export function LoadsPanel({
  loaded: { source, facts },
  loads,
  onChoose,
}: {
  readonly loaded: Loaded;
  readonly loads: GivenLoads | undefined;
  readonly onChoose: (source: LoadsSource) => void;
}) {
  return (
    <Panel title="Loads">
      {loads === undefined || loads.id !== source.id || loads.candidates.length < 2 ? (
        <p class="where">{source.path === '.' ? `${source.files.length} files` : source.path}</p>
      ) : (
        <SelectField
          label="What to read"
          value={source.path}
          onChange={(path) => {
            const candidate = loads.candidates.find((one) => one.path === path);
            if (candidate !== undefined) onChoose(sourceOf(loads, candidate));
          }}
          options={loads.candidates.map(({ path, words }) => ({ value: path, words }))}
        />
      )}
      <p data-part="facts">{describeLoads(facts)}</p>
      {facts.notes.length === 0 ? null : (
        <ul class="notes">
          {facts.notes.map((note) => (
            <li key={note}>{sayOnPage(note)}</li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

/** Why a file could not be read; where its loads lie deeper, with a field for where. */
export function FileProblemNotice({
  fileProblem: { problem, source },
  onPart,
}: {
  readonly fileProblem: FileProblem;
  readonly onPart: PlacementState['open'];
}) {
  const [part, setPart] = useState('');
  return (
    <div class="stack">
      <ProblemNotice problem={problem} isAnswer />
      {source !== undefined && asksForPart(problem) ? (
        <form
          class="part-form"
          onSubmit={(event) => {
            event.preventDefault();
            onPart(source, undefined, part);
          }}
        >
          <TextField
            label="Part of the file"
            value={part}
            onChange={setPart}
            hint="The keys that lead to the loads, with / between: counts/model"
          />
          <button type="submit">Read this part</button>
        </form>
      ) : null}
    </div>
  );
}
