import type { FileTree } from '../file-tree.js';
import { openFolder } from './folder-loads.js';
import { joinWindows, type LoadsPart } from './join-loads.js';
import { nameLayers, warnOfFirstExpert } from './layer-keys.js';
import type { FileSource, Reading } from './read-file-loads.js';
import { readFiles } from './read-files.js';
import { plural, type ReadLoads, type ReadOptions, type RecordedLoads, refuseLoads } from './recorded-loads.js';
import { rankOfStatistics, readTensorRtStatistics } from './tensorrt-llm.js';

/** For `readExpertLoads`. */
export interface LoadsOptions {
  /** Leave out what looks like an engine's warm-up at the start (default: false; it is only reported). */
  readonly trimWarmup?: boolean;
  /**
   * How many experts each layer has: for routes and tables that name only experts with tokens; other files must agree.
   */
  readonly experts?: number;
}

/**
 * Reads the expert loads that an engine recorded, or a table of counts, told by its content: SGLang's JSON and recorder
 * `.pt`, TensorRT-LLM's statistics folder, vLLM's JSONL, ADRS JSON, route JSONL, the folder of a training run, domains,
 * and tables as JSON, JSONL, CSV, `.npy`, `.npz`, `.pt`, pickle or safetensors; text may be gzipped. `FILE#a/b` reads
 * what the keys a and b lead to. Windows of several paths follow one another. Throws `InputError` that names file,
 * window, layer and expert, or the line, for whatever is wrong; nothing in a file is run, and no more is allocated than
 * in proportion to its size.
 */
export function readExpertLoadsFrom(
  files: FileTree,
  paths: string | readonly string[],
  options: LoadsOptions = {},
): RecordedLoads {
  const { trimWarmup = false, experts } = options;
  const reading = { files, options: { trimWarmup, ...(experts === undefined ? {} : { experts }) } };
  const all = typeof paths === 'string' ? [paths] : paths;
  const recorded = finish(readPaths(reading, all), reading.options);
  if (experts === undefined || recorded.loads.experts === experts) return recorded;
  const what = `it has ${plural(recorded.loads.experts, 'expert')}, not ${experts}`;
  return refuseLoads(what, all[0], 'give the number that it has, or none');
}

/** Runs each by themselves, statistics of ranks together, and all files together, those of folders too. */
function readPaths(reading: Reading, paths: readonly string[]): ReadLoads {
  const runs: LoadsPart[] = [];
  const statistics: string[] = [];
  const sources: FileSource[] = [];
  const notes: string[] = [];
  for (const path of paths) {
    const source = splitPart(reading.files, path);
    if (!reading.files.isFolder(source.path)) {
      sources.push(source);
      continue;
    }
    if (source.part.length > 0)
      return refuseLoads(`#${source.part.join('/')} names a part of a folder`, source.path, 'leave it out');
    const content = openFolder(reading, path);
    if (content.kind === 'run') runs.push({ where: path, read: content.read });
    else if (content.kind === 'statistics') statistics.push(content.folder);
    else {
      for (const one of content.sources) sources.push(one);
      notes.push(`${plural(content.sources.length, 'file')} in ${path}`);
    }
  }
  if (runs.length + statistics.length + sources.length === 0)
    return refuseLoads('there is nothing to read', 'the loads', 'name a file or folder');
  const found = [...runs, ...readStatistics(reading, statistics)];
  if (sources.length > 0) found.push({ where: sources[0].path, read: readFiles(reading, sources) });
  const joined = joinWindows(found);
  return { ...joined, notes: [...notes, ...joined.notes] };
}

/** Folders of different ranks, as of several servers, are one recording; otherwise each is. */
function readStatistics({ files, options }: Reading, folders: readonly string[]): readonly LoadsPart[] {
  const ranks = folders.flatMap((folder) => files.list(folder).filter((name) => rankOfStatistics(name) !== undefined));
  const groups = new Set(ranks).size === ranks.length ? [folders] : folders.map((folder) => [folder]);
  return groups
    .filter((group) => group.length > 0)
    .map((group) => ({ where: group[0], read: readTensorRtStatistics(files, group, options) }));
}

/** A name with a # of its own goes first. */
function splitPart(files: FileTree, path: string): FileSource {
  const hash = path.lastIndexOf('#');
  if (hash < 0 || files.has(path)) return { path, part: [] };
  return { path: path.slice(0, hash), part: path.slice(hash + 1).split('/') };
}

/** Says what a table's own numbers of layers are taken for, and how many experts there were taken to be. */
function finish({ labels, ...recorded }: ReadLoads, { experts: given }: ReadOptions): RecordedLoads {
  const { experts } = recorded.loads;
  const isOpen = labels?.isSparse === true || recorded.format === 'routes';
  const taken = `the largest expert is ${experts - 1}: taken as ${plural(experts, 'expert')} (--experts E if there are more)`;
  const open = isOpen && given === undefined ? [taken] : [];
  const { counts } = recorded.loads;
  const empty = counts.every((count) => count === 0)
    ? ['warning: no expert has a token: nothing says where experts belong']
    : [];
  if (recorded.format !== 'table') return { ...recorded, notes: [...empty, ...open, ...recorded.notes] };
  const { layerNumbering, notes } = nameLayers(recorded, labels);
  const first = warnOfFirstExpert(recorded.loads);
  return { ...recorded, layerNumbering, notes: [...empty, ...first, ...notes, ...open, ...recorded.notes] };
}
