import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { InputError } from '../../base/index.js';
import { runPaths } from '../../train/index.js';
import type { RunEntry } from '../view/index.js';

/** A run that is shown. */
export interface RunFolder extends RunEntry {
  /** The folder itself, whatever links led to it. */
  readonly path: string;
}

/** The most runs of a folder that are listed: the latest by name. */
const mostRuns = 200;

/**
 * The runs that `roots` name, each once: a root is a run's folder, or a folder of runs. Runs of a folder whose name leads out of it by a link are left out. Ids are the names of
 * the folders, with a number where two are alike.
 */
export function listRuns(roots: readonly string[]): RunFolder[] {
  const byPath = new Map<string, RunFolder>();
  const used = new Set<string>();
  for (const { folder, path } of roots.flatMap(expandRoot)) {
    if (byPath.has(path)) continue;
    const name = basename(path);
    let id = name;
    for (let number = 2; used.has(id); number++) id = `${name}-${number}`;
    used.add(id);
    byPath.set(path, { id, folder, path });
  }
  return [...byPath.values()];
}

function expandRoot(root: string): Omit<RunFolder, 'id'>[] {
  if (!isFolder(root)) return [];
  const real = realpathSync(root);
  if (isRun(real)) return [{ folder: root, path: real }];
  const names = readdirSync(real).sort();
  return names.slice(-mostRuns).flatMap((name) => {
    const path = resolveInside(real, name);
    return path !== undefined && isFolder(path) && isRun(path) ? [{ folder: join(root, name), path }] : [];
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isRun(folder: string): boolean {
  const { config, metrics } = runPaths(folder);
  return existsSync(config) || existsSync(metrics);
}

/**
 * The real path of what lies in a folder under `path`, relative to it or not; undefined if there is nothing, or a link leads elsewhere: what a folder does not hold
 * is not shown. `folder` is a real path.
 */
export function resolveInside(folder: string, path: string): string | undefined {
  try {
    const real = realpathSync(path.startsWith(folder + sep) ? path : join(folder, path));
    return real.startsWith(folder + sep) ? real : undefined;
  } catch {
    return undefined;
  }
}

/** Throws `InputError` for a root that was asked for and is no folder. */
export function requireFolders(roots: readonly string[]): void {
  for (const root of roots) {
    if (isFolder(root)) continue;
    const what = existsSync(root) ? 'it is a file' : 'there is no such folder';
    throw new InputError({ what, where: root, mend: 'give the folder of a run, or a folder of runs' });
  }
}
