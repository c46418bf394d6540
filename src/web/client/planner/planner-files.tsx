import { useRef, useState } from 'preact/hooks';
import { InputError, type Problem, problemOf } from '../../../base/index.js';
import { decodeUtf8 } from '../../../formats/browser.js';
import { baseName, mostPlannerBytes, type PlannerFile } from '../../view/index.js';
import { type DroppedFile, DropZone, Panel, ProblemNotice } from '../ui/index.js';
import type { ReadFiles } from './messages.js';
import { checkFiles } from './use-search.js';

const mostFiles = 16;

interface FilesProps {
  readonly given: readonly PlannerFile[];
  readonly files: ReadFiles | undefined;
  readonly isCalibrated: boolean;
  readonly onGiven: (given: readonly PlannerFile[]) => void;
}

/** Which files are planned with, and a place for one's own. Files that cannot be are refused with what is wrong, and those before stay. */
export function PlannerFiles({ given, files, isCalibrated, onGiven }: FilesProps) {
  const [problem, setProblem] = useState<Problem>();
  // What is given while others are being checked comes on top of those.
  const taken = useRef(given);
  const turn = useRef(Promise.resolve());
  const give = (next: readonly PlannerFile[]) => {
    taken.current = next;
    onGiven(next);
  };
  const add = async (dropped: readonly DroppedFile[]) => {
    try {
      const own = await readDropped(dropped);
      const names = new Set(own.map(({ name }) => name));
      const next = [...taken.current.filter(({ name }) => !names.has(name)), ...own];
      const found = await checkFiles(next, isCalibrated);
      setProblem(found);
      if (found === undefined) give(next);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  const take = (dropped: readonly DroppedFile[]) => {
    turn.current = turn.current.then(() => add(dropped));
  };
  const back = () => {
    setProblem(undefined);
    give([]);
  };
  return (
    <Panel title="Model and cluster">
      <dl class="planner-files">
        <FileUse what="Model" name={files?.modelFile} words={files?.words?.model} />
        <FileUse what="Cluster" name={files?.clusterFile} words={files?.words?.cluster} />
        <FileUse what="Measured step" name={files?.calibrationFile} />
      </dl>
      <DropZone
        label="Drop your own here"
        hint="a model's config.json, a cluster's TOML, a measured step's TOML; they stay on this machine"
        mostBytes={mostPlannerBytes}
        onFiles={take}
        onProblem={setProblem}
      />
      {problem === undefined ? null : <ProblemNotice problem={problem} isAnswer />}
      {given.length === 0 ? null : (
        <div class="actions">
          <button type="button" onClick={back}>
            Back to the example
          </button>
        </div>
      )}
    </Panel>
  );
}

async function readDropped(dropped: readonly DroppedFile[]): Promise<readonly PlannerFile[]> {
  if (dropped.length > mostFiles) {
    throw new InputError({ what: `these are ${dropped.length} files`, mend: `give at most ${mostFiles}` });
  }
  return await Promise.all(
    dropped.map(async ({ path, file }) => {
      const name = baseName(path);
      return { name, text: decodeUtf8(new Uint8Array(await file.arrayBuffer()), name) };
    }),
  );
}

function FileUse({ what, name, words }: { what: string; name: string | undefined; words?: string | undefined }) {
  return (
    <>
      <dt>{what}</dt>
      <dd>
        <span>{name ?? '…'}</span>
        {words === undefined ? null : <p class="field-hint">{words}</p>}
      </dd>
    </>
  );
}
