import { decodeUtf8 } from '../utf8.js';
import { compareNames } from './file-names.js';
import { parsePythonJson } from './json-text.js';
import { listLoadFiles, readLoadFolder } from './load-folder.js';
import { type FileSource, mostBytes, type Reading } from './read-file-loads.js';
import { type ReadLoads, refuseLoads } from './recorded-loads.js';
import { refuseKind } from './shaped-loads.js';
import { rankOfStatistics } from './tensorrt-llm.js';

/** Files whose names end so may hold loads. */
const loadsPattern = /\.(?:pt|pth|npy|npz|csv|tsv|jsonl|ndjson|json|safetensors|pkl)(?:\.gz)?$/i;
/** Of those, files that a model, a run or a tool put there. */
const otherPattern =
  /^(?:config|generation_config|tokenizer.*|special_tokens_map|preprocessor_config|.*\.index|summary|step|trace.*|package.*|meta_info|model_gen_config)\.json$|^(?:metrics|model.*|consolidated.*)\.(?:jsonl|safetensors)$|_bak\.csv$/;
const recorderPattern = /^expert_distribution_recorder_.*\.pt$/;
const mostFiles = 2 ** 14;

/**
 * What a folder holds: the loads of a run; ranks' statistics of TensorRT-LLM, of which others may lie in another
 * folder; or files.
 */
export type FolderLoads =
  | { readonly kind: 'run'; readonly read: ReadLoads }
  | { readonly kind: 'statistics'; readonly folder: string }
  | { readonly kind: 'files'; readonly sources: readonly FileSource[] };

/**
 * What of a folder holds loads: the steps of a training run, in its own folder or in `loads` in it; TensorRT-LLM's
 * statistics; what SGLang's recorder wrote; or files of one kind, in the order of their names. Throws `InputError` that
 * says what is in it.
 */
export function openFolder(reading: Reading, folder: string): FolderLoads {
  const { files } = reading;
  const names = files.list(folder);
  const steps = readSteps(reading, folder);
  if (steps !== undefined) return { kind: 'run', read: steps };
  if (names.includes('meta_info.json') || names.some((name) => rankOfStatistics(name) !== undefined))
    return { kind: 'statistics', folder };
  const loads = files.join(folder, 'loads');
  const inner = files.isFolder(loads) ? readSteps(reading, loads) : undefined;
  if (inner !== undefined)
    return { kind: 'run', read: { ...inner, notes: [`the loads of the run: ${loads}`, ...inner.notes] } };
  if (names.includes('config.toml') && (names.includes('metrics.jsonl') || names.includes('checkpoints')))
    return refuseLoads('the run has no loads: it is short, or its model has no experts', folder, 'give another run');
  return { kind: 'files', sources: listDataFiles(reading, folder, names) };
}

function readSteps({ files, options }: Reading, folder: string): ReadLoads | undefined {
  const loadFiles = listLoadFiles(files, folder);
  if (loadFiles.length === 0) return undefined;
  const readFile = (file: string) => parsePythonJson(decodeUtf8(files.read(file, { maxBytes: mostBytes }), file), file);
  return readLoadFolder(folder, loadFiles, { mostBytes, readFile }, options);
}

function listDataFiles(reading: Reading, folder: string, names: readonly string[]): readonly FileSource[] {
  const { files } = reading;
  const recorded = names.filter((name) => recorderPattern.test(name));
  const data =
    recorded.length > 0 ? recorded : names.filter((name) => isData(name) && !isFolderIn(reading, folder, name));
  const kinds = new Map(data.map((name) => [loadsPattern.exec(name)?.[0].toLowerCase() ?? '', name]));
  if (kinds.size === 0) return refuseEmpty(reading, folder, names);
  if (kinds.size > 1) {
    const shown = [...kinds.values()].sort(compareNames).slice(0, 6);
    const mend = `name those to read, such as ${files.join(folder, shown[0])}`;
    return refuseLoads(`the folder has files of several kinds: ${shown.join(', ')}`, folder, mend);
  }
  if (data.length > mostFiles)
    return refuseLoads(`the folder has ${data.length} files, more than ${mostFiles}`, folder, 'name some of them');
  return [...data].sort(compareNames).map((name) => ({ path: files.join(folder, name), part: [] }));
}

function isData(name: string): boolean {
  return !name.startsWith('.') && loadsPattern.test(name) && !otherPattern.test(name);
}

function isFolderIn({ files }: Reading, folder: string, name: string): boolean {
  return files.isFolder(files.join(folder, name));
}

function refuseEmpty(reading: Reading, folder: string, names: readonly string[]): never {
  const mend = 'name a file, the folder of EXPERT_STATISTIC_PATH, of a recorder, or of a training run';
  if (names.includes('config.json') && names.some((name) => name.endsWith('.safetensors')))
    return refuseKind({ what: 'the checkpoint of a model', mend }, folder);
  const folders = names.filter((name) => isFolderIn(reading, folder, name)).sort();
  if (folders.length === 0) return refuseLoads('the folder has no file of loads', folder, mend);
  const shown = folders.slice(0, 6).join(', ');
  const first = reading.files.join(folder, folders[0]);
  return refuseLoads(`the folder has no file of loads, but folders ${shown}`, folder, `name one, such as ${first}`);
}
