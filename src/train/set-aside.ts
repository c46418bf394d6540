import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { describeProblem } from '../base/index.js';
import { nameBeside, removePath, renamePath } from '../formats/index.js';
import type { StartPoint } from './choose-checkpoint.js';
import { checkpointFolder, listCheckpoints } from './run-folder.js';

/**
 * Takes what the run does not go on from out of the way, so that its checkpoints are those of one curve: each keeps its
 * folder under a longer name. Gives a sentence for each. Throws as
 * `fileError`.
 */
export function setAside(folder: string, { done, damaged, later }: StartPoint): string[] {
  return [
    ...damaged.map(({ step, problem }) => {
      const name = renameBeside(checkpointFolder(folder, step), 'damaged');
      return `checkpoint ${step} is not whole: ${describeProblem({ ...problem, mend: `the run goes on from checkpoint ${done}; it is kept as ${name}` })}`;
    }),
    ...later.map((step) => {
      const name = renameBeside(checkpointFolder(folder, step), 'cut-off');
      return `checkpoint ${step} is later than ${done}, from which the run goes on: it is kept as ${name}`;
    }),
  ];
}

/** Gives the new name, without the folder that it is in. */
function renameBeside(path: string, ending: string): string {
  let target = `${path}.${ending}`;
  for (let number = 2; existsSync(target); number++) target = `${path}.${ending}-${number}`;
  renamePath(path, target);
  return basename(target);
}

/**
 * Removes the checkpoints of a run but for the `keepLast` newest up to `step`, of which one was just written; 0 keeps
 * all. One that is removed loses its name at once, so that none is ever found in part. Throws as
 * `fileError`.
 */
export function removeOldCheckpoints(folder: string, step: number, keepLast: number): void {
  if (keepLast === 0) return;
  const steps = listCheckpoints(folder).filter((one) => one <= step);
  for (const old of steps.slice(0, -keepLast)) {
    const path = checkpointFolder(folder, old);
    const temporary = nameBeside(path);
    renamePath(path, temporary);
    removePath(temporary);
  }
}
