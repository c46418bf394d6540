import { formatBytes } from '../../base/index.js';
import type { FileTree, GunzipProblem } from '../file-tree.js';
import { isZip, readTorchFile } from '../torch-file.js';
import { decodeUtf8 } from '../utf8.js';
import { readAdrs } from './adrs.js';
import { isDomains, isTable, readDomains } from './domains.js';
import { firstOfLines, type JsonLine, parseJsonLines, parsePythonJson, selectPart } from './json-text.js';
import { listLoadFiles, readLoadFolder } from './load-folder.js';
import { isRecord, type ReadOptions, type RecordedLoads, refuseLoads } from './recorded-loads.js';
import { readRouteLines } from './routes.js';
import { findLogicalCount, readSglangJson, readSglangTensor } from './sglang.js';
import { hasRecords, readSglangRecords } from './sglang-recorder.js';
import { readTensorRtStatistics } from './tensorrt-llm.js';
import { readVllmLines } from './vllm.js';

const mostBytes = 300 * 2 ** 20;

/** For `readExpertLoads`. */
export interface LoadsOptions {
  /** Leave out what looks like an engine's warm-up at the start (default: false; it is only reported). */
  readonly trimWarmup?: boolean;
  /** How many experts each layer has: for routes, which say it only by their largest id; other files must agree. */
  readonly experts?: number;
}

/**
 * Reads the expert loads that an engine recorded, whatever the format: SGLang's JSON and recorder `.pt`, TensorRT-LLM's statistics folder, vLLM's JSONL, ADRS JSON, route
 * JSONL, the `loads` folder of a training run, or JSON with a table `[layers][experts]` for each domain of text; text may be gzipped. `FILE#a/b` reads what the keys a and b lead to in a JSON file. Which
 * format it is shows from the content. Throws `InputError` that names file, window, layer and expert, or the line, for whatever is wrong; nothing in a
 * file is run, and no more is allocated than in proportion to its size.
 */
export function readExpertLoadsFrom(files: FileTree, path: string, options: LoadsOptions = {}): RecordedLoads {
  const { file, part } = splitPart(files, path);
  const { trimWarmup = false, experts } = options;
  const recorded = readAny(files, file, part, { trimWarmup, ...(experts === undefined ? {} : { experts }) });
  if (experts !== undefined && recorded.loads.experts !== experts)
    return refuseLoads(
      `it has ${recorded.loads.experts} experts, not ${experts}`,
      path,
      'correct the number of experts',
    );
  return recorded;
}

/** A name with a # of its own goes first. */
function splitPart(files: FileTree, path: string): { readonly file: string; readonly part: readonly string[] } {
  const hash = path.lastIndexOf('#');
  if (hash < 0 || files.has(path)) return { file: path, part: [] };
  return { file: path.slice(0, hash), part: path.slice(hash + 1).split('/') };
}

function readAny(files: FileTree, file: string, part: readonly string[], options: ReadOptions): RecordedLoads {
  if (files.isFolder(file)) {
    refusePart(part, file);
    return readFolder(files, file, options);
  }
  const bytes = unzipText(files, files.read(file, { maxBytes: mostBytes }), file);
  if (!isZip(bytes)) return readText(decodeText(bytes, file), file, part, options);
  refusePart(part, file);
  return readTorch(files, readTorchFile(bytes, file), file, options);
}

/** A folder without loads of steps is read as TensorRT-LLM's, and its error says what is missing. */
function readFolder(files: FileTree, folder: string, options: ReadOptions): RecordedLoads {
  const loadFiles = listLoadFiles(files, folder);
  if (loadFiles.length === 0) return readTensorRtStatistics(files, folder, options);
  const readFile = (file: string) => parsePythonJson(decodeText(files.read(file, { maxBytes: mostBytes }), file), file);
  return readLoadFolder(folder, loadFiles, { mostBytes, readFile }, options);
}

function refusePart(part: readonly string[], file: string): void {
  if (part.length > 0) refuseLoads(`#${part.join('/')} names a part of what is no JSON file`, file, 'leave it out');
}

const gunzipProblems: Readonly<Record<GunzipProblem, string>> = {
  'too long': `the gzip holds more than ${formatBytes(mostBytes)}`,
  cut: 'the gzip was cut',
  damaged: 'the gzip is damaged',
};

/** The content of a gzip; other bytes as they are. */
function unzipText(files: FileTree, bytes: Uint8Array, where: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const content = files.gunzip(bytes, { maxBytes: mostBytes });
  return typeof content === 'string'
    ? refuseLoads(gunzipProblems[content], where, 'get the file again, or record less')
    : content;
}

function decodeText(bytes: Uint8Array, where: string): string {
  // What torch.save wrote before 1.6 is a pickle of a long number.
  if (bytes[0] === 0x80 && bytes[1] !== undefined && bytes[1] <= 5)
    return refuseLoads('it is a bare pickle or an old .pt', where, 'save it with torch.save of torch 1.6 or newer');
  return decodeUtf8(bytes, where);
}

function readTorch(files: FileTree, value: unknown, file: string, options: ReadOptions): RecordedLoads {
  const counts = findLogicalCount(value);
  if (counts !== undefined) return readSglangTensor(counts.tensor, counts.layout, file, options);
  if (hasRecords(value)) {
    const readFile = (path: string) => readTorchFile(files.read(path, { maxBytes: mostBytes }), path);
    return readSglangRecords(value, { files, path: file, readFile }, options);
  }
  const keys =
    value instanceof Map ? listKeys([...value.keys()].map((key) => (typeof key === 'string' ? key : '?'))) : '';
  const what = `the .pt holds neither logical_count nor records${keys}`;
  return refuseLoads(what, file, 'give what the expert distribution recorder of SGLang wrote');
}

function readText(text: string, file: string, part: readonly string[], options: ReadOptions): RecordedLoads {
  const first = part.length === 0 ? firstOfLines(text) : undefined;
  if (first !== undefined) return readLines(first, parseJsonLines(text, file), file, options);
  const value = selectPart(parsePythonJson(text, file), part, file);
  return readJsonValue(value, part.length === 0 ? file : `${file}#${part.join('/')}`, part, options);
}

function readLines(
  first: Readonly<Record<string, unknown>>,
  lines: Iterable<JsonLine>,
  file: string,
  options: ReadOptions,
): RecordedLoads {
  if (Object.hasOwn(first, 'record_type')) return readVllmLines(lines, file, options);
  if (Object.hasOwn(first, 'type')) return readRouteLines(lines, file, options);
  return refuseKeys(first, `${file}, line 1`);
}

function readJsonValue(value: unknown, where: string, part: readonly string[], options: ReadOptions): RecordedLoads {
  if (isTable(value)) return readDomains({ [part.at(-1) ?? 'all']: value }, where);
  if (!isRecord(value)) return refuseLoads('it is no table of loads', where, accepted);
  if (Object.hasOwn(value, 'logical_count')) return readSglangJson(value, where, options);
  if (Object.hasOwn(value, 'load_history')) return readAdrs(value, where, options);
  if (isDomains(value.domains)) return readDomains(value.domains, where);
  // A JSONL of one line.
  if (Object.hasOwn(value, 'record_type') || value.type === 'route')
    return readLines(value, [{ value, where: `${where}, line 1` }], where, options);
  // At the top of a file, a key that is not known is more likely a mistake than a domain's name.
  if (part.length > 0 && isDomains(value) && !Object.hasOwn(value, 'physical_to_logical_map'))
    return readDomains(value, where);
  return refuseKeys(value, where);
}

const accepted =
  'use logical_count (SGLang), load_history (ADRS), domains ({NAME: [layers][experts]}), or vLLM or route JSONL';

function refuseKeys(value: Readonly<Record<string, unknown>>, where: string): never {
  const keys = Object.keys(value);
  if (['physical_to_logical_map', 'layer_list', 'moe_layer_count'].some((key) => keys.includes(key)))
    return refuseLoads('it is a placement, not loads', where, 'give the loads that were recorded');
  const nested = keys.find((key) => isRecord(value[key]));
  const hash = where.includes('#') ? '/' : '#';
  const mend = nested === undefined ? accepted : `${accepted}; name a part of the file as ${where}${hash}${nested}`;
  return refuseLoads(`these are no loads that are known${listKeys(keys)}`, where, mend);
}

function listKeys(keys: readonly string[]): string {
  const shown = keys.slice(0, 8).map((key) => JSON.stringify(key.slice(0, 40)));
  return keys.length === 0 ? ': it has no keys' : `: its keys are ${shown.join(', ')}${keys.length > 8 ? ', ...' : ''}`;
}
