import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type DoubletrackError, errorCode, InputError, type Problem } from '../base/index.js';
import {
  fileError,
  openCheckpoint,
  readSafetensors,
  readTensor,
  requireStored,
  type TensorIndex,
} from '../formats/index.js';
import { checkNumbers } from './check-numbers.js';
import { checkpointFolder, listCheckpoints } from './run-folder.js';
import { checkSums, readTrainingState, type TrainingState } from './training-state.js';

/** Where a run goes on from. */
export interface StartPoint {
  /** The step that is done; 0 of a run that begins. */
  readonly done: number;
  /** Undefined of a run that has saved nothing. */
  readonly checkpoint: string | undefined;
  /** Later checkpoints that cannot be gone on from, and why. */
  readonly damaged: readonly { readonly step: number; readonly problem: Problem }[];
  /** Whole checkpoints of later steps, which are not gone on from. */
  readonly later: readonly number[];
  /** What the checkpoint was trained with. */
  readonly seed: number | undefined;
  /** An earlier build wrote the checkpoint: only its numbers could be checked. */
  readonly hasNoSums: boolean;
}

/** That of a run that begins. */
export const firstStart: StartPoint = {
  done: 0,
  checkpoint: undefined,
  damaged: [],
  later: [],
  seed: undefined,
  hasNoSums: false,
};

/**
 * The checkpoint of step `from` of a run or, of `'last'`, the newest one that is whole; the start of a run that has
 * none. Throws `InputError` if that of `from` is missing or damaged, if none is whole, or if one that would be gone on
 * from has the name of another step than its own.
 */
export async function chooseStart(folder: string, from: number | 'last'): Promise<StartPoint> {
  const steps = listCheckpoints(folder);
  if (from !== 'last') {
    if (!steps.includes(from)) throw missing(folder, from, steps);
    const state = await inspectCheckpoint(folder, from);
    return startAt(folder, state, { later: steps.filter((step) => step > from) });
  }
  const damaged: { readonly step: number; readonly problem: Problem }[] = [];
  for (const step of steps.toReversed()) {
    try {
      return startAt(folder, await inspectCheckpoint(folder, step), { damaged });
    } catch (error) {
      if (!isDamage(error)) throw error;
      damaged.push({ step, problem: error.problem });
    }
  }
  if (damaged.length === 0) return firstStart;
  const [{ step, problem }] = damaged;
  throw new InputError({
    what: `${damaged.length === 1 ? 'its only checkpoint' : `none of its ${damaged.length} checkpoints is whole; that`} of step ${step} is damaged: ${problem.what}`,
    where: problem.where ?? checkpointFolder(folder, step),
    mend: 'put a copy of the checkpoint in its place, or begin another run with --out',
  });
}

function startAt(folder: string, { step, seed, files }: TrainingState, rest: Partial<StartPoint>): StartPoint {
  const checkpoint = checkpointFolder(folder, step);
  return { ...firstStart, done: step, checkpoint, seed, hasNoSums: files === undefined, ...rest };
}

function missing(folder: string, step: number, steps: readonly number[]): InputError {
  const mend =
    steps.length === 0
      ? `begin it anew with --resume ${folder}`
      : steps.length === 1
        ? `use that of step ${steps[0]}`
        : `use that of one of the steps ${steps.slice(-20).join(', ')}`;
  return new InputError({
    what: `there is no checkpoint of step ${step}`,
    where: checkpointFolder(folder, step),
    mend,
  });
}

/** A checkpoint has another step's name. */
class RenamedError extends InputError {}

/** Whether another checkpoint may be whole: it is not, where this one could not be read, or somebody renamed it. */
function isDamage(error: unknown): error is DoubletrackError {
  if (!(error instanceof InputError) || error instanceof RenamedError) return false;
  const code = errorCode(error.cause);
  return code !== 'EACCES' && code !== 'EPERM';
}

/** Reads all of a checkpoint, without taking anything of it. Throws `InputError` for the first thing that is wrong. */
async function inspectCheckpoint(folder: string, step: number): Promise<TrainingState> {
  const place = checkpointFolder(folder, step);
  requireFolder(place);
  const state = readTrainingState(place);
  if (state.step !== step) {
    const name = checkpointFolder(folder, state.step);
    const what = `the checkpoint ${basename(place)} is of step ${state.step}`;
    // Into a folder that is there, mv would put it as one more.
    const mend = existsSync(name)
      ? `that is there too: move this one out of the checkpoints: mv ${place} ${folder}`
      : `give it its name again: mv ${place} ${name}`;
    throw new RenamedError({ what, where: place, mend });
  }
  if (state.files === undefined) checkAllNumbers(place);
  else await checkSums(place, state.files);
  return state;
}

function requireFolder(path: string): void {
  try {
    if (!statSync(path).isDirectory())
      throw new InputError({ what: 'it is no folder', where: path, mend: 'resume from another checkpoint' });
  } catch (error) {
    throw fileError(error, path, 'read');
  }
}

/** What there is to check of a checkpoint without checksums. */
function checkAllNumbers(checkpoint: string): void {
  const optimizer = join(checkpoint, 'optimizer.safetensors');
  const model = join(checkpoint, 'model.safetensors');
  // It may be in shards.
  for (const path of existsSync(model) ? [model, optimizer] : [optimizer]) requireStored(path);
  for (const index of [openCheckpoint(checkpoint), readSafetensors(optimizer)]) checkTensors(index);
}

function checkTensors(index: TensorIndex): void {
  for (const [name, { path }] of index.tensors) checkNumbers(name, readTensor(index, name), path);
}
