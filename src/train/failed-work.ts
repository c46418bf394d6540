import { existsSync } from 'node:fs';
import { errorCode, InputError, WorkError } from '../base/index.js';
import type { RankGroup } from '../runtime/index.js';

/**
 * What was thrown in the middle of a run, where a file that cannot be written is no bad input any more but work that
 * failed.
 */
export function asFailedWork(error: unknown, folder: string): unknown {
  if (!(error instanceof InputError)) return error;
  const code = errorCode(error.cause);
  const { what, where = folder, mend } = error.problem;
  if (!existsSync(folder))
    return new WorkError(
      { what: 'the run folder was removed while the run went on', where: folder, mend: 'begin it anew' },
      { cause: error },
    );
  const resume = `go on with --resume ${folder}`;
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new WorkError(
      { what: 'it was removed while the run went on', where, mend: `leave the run folder as it is, and ${resume}` },
      { cause: error },
    );
  return new WorkError(
    { what, where, mend: mend === undefined ? resume : `${mend}, then ${resume}` },
    { cause: error },
  );
}

/** Where a run was when its loss or gradient was not finite any more. */
export interface Divergence {
  readonly folder: string;
  readonly step: number;
  readonly loss: number;
  /** The step that the run went on from; 0 of one that began. */
  readonly done: number;
  /** The last checkpoint that there is. */
  readonly lastCheckpoint: number | undefined;
}

/** The error of a loss or gradient that is not finite: names the first layer in which a number was not. */
export async function describeDivergence(group: RankGroup, at: Divergence): Promise<WorkError> {
  const found = (await group.call('diagnose')).flatMap((one) => one ?? []);
  // Numbers run forward through the layers and back again: the first bad one is the lowest layer forward or, if all of
  // that is fine, the highest.
  const forward = found.filter(({ pass }) => pass === 'forward').sort((a, b) => a.layer - b.layer);
  const backward = found.filter(({ pass }) => pass === 'backward').sort((a, b) => b.layer - a.layer);
  const what = Number.isFinite(at.loss) ? 'a gradient' : 'the loss';
  return new WorkError({
    what: `training diverged at step ${at.step}: ${what} is not finite`,
    where: [...forward, ...backward][0]?.what ?? 'no layer found',
    mend: mendDivergence(at),
  });
}

function mendDivergence({ folder, step, done, lastCheckpoint }: Divergence): string {
  const lower = 'lower learning_rate or clip_norm';
  if (lastCheckpoint === undefined) return `${lower} and begin again; train.save_every saves checkpoints on the way`;
  if (done > 0 && step === done + 1)
    return `the numbers of checkpoint ${done} may be at fault: go on from an earlier one, with --resume ${folder}/checkpoints/STEP, or ${lower}`;
  return `${lower} and go on from checkpoint ${lastCheckpoint} with --resume ${folder}`;
}
