import { formatBytes, InputError, problemOf } from '../../../base/index.js';
import { parseMetrics } from '../../../formats/browser.js';
import {
  type FolderNews,
  fileAt,
  type MetricsNews,
  pathOf,
  type RunFileName,
  strideFor,
  thinSteps,
} from '../../view/index.js';
import type { DroppedFile } from '../ui/index.js';
import type { RunListener, RunSource } from './source.js';

const metricsName = 'metrics.jsonl';
/** A longer file is not shown. */
const mostBytes = 2 ** 26;
const longestLine = 2 ** 20;

/** The runs among files that the person gave: each folder with metrics is one. Throws `InputError` if there is none. */
export function findRuns(files: readonly DroppedFile[]): RunSource[] {
  const runs = files.filter(({ path }) => path === metricsName || path.endsWith(`/${metricsName}`));
  if (runs.length === 0)
    throw new InputError({
      what: 'there is no run in it',
      mend: `give the folder of a run: it holds ${metricsName}, and timelines and loads`,
    });
  return runs.map(({ path, file }) => createFileSource(path.slice(0, -metricsName.length), file, files));
}

function createFileSource(folder: string, metrics: File, files: readonly DroppedFile[]): RunSource {
  const own = new Map(
    files.flatMap(({ path, file }) => {
      const known = path.startsWith(folder) ? fileAt(path.slice(folder.length)) : undefined;
      return known === undefined ? [] : [[pathOf(known), { known, file }] as const];
    }),
  );
  const all = [...own.values()].map(({ known }) => known);
  const name = folder.replace(/\/$/, '') || metricsName;
  return {
    id: name,
    folder: name,
    watch({ onMetrics, onFolder, onProblem }) {
      const stop = new AbortController();
      const has = (file: RunFileName) => (own.has(pathOf(file)) ? 'given' : '');
      const folder: FolderNews = {
        timelines: all.flatMap((file) => (file.kind === 'timeline' ? file.step : [])).sort((a, b) => a - b),
        loads: all.flatMap((file) => (file.kind === 'loads' ? file.name : [])).sort(),
        record: has({ kind: 'record' }),
        config: has({ kind: 'config' }),
        isFinished: true,
      };
      const tell = (news: MetricsNews) => {
        onMetrics(news);
        if (news.isAnew) onFolder(folder);
      };
      readMetricsFile(metrics, tell, stop.signal).catch((error: unknown) => {
        if (!stop.signal.aborted) onProblem(problemOf(error));
      });
      return () => stop.abort();
    },
    async read(file: RunFileName) {
      const found = own.get(pathOf(file));
      return found === undefined ? undefined : await readText(found.file, pathOf(file));
    },
  };
}

async function readText(file: File, where: string): Promise<string> {
  if (file.size > mostBytes)
    throw new InputError({ what: `it is longer than ${formatBytes(mostBytes)}`, where, mend: 'use doubletrack serve' });
  return await file.text();
}

/** Reads metrics line by line, so that neither the page stands still nor a long file is held whole. */
async function readMetricsFile(file: File, tell: RunListener['onMetrics'], signal: AbortSignal): Promise<void> {
  const stride = strideFor(file.size);
  const reader = file.stream().pipeThrough(new TextDecoderStream(), { signal }).getReader();
  let rest = '';
  let isAnew = true;
  for (;;) {
    const { value = '', done } = await reader.read();
    const lines = `${rest}${value}`.split('\n');
    rest = done ? '' : (lines.pop() ?? '');
    if (rest.length > longestLine)
      throw new InputError({ what: 'a line is too long', where: metricsName, mend: 'give the folder of a run' });
    const read = lines.flatMap((line) => parseMetrics(line) ?? []);
    tell({ lines: thinSteps(read, stride), isAnew, hasMore: !done, ageSeconds: 0 });
    isAnew = false;
    if (done) return;
  }
}
