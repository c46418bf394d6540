import { statSync } from 'node:fs';
import { basename } from 'node:path';
import type { StepMetrics } from '../../formats/index.js';
import { listLoadFiles, listTimelines, type MetricsCursor, readMetrics, runPaths } from '../../train/index.js';
import type { FolderNews, MetricsNews } from '../view/index.js';
import { type RunFolder, resolveInside } from './run-folders.js';

/** What looks at a run again and again. */
export interface RunWatch {
  /** The metrics that have come since the last look; undefined if none have. Throws as `readMetrics`. */
  metrics(): MetricsNews | undefined;
  /** What the folder holds, if that has changed since the last look. */
  folder(): FolderNews | undefined;
  /** Where the reading of metrics stands, as text: `watchRun` goes on from there. */
  cursor(): string;
}

/** Of metrics longer than this only every second step is sent, and so on: a page needs no more, and a browser holds no more. */
const mostSentBytes = 2 ** 25;

/** Watches a run, from its beginning or from where another watch of it stood. */
export function watchRun({ path: folder }: RunFolder, from: string | undefined): RunWatch {
  let next = parseCursor(from);
  let known = '';
  return {
    metrics() {
      const path = resolveInside(folder, runPaths(folder).metrics);
      if (path === undefined) return undefined;
      const part = readMetrics(folder, next);
      const isFirst = next === undefined;
      next = part.next;
      if (part.lines.length === 0 && !part.isAnew) return undefined;
      const stride = Math.max(1, Math.ceil(statSync(path).size / mostSentBytes));
      return { lines: thin(part.lines, stride), isAnew: part.isAnew || isFirst, hasMore: part.hasMore };
    },
    folder() {
      const news = lookAt(folder);
      const text = JSON.stringify(news);
      if (text === known) return undefined;
      known = text;
      return news;
    },
    cursor: () => (next === undefined ? '' : `${next.bytes}@${next.file}`),
  };
}

function parseCursor(text: string | undefined): MetricsCursor | undefined {
  const [, bytes, file] = /^(\d{1,15})@(.{1,100})$/.exec(text ?? '') ?? [];
  return bytes === undefined || file === undefined ? undefined : { bytes: Number(bytes), file };
}

/** Every `stride`th step, and those in which something happens. */
function thin(lines: readonly StepMetrics[], stride: number): readonly StepMetrics[] {
  if (stride === 1) return lines;
  return lines.filter(
    ({ step, validationLoss, migration, decision }) =>
      step % stride === 0 || (validationLoss ?? migration ?? decision) !== undefined,
  );
}

function lookAt(folder: string): FolderNews {
  const { timelines, loads, stepRecord, summary } = runPaths(folder);
  const record = statInside(folder, stepRecord);
  return {
    timelines: resolveInside(folder, timelines) === undefined ? [] : listTimelines(folder),
    loads: resolveInside(folder, loads) === undefined ? [] : listLoadFiles(folder).map(({ path }) => basename(path)),
    record: record === undefined ? '' : `${record.mtimeMs} ${record.size}`,
    isFinished: statInside(folder, summary) !== undefined,
  };
}

function statInside(folder: string, path: string) {
  const real = resolveInside(folder, path);
  return real === undefined ? undefined : statSync(real, { throwIfNoEntry: false });
}
