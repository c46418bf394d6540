import { findCsvShape, parseCsv } from './csv.js';
import { isZip, listZip } from './zip.js';

/** What a file that is not read looks like, and what to give instead where that is known. */
export interface FileKind {
  /** `a picture (PNG)`. */
  readonly what: string;
  readonly mend?: string;
}

interface Magic extends FileKind {
  readonly text: string;
  readonly at?: number;
}

const asCsv = 'write the table as CSV, such as with to_csv of pandas';

/** By the bytes that files begin with, as Latin-1. */
const magics: readonly Magic[] = [
  { text: 'PAR1', what: 'a Parquet file', mend: asCsv },
  { text: 'ARROW1', what: 'an Arrow or Feather file', mend: asCsv },
  { text: '\x89HDF', what: 'an HDF5 file', mend: 'write the table with numpy.save' },
  { text: 'SQLite format 3', what: 'an SQLite database', mend: asCsv },
  { text: '\x89PNG', what: 'a picture (PNG)' },
  { text: '\xff\xd8\xff', what: 'a picture (JPEG)' },
  { text: 'GIF8', what: 'a picture (GIF)' },
  { text: 'WEBP', at: 8, what: 'a picture (WebP)' },
  { text: '%PDF', what: 'a PDF' },
  { text: 'GGUF', what: 'a model (GGUF)' },
  { text: '\x7fELF', what: 'a program' },
  { text: '\x28\xb5\x2f\xfd', what: 'compressed with zstd', mend: 'unpack it with zstd -d' },
  { text: '\xfd7zXZ', what: 'compressed with xz', mend: 'unpack it with xz -d' },
  { text: 'BZh', what: 'compressed with bzip2', mend: 'unpack it with bzip2 -d' },
  { text: '7z\xbc\xaf', what: 'a 7z archive', mend: 'unpack it, and give what is in it' },
  { text: 'ustar', at: 257, what: 'a tar archive', mend: 'unpack it, and give what is in it' },
];

/** What bytes that are no text look like. */
export function describeBytes(bytes: Uint8Array): FileKind {
  return findBinaryKind(bytes) ?? { what: 'a binary file of an unknown kind' };
}

/** What bytes are that begin as a file of a known kind; undefined of others, such as texts. */
export function findBinaryKind(bytes: Uint8Array): FileKind | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, 512));
  const found = magics.find(({ text, at = 0 }) => head.startsWith(text, at));
  if (found !== undefined)
    return found.mend === undefined ? { what: found.what } : { what: found.what, mend: found.mend };
  if (isZip(bytes)) return describeZip(bytes);
  return isPickle(bytes) ? { what: 'a pickle' } : undefined;
}

/** Whether bytes begin as a pickle of protocol 2 to 5. */
export function isPickle(bytes: Uint8Array): boolean {
  return bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5;
}

function describeZip(bytes: Uint8Array): FileKind {
  const names = listZip(bytes);
  if (names === undefined) return { what: 'a zip that is damaged or was cut', mend: 'get the file again' };
  if (names.some((name) => name.startsWith('xl/')))
    return { what: 'an Excel workbook', mend: 'save the sheet with the counts as CSV' };
  const shown = names.slice(0, 3).map((name) => name.slice(0, 40));
  return { what: `a zip archive of ${shown.join(', ')}`, mend: 'unpack it, and give what is in it' };
}

const asJson = 'write the table with json.dump, or with numpy.save';
/** `array([[852, 640], ...`, and without commas `[[852 640]`, as NumPy prints them. */
const printedPattern =
  /^\s*(?:(?:\w+\s*=\s*)?(?:\w+\.)?(?:defaultdict|Counter|OrderedDict|tensor|array)\(|\[+\s*[-+]?\d[\d.e+-]*\s+(?:[-+]?\d|\.\.\.))/i;
const texts: readonly (readonly [pattern: RegExp, kind: FileKind])[] = [
  [/^\s*(?:<!doctype html|<html)/i, { what: 'an HTML page', mend: 'download the file itself, not the page about it' }],
  [/^\s*<(?:\?xml|svg)/i, { what: 'XML, such as a picture (SVG)' }],
  [/^version https:\/\/git-lfs/, { what: 'a Git LFS pointer', mend: 'fetch the file itself with git lfs pull' }],
  [
    /^\s*initial_global_assignments:/m,
    { what: 'a placement of TensorRT-LLM', mend: 'give the loads that it was made from' },
  ],
  [printedPattern, { what: 'numbers as Python prints them', mend: asJson }],
  [/^\s*[{[](?:.*'[^']*'|\s*\d+)\s*:/s, { what: 'a dict as Python prints it', mend: asJson }],
  [/EPLB step: |\[Expert Balancedness\]/, { what: "an engine's log of how even loads were" }],
  [/^\s*(?:import|from) [\w.]+/m, { what: 'a Python program' }],
  [/^\s*\[[\w.]+\]\s*$/m, { what: 'a configuration (TOML)' }],
];

/** Whether a text holds numbers as Python prints them, which a reader of tables could take apart at their commas. */
export function isPrinted(text: string): boolean {
  return printedPattern.test(text.slice(0, 2 ** 12));
}

/** What a text that is no JSON looks like. */
export function describeText(text: string): FileKind {
  if (text.trim() === '') return { what: 'an empty file', mend: 'record some tokens' };
  const head = text.slice(0, 2 ** 16);
  const found = texts.find(([pattern]) => pattern.test(head));
  if (found !== undefined) return found[1];
  const shape = findCsvShape(head);
  if (shape === undefined || shape.delimiter === 'space') return { what: 'a text' };
  const [first] = parseCsv(head, shape.delimiter, '');
  const names = first.cells.slice(0, 6).map((cell) => cell.trim().slice(0, 30));
  return { what: `a CSV of ${shape.isNumeric ? 'other numbers' : 'text'}: its columns are ${names.join(', ')}` };
}

function placementOf(whose: string): FileKind {
  return { what: `a placement of ${whose}`, mend: 'give the loads that were recorded' };
}

/** Kinds of JSON by keys that are all in it. */
const dicts: readonly (readonly [keys: readonly string[], kind: FileKind])[] = [
  [['physical_to_logical_map'], placementOf('SGLang')],
  [['layer_list'], placementOf('vLLM-Ascend')],
  [['moe_layer_count'], placementOf('vLLM-Ascend')],
  [['initial_global_assignments'], placementOf('vLLM')],
  [['physicalToLogical'], placementOf('doubletrack')],
  [['traceEvents', 'schemaVersion'], { what: "a profiler's trace" }],
  [['traceEvents', 'deviceProperties'], { what: "a profiler's trace" }],
  [['traceEvents'], { what: 'a trace.json of a run or schedule', mend: 'of a training, give the folder of the run' }],
  [['ph', 'ts'], { what: "a profiler's trace" }],
  [['weight_map'], { what: 'the index of a checkpoint' }],
  [['architectures', 'model_type'], { what: 'a config.json of a model' }],
  [['model_type', 'hidden_size'], { what: 'a config.json of a model' }],
  [['model', 'added_tokens'], { what: 'a tokenizer.json' }],
  [['tokenizer_class'], { what: 'a tokenizer_config.json' }],
  [['chat_template'], { what: 'a tokenizer_config.json' }],
  [['transformers_version'], { what: 'a configuration of transformers' }],
  [
    ['num_experts', 'num_experts_per_token'],
    { what: "TensorRT-LLM's meta_info.json", mend: 'give the folder that it lies in' },
  ],
  [['input_ids'], { what: 'token ids' }],
  [['nbformat', 'cells'], { what: 'a notebook' }],
  [['lossFirst', 'lossLast'], { what: "a run's summary.json", mend: 'give the folder of the run' }],
  [['loss', 'tokensPerSecond'], { what: "a run's metrics.jsonl", mend: 'give the folder of the run' }],
  [['__metadata__'], { what: 'the header of a safetensors file' }],
];

/** Keys whose values are what somebody said. */
const spoken = ['text', 'prompt', 'content', 'question', 'instruction', 'messages', 'conversations'];

/** What a dict with these entries looks like; undefined where nothing tells. */
export function describeEntries(entries: readonly (readonly [key: string, value: unknown])[]): FileKind | undefined {
  const known = new Set(entries.map(([key]) => key));
  const weights = entries.filter(([key]) => /\.(?:weight|bias|weight_scale(?:_inv)?)$/.test(key)).length;
  if (weights > 0 && 2 * weights >= entries.length) return { what: 'a checkpoint of a model' };
  const found = dicts.find(([wanted]) => wanted.every((key) => known.has(key)));
  if (found !== undefined) return found[1];
  const isSpoken = entries.some(([key, value]) => spoken.includes(key) && (typeof value === 'string' || isTalk(value)));
  return isSpoken ? { what: 'a data set of texts' } : undefined;
}

function isTalk(value: unknown): boolean {
  return Array.isArray(value) && typeof value[0] === 'object' && value[0] !== null && !Array.isArray(value[0]);
}
