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
const stepsPattern = /^\d{1,15}-\d{1,15}\.json$/;
const statisticsPattern = /^(meta_info\.json|rank\d{1,6}\.safetensors)$/;
/** SGLang's recorder's: `NAME_<time>.pt`, and `NAME_<time>_<rank>.pt` of each rank, with the time of its own clock. */
const recordingPattern = /^.+_(?:\d{9,}(?:\.\d+)?(?:_\d{1,5})?|\d{1,5})\.pt$/;
const loadsPattern = /\.(json|jsonl|ndjson|csv|tsv|npy|npz|pt|pth|pkl|safetensors|gz)$/i;
/** What else lies in folders of models and runs. */
const otherPattern =
  /^(?:(?:config|generation_config|tokenizer.*|special_tokens_map|.*\.index|summary|step|trace.*|package.*)\.json|metrics\.jsonl|model.*\.safetensors)$/;

/**
 * What of some files can be read as loads, the likeliest first. Folders that engines and trainings write come before
 * single files, of which only those are named that are not of such a folder, and where there are folders none; files of
 * a folder whose names differ in numbers alone come together first, then each. One file alone is always taken. Throws
 * `InputError` where there is none.
 */
export function findLoads(paths: readonly string[]): readonly LoadsCandidate[] {
  const shown = paths.filter((path) => !path.split('/').some((part) => part.startsWith('.') || part === '__MACOSX'));
  if (shown.length === 1) return [{ path: shown[0], words: shown[0], files: shown }];
  const folders = [...groupBy(shown, folderOf)];
  const written = [findStatistics, findSteps, findRecordings].flatMap((find) =>
    folders.flatMap(([folder, files]) => find(folder, files)),
  );
  const candidates =
    written.length > 0 ? written : [...folders.flatMap(([, files]) => findSeries(files)), ...findSingles(shown)];
  if (candidates.length > 0) return candidates.slice(0, mostCandidates);
  throw new InputError({
    what: shown.length === 0 ? 'there is no file in it' : `none of these ${shown.length} files holds loads`,
    mend: "give recorded loads or a table of counts, a run's folder, or an engine's folder of statistics",
  });
}

function findStatistics(folder: string, files: readonly string[]): LoadsCandidate[] {
  const own = files.filter((path) => statisticsPattern.test(nameOf(path)));
  return own.some((path) => nameOf(path) !== 'meta_info.json')
    ? [{ path: folder, words: `TensorRT-LLM statistics ${show(folder)}`, files: own }]
    : [];
}

function findSteps(folder: string, files: readonly string[]): LoadsCandidate[] {
  const own = files.filter((path) => stepsPattern.test(nameOf(path)));
  return own.length === 0 ? [] : [{ path: folder, words: `loads of steps ${show(folder)}`, files: own }];
}

/** All recordings of a folder together, as their files tell only by what is in them which belong together. */
function findRecordings(folder: string, files: readonly string[]): LoadsCandidate[] {
  const own = files.filter((path) => recordingPattern.test(nameOf(path)));
  if (own.length === 0) return [];
  const words = `SGLang recordings ${show(folder)}`;
  return [own.length === 1 ? { path: own[0], words: own[0], files: own } : { path: folder, words, files: own }];
}

/**
 * Files of a folder whose names differ in numbers alone, which are windows or ranks; of one kind, as the folder's path
 * must tell which.
 */
function findSeries(files: readonly string[]): LoadsCandidate[] {
  const kinds = groupBy(files.filter(isData), (path) => path.replace(/\d+(?:\.\d+)?/g, '*'));
  const [series, ...more] = [...kinds].filter(([, own]) => own.length > 1);
  if (series === undefined || more.length > 0) return [];
  const [kind, own] = series;
  return [{ path: folderOf(own[0]), words: `${own.length} files ${kind}`, files: own }];
}

function findSingles(paths: readonly string[]): LoadsCandidate[] {
  return paths
    .filter(isData)
    .sort()
    .map((path) => ({ path, words: path, files: [path] }));
}

function isData(path: string): boolean {
  return loadsPattern.test(path) && !otherPattern.test(nameOf(path));
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
