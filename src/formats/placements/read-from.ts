import { InputError } from '../../base/index.js';
import { describeGunzip, type FileTree, isGzip } from '../file-tree.js';
import { parseJson } from '../json.js';
import { isNpy, readNpy, readNpz } from '../npy.js';
import type { NumberTensor } from '../number-tensor.js';
import { readTorchFile } from '../torch-file.js';
import { decodeUtf8 } from '../utf8.js';
import { isZip, listZip } from '../zip.js';
import { refuse, type Source } from './check.js';
import { readPlacementValue } from './read-value.js';
import { isRowOfCsv, refuseBytes, refuseText } from './refuse-file.js';
import type { RecordedPlacement } from './types.js';
import { parseYaml } from './yaml-text.js';

const maxBytes = 2 ** 26;

/**
 * The placement in a file, told by its content: of any `PlacementFormat`, a table of slots or an expert map, as JSON,
 * YAML, `.npy`, `.npz` or what `torch.save` wrote, gzipped or not; `experts` is the number of logical experts of its model. Throws
 * `InputError` that names file, layer and slot where an expert is none, or has no slot in a layer, and says what the
 * file looks like where it is no placement.
 */
export function readPlacementFrom(
  files: FileTree,
  path: string,
  { experts }: { readonly experts: number },
): RecordedPlacement {
  const bytes = unzip(files, files.read(path, { maxBytes }), path);
  const source = { where: path, experts };
  if (isNpy(bytes)) return readPlacementValue(readNpy(bytes, path), source);
  if (isNpz(bytes)) return readPlacementValue(readOneArray(bytes, path), source);
  if (isTorchZip(bytes)) return readPlacementValue(readTorchFile(bytes, path), source);
  const problem = refuseBytes(bytes, path);
  if (problem !== undefined) throw problem;
  return parsePlacement(decodeUtf8(bytes, path), source);
}

/** Whether all that a zip holds are arrays of NumPy. */
function isNpz(bytes: Uint8Array): boolean {
  const names = isZip(bytes) ? (listZip(bytes) ?? []) : [];
  return names.length > 0 && names.every((name) => name.endsWith('.npy'));
}

/** Whether a zip is what `torch.save` wrote, or is damaged, which its reader says. */
function isTorchZip(bytes: Uint8Array): boolean {
  return isZip(bytes) && (listZip(bytes)?.some((name) => name.endsWith('/data.pkl')) ?? true);
}

function readOneArray(bytes: Uint8Array, where: string): NumberTensor {
  const arrays = readNpz(bytes, where, { maxBytes });
  const [first] = arrays.values();
  if (arrays.size === 1) return first;
  const names = [...arrays.keys()].slice(0, 6).map((name) => JSON.stringify(name.slice(0, 40)));
  throw refuse(`it holds the arrays ${names.join(', ')}`, where, 'give one array [layers][slots], as .npy');
}

/** The content of a gzip; other bytes as they are. */
function unzip(files: FileTree, bytes: Uint8Array, where: string): Uint8Array {
  if (!isGzip(bytes)) return bytes;
  const content = files.gunzip(bytes, { maxBytes });
  if (typeof content !== 'string') return content;
  throw refuse(describeGunzip(content, maxBytes), where, 'get the file again');
}

/** As `readPlacementFrom`, for a text that is at hand. */
export function parsePlacement(text: string, source: Source): RecordedPlacement {
  const { where } = source;
  if (/^\s*[{[]/.test(text)) return readPlacementValue(parseLines(text, where), source);
  const value = isRowOfCsv(text.trimStart().split('\n', 1)[0]) ? text : parseYaml(text, where);
  if (typeof value === 'string' || value === null) throw refuseText(text, where);
  return readPlacementValue(value, source);
}

/** The value of a JSON file, or the list of JSON Lines: those have a whole value in the first line, and more lines. */
function parseLines(text: string, where: string): unknown {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.length > 1 && isJson(lines[0])
    ? lines.map((line, index) => parseJsonText(line, `${where}, line ${index + 1}`))
    : parseJsonText(text, where);
}

/** As `parseJson`, with what is likely where a text that begins as JSON is none. */
function parseJsonText(text: string, where: string): unknown {
  try {
    return parseJson(text, where);
  } catch (error) {
    if (!(error instanceof InputError) || !(error.cause instanceof SyntaxError)) throw error;
    const isPython = /[{,]\s*'/.test(text.slice(0, 1000));
    const mend = isPython
      ? 'it looks like a Python dict: write it with json.dump'
      : 'it may be cut: get or write it again';
    throw new InputError({ ...error.problem, mend }, { cause: error });
  }
}

function isJson(text: string): boolean {
  try {
    parseJson(text, '');
    return true;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}
