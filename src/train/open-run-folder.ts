import { accessSync, constants, lstatSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { errorCode, InputError } from '../base/index.js';
import { fileError, isLeftover, parseMetrics, readFilePart, removePath } from '../formats/index.js';
import { listCheckpoints } from './run-folder.js';
import { lockRun, type RunLock } from './run-lock.js';
import { runPaths } from './run-paths.js';

/** The folder of a run that is this process's own until it is closed. */
export interface OpenRunFolder {
  readonly folder: string;
  readonly lock: RunLock;
  /** Removes what processes that were killed left half written; gives how many things that were. */
  removeLeftovers(): number;
  /** Gives the lock back, and takes away what was made for a run that did not begin. */
  close(): void;
}

/**
 * Makes the folder of a new run, or of `undefined` one in `runs/` that is named after the time, and takes its lock.
 * Throws `InputError` if something of a run, or something that a run would write over, lies in it, and as
 * `lockRun` and `fileError`.
 */
export async function openNewRun(folder: string | undefined): Promise<OpenRunFolder> {
  const { path, made } = folder === undefined ? makeNamedFolder(new Date()) : makeFolder(folder);
  try {
    requireEmpty(path);
    const lock = await lockRun(path);
    const open = hold(path, lock, made);
    try {
      // Another process may have begun, and ended, before the lock was had.
      requireEmpty(path);
    } catch (error) {
      open.close();
      throw error;
    }
    open.removeLeftovers();
    return open;
  } catch (error) {
    removeMade(made);
    throw error;
  }
}

/**
 * Takes the lock of a run that is to go on. Throws `InputError` if a part of it is not what a run leaves or cannot be
 * written, and as `lockRun`.
 */
export async function openOldRun(folder: string): Promise<OpenRunFolder> {
  const lock = await lockRun(folder);
  const open = hold(folder, lock, []);
  try {
    requireOwnParts(folder);
    return open;
  } catch (error) {
    open.close();
    throw error;
  }
}

function hold(folder: string, lock: RunLock, made: readonly string[]): OpenRunFolder {
  return {
    folder,
    lock,
    removeLeftovers: () => removeLeftovers(folder),
    close() {
      lock.release();
      removeMade(made);
    },
  };
}

/** Makes `runs/2026-11-25T00-00-00`, or with `-2` and so on behind it where that is there already. */
function makeNamedFolder(now: Date) {
  const name = join('runs', now.toISOString().slice(0, 19).replaceAll(':', '-'));
  const { made } = makeFolder('runs');
  for (let number = 1; ; number++) {
    const path = number === 1 ? name : `${name}-${number}`;
    try {
      mkdirSync(path);
      return { path, made: [...made, path] };
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw fileError(error, path, 'write');
    }
  }
}

/** Makes a folder and those that it lies in; gives which were not there before, the outermost first. */
function makeFolder(path: string): { readonly path: string; readonly made: readonly string[] } {
  if (path === '') throw new InputError({ what: 'the name is empty', where: '--out', mend: 'name a folder' });
  const made: string[] = [];
  try {
    makeEach(resolve(path), made);
    return { path, made };
  } catch (error) {
    removeMade(made);
    throw folderError(error, path);
  }
}

/** One by one: mkdir's own `recursive` never returns in a folder that holds what the system makes up, such as /proc. */
function makeEach(path: string, made: string[]): void {
  try {
    mkdirSync(path);
    made.push(path);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || lstatSync(parent, { throwIfNoEntry: false }) !== undefined) throw error;
    makeEach(parent, made);
    mkdirSync(path);
    made.push(path);
  }
}

/**
 * What cannot be made, and why: the system says ENOENT of a link that leads nowhere too, and EEXIST of what is no
 * folder.
 */
function folderError(error: unknown, path: string): unknown {
  const failed = error instanceof Error ? (error as NodeJS.ErrnoException) : undefined;
  const mend = 'give another --out';
  if (failed?.code === 'EEXIST')
    return new InputError({ what: 'it is there and no folder', where: failed.path ?? path, mend }, { cause: error });
  if (failed?.code === 'ENOENT')
    return new InputError({ what: 'no folder can be made there', where: path, mend }, { cause: error });
  return fileError(error, path, 'write');
}

/** Folders that hold nothing go again. */
function removeMade(made: readonly string[]): void {
  try {
    for (const path of [...made].reverse()) rmdirSync(path);
  } catch {
    // It holds something, or is gone.
  }
}

/** Throws `InputError` if there is a run, or a file or folder, or a link to one, that a run writes. */
function requireEmpty(folder: string): void {
  const { lock, config, ...others } = runPaths(folder);
  const isThere = (path: string) => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  try {
    if (isThere(config)) {
      const mend = `give another --out, or --resume ${folder}`;
      throw new InputError({ what: 'the folder holds a run already', where: folder, mend });
    }
    const found = Object.values(others).find(isThere);
    if (found === undefined) return;
    const mend = 'give another --out, or move it elsewhere';
    throw new InputError({ what: 'it is there already, and a run would write over it', where: found, mend });
  } catch (error) {
    throw fileError(error, folder, 'read');
  }
}

/**
 * Throws `InputError` if what the run would go on to write is of another kind, of somebody else, or cannot be written.
 */
function requireOwnParts(folder: string): void {
  const { lock, checkpoints, loads, timelines, ...files } = runPaths(folder);
  for (const path of [checkpoints, loads, timelines]) {
    const stat = statOf(path);
    if (stat === undefined) continue;
    if (!stat.isDirectory())
      throw new InputError({ what: 'it is there and no folder', where: path, mend: 'move it elsewhere' });
    requireWritable(path);
  }
  for (const path of Object.values(files)) {
    const stat = statOf(path);
    if (stat === undefined) continue;
    if (stat.isDirectory()) throw new InputError({ what: 'it is a folder', where: path, mend: 'move it elsewhere' });
    if (!stat.isFile())
      throw new InputError({ what: 'it is a pipe or a device', where: path, mend: 'move it elsewhere' });
    requireWritable(path);
  }
  if (statOf(files.history) === undefined && listCheckpoints(folder).length === 0) requireOwnMetrics(folder);
}

/** Of a run that an earlier build began and that saved nothing: what it would remove must be its own. */
function requireOwnMetrics(folder: string): void {
  const { metrics, loads, timelines } = runPaths(folder);
  const found = [metrics, loads, timelines].find((path) => statOf(path) !== undefined);
  if (found === undefined) return;
  const start = statOf(metrics) === undefined ? '' : decodeStart(metrics);
  if (start.split('\n').some((line) => parseMetrics(line) !== undefined)) return;
  const mend = 'move it elsewhere, or begin another run with --out';
  throw new InputError({
    what: 'no run of this program wrote it, and this one would write over it',
    where: found,
    mend,
  });
}

function decodeStart(path: string): string {
  return Buffer.from(readFilePart(path, { from: 0, maxBytes: 2 ** 20 }).bytes).toString('utf8');
}

function statOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw fileError(error, path, 'read');
  }
}

function requireWritable(path: string): void {
  try {
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw fileError(error, path, 'write');
  }
}

function removeLeftovers(folder: string): number {
  const { checkpoints, loads, timelines } = runPaths(folder);
  let removed = 0;
  for (const place of [folder, checkpoints, loads, timelines]) {
    if (statOf(place)?.isDirectory() !== true) continue;
    const names = readdirSync(place).filter(isLeftover);
    for (const name of names) removePath(join(place, name));
    removed += names.length;
  }
  return removed;
}
