import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { InputError } from '../../base/index.js';
import { runPaths } from '../../train/index.js';
import { passesFilter, type RunEntry } from '../view/index.js';

/** A run that is shown. */
export interface RunFolder extends RunEntry {
  /** The folder itself, whatever links led to it. */
  readonly path: string;
}

/** The most runs of a folder that are listed: the latest by name. */
const mostRuns = 200;

export interface ListOptions {
  /** Default: all. */
  readonly filter?: string;
  /** Names that are listed whatever the filter, and however many come after them. */
  readonly named?: readonly string[];
}

export interface ListedRuns {
  readonly runs: readonly RunFolder[];
  /** Entries of folders of runs that pass the filter and were not looked into, because there are so many after them. */
  readonly leftOut: number;
}

/**
 * The runs that `roots` name, each once: a root is a run's folder, or a folder of runs. Runs of a folder whose name leads out of it by a link are left out. Ids are the names of
 * the folders, with a number where two are alike.
 */
export function listRuns(roots: readonly string[], options: ListOptions = {}): ListedRuns {
  const byPath = new Map<string, RunFolder>();
  const used = new Set<string>();
  const expanded = roots.map((root) => expandRoot(root, options));
  for (const { folder, path } of expanded.flatMap(({ runs }) => runs)) {
    if (byPath.has(path)) continue;
    const name = basename(path);
    let id = name;
    for (let number = 2; used.has(id); number++) id = `${name}-${number}`;
    used.add(id);
    byPath.set(path, { id, folder, path });
  }
  return { runs: [...byPath.values()], leftOut: expanded.reduce((sum, { leftOut }) => sum + leftOut, 0) };
}

/** The run of an id, also one that is not among the latest; undefined if there is none. */
export function findRun(roots: readonly string[], id: string): RunFolder | undefined {
  return listRuns(roots, { named: [id] }).runs.find((run) => run.id === id);
}

function expandRoot(root: string, { filter = '', named = [] }: ListOptions) {
  if (!isFolder(root)) return { runs: [], leftOut: 0 };
  const real = realpathSync(root);
  if (isRun(real)) return { runs: [{ folder: root, path: real }], leftOut: 0 };
  const names = readdirSync(real).sort();
  const passing = names.filter((name) => passesFilter({ id: name, folder: root }, filter));
  const latest = passing.slice(-mostRuns);
  const wanted = new Set([...latest, ...names.filter((name) => named.includes(name))]);
  const runs = names.flatMap((name) => {
    const path = wanted.has(name) ? resolveInside(real, name) : undefined;
    return path !== undefined && isFolder(path) && isRun(path) ? [{ folder: join(root, name), path }] : [];
  });
  return { runs, leftOut: passing.length - latest.length };
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
