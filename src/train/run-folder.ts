import { type Dirent, existsSync, opendirSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../base/index.js';
import { parseMetrics, readFilePart, type StepMetrics } from '../formats/index.js';
import { runPaths } from './run-paths.js';

/** How far the metrics of a run have been read: to go on from there, any time later. */
export interface MetricsCursor {
  /** Which file it was: a run that is resumed writes another. */
  readonly file: string;
  readonly bytes: number;
}

/** Some lines of a run's metrics. */
export interface MetricsPart {
  /** In the file's order; lines that are no metrics are left out. */
  readonly lines: readonly StepMetrics[];
  /** Where to go on; undefined as long as there is no file. */
  readonly next: MetricsCursor | undefined;
  /** The lines are the first of a file other than that of the cursor, in place of all that was read before. */
  readonly isAnew: boolean;
  /** More lines may be there already. */
  readonly hasMore: boolean;
}

/** Bytes that are read at once; no line is longer. */
const PART_BYTES = 2 ** 20;

/**
 * The metrics of the run in `folder` from `from` on, at most 1 MiB of them. A last line that is not whole yet is left for the next time. Throws `InputError` if the file cannot be read, or has a
 * line that is longer.
 */
export function readMetrics(folder: string, from?: MetricsCursor): MetricsPart {
  const path = runPaths(folder).metrics;
  if (!existsSync(path)) return { lines: [], next: undefined, isAnew: from !== undefined, hasMore: false };
  const read = (bytes: number) => readFilePart(path, { from: bytes, maxBytes: PART_BYTES });
  let start = from?.bytes ?? 0;
  let part = read(start);
  const isAnew = from !== undefined && (part.identity !== from.file || part.fileBytes < from.bytes);
  if (isAnew) {
    start = 0;
    part = read(0);
  }
  const whole = part.bytes.subarray(0, part.bytes.lastIndexOf(LINE_END) + 1);
  if (whole.length === 0 && part.bytes.length === PART_BYTES) {
    throw new InputError({ what: 'a line is longer than 1 MiB', where: path, mend: 'give the folder of a run' });
  }
  return {
    // A byte that is no UTF-8 makes its line none, and no other.
    lines: Buffer.from(whole)
      .toString('utf8')
      .split('\n')
      .flatMap((line) => parseMetrics(line) ?? []),
    next: { file: part.identity, bytes: start + whole.length },
    isAnew,
    hasMore: start + part.bytes.length < part.fileBytes,
  };
}

const LINE_END = 10;

/** The steps whose timelines the folder of a run holds, ascending. */
export function listTimelines(folder: string): number[] {
  return listEntries(runPaths(folder).timelines)
    .filter((entry) => entry.isFile())
    .flatMap(({ name }) => /^([1-9]\d{0,14})\.json$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** The file of a step's timeline. */
export function timelinePath(folder: string, step: number): string {
  return join(runPaths(folder).timelines, `${step}.json`);
}

/** A file of the loads of the steps `first` to `last`. */
export interface LoadFileEntry {
  readonly first: number;
  readonly last: number;
  readonly path: string;
}

/** The load files that the folder of a run holds, in the order of their steps. */
export function listLoadFiles(folder: string): LoadFileEntry[] {
  const { loads } = runPaths(folder);
  return listEntries(loads)
    .filter((entry) => entry.isFile())
    .flatMap(({ name }) => {
      const [, first, last] = /^(\d{1,15})-(\d{1,15})\.json$/.exec(name) ?? [];
      return first === undefined ? [] : [{ first: Number(first), last: Number(last), path: join(loads, name) }];
    })
    .sort((a, b) => a.first - b.first);
}

/** The steps of which the folder of a run holds checkpoints, ascending. */
export function listCheckpoints(folder: string): number[] {
  return listEntries(runPaths(folder).checkpoints)
    .filter(({ name }) => /^\d{1,15}$/.test(name))
    .map(({ name }) => Number(name))
    .sort((a, b) => a - b);
}

/** The folder of the checkpoint of a step. */
export function checkpointFolder(folder: string, step: number): string {
  return join(runPaths(folder).checkpoints, String(step));
}

/** The checkpoint of the highest step in a run folder. Throws `InputError` if there is none. */
export function lastCheckpoint(folder: string): string {
  const step = listCheckpoints(folder).at(-1);
  if (step !== undefined) return checkpointFolder(folder, step);
  throw new InputError({
    what: 'there is no checkpoint',
    where: runPaths(folder).checkpoints,
    mend: 'give the folder of a run that saved one',
  });
}

/** A run's folders hold far fewer: of what else lies there no more is looked at, so that who watches a run is not kept from it. */
const MOST_ENTRIES = 2 ** 14;

/** None where there is no folder yet. */
function listEntries(folder: string): Dirent[] {
  if (!existsSync(folder)) return [];
  const entries: Dirent[] = [];
  const open = opendirSync(folder, { bufferSize: 1024 });
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) {
      if (entries.push(entry) >= MOST_ENTRIES) break;
    }
  } finally {
    open.closeSync();
  }
  return entries;
}
