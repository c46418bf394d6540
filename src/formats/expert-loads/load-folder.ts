import { createLoads, type ExpertLoads } from '../../balance/index.js';
import { formatBytes } from '../../base/index.js';
import type { FileTree } from '../file-tree.js';
import { makeLoads, plural, type ReadOptions, type RecordedLoads, refuseLoads } from './recorded-loads.js';
import { finishSglang, readLogicalCount } from './sglang.js';

/** A file of a folder. */
interface LoadFile {
  readonly path: string;
  readonly bytes: number;
}

/** The files `FIRST-LAST.json` of a folder, in the order of their steps; none where it is no folder of loads. Throws `InputError` where they cannot be looked at. */
export function listLoadFiles(files: FileTree, folder: string): readonly LoadFile[] {
  const firstOf = (name: string): number => Number(/^(\d{1,15})-\d{1,15}\.json$/.exec(name)?.[1]);
  return files
    .list(folder)
    .filter((name) => firstOf(name) >= 0)
    .sort((a, b) => firstOf(a) - firstOf(b))
    .map((name) => files.join(folder, name))
    .map((path) => ({ path, bytes: files.sizeOf(path) }));
}

/**
 * The loads of a training run: files of SGLang's `{"logical_count": [steps][layers][experts]}`, one after the other, each of whose steps is a window. `readFile` gives the content of
 * one. Throws `InputError` for files of different sizes, for more than `mostBytes` in all, and as `readSglangJson`.
 */
export function readLoadFolder(
  folder: string,
  files: readonly LoadFile[],
  { mostBytes, readFile }: { readonly mostBytes: number; readonly readFile: (path: string) => unknown },
  options: ReadOptions,
): RecordedLoads {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes > mostBytes) {
    const what = `its ${plural(files.length, 'file')} hold ${formatBytes(bytes)}, more than ${formatBytes(mostBytes)}`;
    return refuseLoads(what, folder, 'name one of them, or a folder of the latest');
  }
  const parts = files.map(({ path }) => createLoads(readLogicalCount(readFile(path), path), path));
  const first = parts[0]!;
  for (const [index, { layers, experts }] of parts.entries()) {
    if (layers === first.layers && experts === first.experts) continue;
    const sizes = `${first.layers} layers of ${first.experts} experts`;
    const what = `it has ${layers} layers of ${experts} experts, the first file of the folder ${sizes}`;
    return refuseLoads(what, files[index]!.path, 'give the loads of one model');
  }
  const loads = makeLoads(joinFiles(parts), first, folder);
  const { notes, ...recorded } = finishSglang(loads, undefined, options);
  return { ...recorded, notes: [`${plural(loads.windows, 'step')} in ${plural(files.length, 'file')}`, ...notes] };
}

function joinFiles(parts: readonly ExpertLoads[]): Float64Array {
  const counts = new Float64Array(parts.reduce((sum, part) => sum + part.counts.length, 0));
  let next = 0;
  for (const part of parts) {
    counts.set(part.counts, next);
    next += part.counts.length;
  }
  return counts;
}
