import { formatBytes, InputError } from '../../../base/index.js';
import { parseMetrics } from '../../../formats/browser.js';
import { fileAt, pathOf, type RunFileName } from '../../view/index.js';
import type { DroppedFile } from '../ui/index.js';
import type { RunSource } from './source.js';

const metricsName = 'metrics.jsonl';
/** A longer text does not fit into a string of the browser. */
const mostBytes = 2 ** 28;

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
      let isOver = false;
      readText(metrics, metricsName)
        .then((text) => {
          if (isOver) return;
          const lines = text.split('\n').flatMap((line) => parseMetrics(line) ?? []);
          onMetrics({ lines, isAnew: true, hasMore: false });
          onFolder({
            timelines: all.flatMap((file) => (file.kind === 'timeline' ? file.step : [])).sort((a, b) => a - b),
            loads: all.flatMap((file) => (file.kind === 'loads' ? file.name : [])).sort(),
            record: own.has(pathOf({ kind: 'record' })) ? 'given' : '',
            isFinished: true,
          });
        })
        .catch((error: unknown) => onProblem({ what: error instanceof Error ? error.message : String(error) }));
      return () => {
        isOver = true;
      };
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
