import { InputError } from '../../../base/index.js';

/** Something among files that were given which loads can be read from. */
export interface LoadsCandidate {
  /** What to read: a file, or a folder. */
  readonly path: string;
  /** For a person: `TensorRT-LLM statistics stats/`. */
  readonly words: string;
  /** The files that reading it needs, by path. */
  readonly files: readonly string[];
}

const mostCandidates = 200;
const recordingPattern = /^(.+_)\d{1,5}\.pt$/;
const stepsPattern = /^\d{1,15}-\d{1,15}\.json$/;
const statisticsPattern = /^(meta_info\.json|rank\d{1,6}\.safetensors)$/;
const loadsPattern = /\.(json|jsonl|ndjson|pt|gz)$/i;

/**
 * What of some files can be read as loads, the likeliest first. Folders that engines and trainings write come before single files, of which only those are named that are not of
 * such a folder, and where there are folders none; of SGLang's recordings, whose ranks write a file each, the one that is last by name comes first. One file alone is always taken. Throws `InputError`
 * where there is none.
 */
export function findLoads(paths: readonly string[]): readonly LoadsCandidate[] {
  const shown = paths.filter((path) => !path.split('/').some((part) => part.startsWith('.') || part === '__MACOSX'));
  if (shown.length === 1) return [{ path: shown[0]!, words: shown[0]!, files: shown }];
  const folders = groupBy(shown, folderOf);
  const statistics = [...folders].flatMap(([folder, files]) => findStatistics(folder, files));
  const steps = [...folders].flatMap(([folder, files]) => findSteps(folder, files));
  const recordings = findRecordings(shown);
  const found = [...statistics, ...steps, ...recordings];
  const candidates = found.length > 0 ? found : findSingles(shown);
  if (candidates.length > 0) return candidates.slice(0, mostCandidates);
  throw new InputError({
    what: shown.length === 0 ? 'there is no file in it' : `none of these ${shown.length} files holds loads`,
    mend: "give a file of recorded loads, the loads folder of a run, or an engine's statistics folder",
  });
}

function findStatistics(folder: string, files: readonly string[]): LoadsCandidate[] {
  const own = files.filter((path) => statisticsPattern.test(nameOf(path)));
  const ranks = own.length - 1;
  return own.some((path) => nameOf(path) === 'meta_info.json') && ranks > 0
    ? [{ path: folder, words: `TensorRT-LLM statistics ${show(folder)}`, files: own }]
    : [];
}

function findSteps(folder: string, files: readonly string[]): LoadsCandidate[] {
  const own = files.filter((path) => stepsPattern.test(nameOf(path)));
  return own.length === 0 ? [] : [{ path: folder, words: `loads of steps ${show(folder)}`, files: own }];
}

function findRecordings(paths: readonly string[]): LoadsCandidate[] {
  const groups = groupBy(
    paths.filter((path) => recordingPattern.test(nameOf(path))),
    (path) => path.replace(/\d+\.pt$/, ''),
  );
  return [...groups]
    .sort(([a], [b]) => (a < b ? 1 : -1))
    .map(([recording, files]) => ({
      path: files.reduce((least, path) => (rankOf(path) < rankOf(least) ? path : least)),
      words: `SGLang recording ${recording}*.pt`,
      files,
    }));
}

function rankOf(path: string): number {
  return Number(/(\d+)\.pt$/.exec(path)?.[1]);
}

function findSingles(paths: readonly string[]): LoadsCandidate[] {
  return paths
    .filter((path) => loadsPattern.test(path))
    .sort()
    .map((path) => ({ path, words: path, files: [path] }));
}

function groupBy(paths: readonly string[], keyOf: (path: string) => string): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const path of paths) {
    const group = groups.get(keyOf(path));
    if (group === undefined) groups.set(keyOf(path), [path]);
    else group.push(path);
  }
  return groups;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function folderOf(path: string): string {
  const end = path.lastIndexOf('/');
  return end < 0 ? '.' : path.slice(0, end);
}

function show(folder: string): string {
  return folder === '.' ? 'of the files given' : `${folder}/`;
}
