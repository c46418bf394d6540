import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { type Problem, problemOf } from '../../base/index.js';
import { listLoadFiles, listTimelines, type MetricsCursor, readMetrics, runPaths } from '../../train/index.js';
import { type FolderNews, type MetricsNews, pickSteadily, strideFor, thinSteps } from '../view/index.js';
import { type RunFolder, resolveInside } from './run-folders.js';

/** What looks at a run again and again. */
export interface RunWatch {
  /** What has come since the last look. Does not throw: a run that cannot be read says so, and may be mended. */
  look(): RunLook;
}

/** What one look at a run finds; what has not changed is left out. */
export interface RunLook {
  readonly metrics?: MetricsNews;
  /** Where the reading of metrics stands, as text: `watchRun` goes on from there. */
  readonly cursor: string;
  readonly folder?: FolderNews;
  /** What keeps the run from being read; null once nothing does any more. */
  readonly problem?: Problem | null;
}

/** Milliseconds after which another change of a folder has another time, whatever the file system. */
const clockGrain = 3000;
/** The most timelines and files of loads that are named. */
const mostTimelines = 1000;
const mostLoads = 1000;

/** Watches a run, from its beginning or from where another watch of it stood. */
export function watchRun({ path: folder }: RunFolder, from: string): RunWatch {
  let next = parseCursor(from);
  const listings = createListings(folder);
  let [knownFolder, knownProblem] = ['', 'null'];
  const lookAtMetrics = (): MetricsNews | undefined => {
    const path = resolveInside(folder, runPaths(folder).metrics);
    if (path === undefined) return undefined;
    const part = readMetrics(folder, next);
    const isFirst = next === undefined;
    next = part.next;
    if (part.lines.length === 0 && !part.isAnew && !part.hasMore) return undefined;
    const { size, mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { size: 0, mtimeMs: Date.now() };
    const ageSeconds = Math.max(0, (Date.now() - mtimeMs) / 1000);
    const lines = thinSteps(part.lines, strideFor(size));
    return { lines, isAnew: part.isAnew || isFirst, hasMore: part.hasMore, ageSeconds };
  };
  return {
    look() {
      const [metrics, metricsProblem] = attempt(lookAtMetrics);
      const [news, folderProblem] = attempt(() => lookAt(folder, listings));
      const [folderText, problem] = [JSON.stringify(news), metricsProblem ?? folderProblem ?? null];
      const problemText = JSON.stringify(problem);
      const look = {
        cursor: next === undefined ? '' : `${next.bytes}@${next.file}`,
        ...(metrics !== undefined && { metrics }),
        ...(news !== undefined && folderText !== knownFolder && { folder: news }),
        ...(problemText !== knownProblem && { problem }),
      };
      [knownFolder, knownProblem] = [folderText, problemText];
      return look;
    },
  };
}

function attempt<T>(look: () => T): readonly [T | undefined, Problem | undefined] {
  try {
    return [look(), undefined];
  } catch (error) {
    return [undefined, problemOf(error)];
  }
}

function parseCursor(text: string): MetricsCursor | undefined {
  const [, bytes, file] = /^(\d{1,15})@(.{1,100})$/.exec(text) ?? [];
  return bytes === undefined || file === undefined ? undefined : { bytes: Number(bytes), file };
}

/** Lists what a folder of the run holds, anew only when it has changed. */
function createListing<T>(run: string, folder: string, list: () => readonly T[]): () => readonly T[] {
  let known: { readonly changed: number; readonly entries: readonly T[] } | undefined;
  return () => {
    const real = resolveInside(run, folder);
    const stat = real === undefined ? undefined : statSync(real, { throwIfNoEntry: false });
    if (stat === undefined) return [];
    if (stat.mtimeMs !== known?.changed) {
      const entries = list();
      // A folder that was changed just now may change again within the grain of its clock.
      known = { changed: Date.now() - stat.mtimeMs > clockGrain ? stat.mtimeMs : Number.NaN, entries };
    }
    return known.entries;
  };
}

interface Listings {
  readonly timelines: () => readonly number[];
  /** Names. */
  readonly loads: () => readonly string[];
}

function createListings(folder: string): Listings {
  const { timelines, loads } = runPaths(folder);
  const listLoads = () => pickSteadily(listLoadFiles(folder), mostLoads).map(({ path }) => basename(path));
  return {
    timelines: createListing(folder, timelines, () => pickSteadily(listTimelines(folder), mostTimelines)),
    loads: createListing(folder, loads, listLoads),
  };
}

function lookAt(folder: string, { timelines, loads }: Listings): FolderNews {
  const { stepRecord, config, summary } = runPaths(folder);
  return {
    timelines: timelines(),
    loads: loads(),
    record: versionOf(folder, stepRecord),
    config: versionOf(folder, config),
    isFinished: versionOf(folder, summary) !== '',
  };
}

/** Changes with a file; empty where the folder holds none. */
function versionOf(folder: string, path: string): string {
  const real = resolveInside(folder, path);
  const stat = real === undefined ? undefined : statSync(real, { throwIfNoEntry: false });
  return stat?.isFile() === true ? `${stat.mtimeMs} ${stat.size}` : '';
}
