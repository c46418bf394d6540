import { InputError } from '../../base/index.js';
import type { FileTree } from '../file-tree.js';
import { parseJson } from '../json.js';
import { decodeUtf8 } from '../utf8.js';
import { isTable, refuseFormat, type Source, type Table } from './check.js';
import { parseOwnJson } from './own-json.js';
import { parseSglang } from './sglang.js';
import { parseTensorrtLlm } from './tensorrt-llm.js';
import type { RecordedPlacement } from './types.js';
import { parseVllm } from './vllm.js';
import { parseVllmAscend } from './vllm-ascend.js';

const maxBytes = 2 ** 26;

/**
 * The placement in a file of any `PlacementFormat`, told by its content; `experts` is the number of logical experts of its model. Throws `InputError` that
 * names file, layer and slot where it is of no format, or an expert is none, or has no slot in a layer.
 */
export function readPlacementFrom(
  files: FileTree,
  path: string,
  { experts }: { readonly experts: number },
): RecordedPlacement {
  return parsePlacement(decodeUtf8(files.read(path, { maxBytes }), path), { where: path, experts });
}

/** As `readPlacementFrom`, for a text that is at hand. */
export function parsePlacement(text: string, source: Source): RecordedPlacement {
  // TensorRT-LLM's is the one format that is no JSON.
  if (!/^\s*[{[]/.test(text)) return parseTensorrtLlm(text, source);
  const { where } = source;
  const [table, ...more] = parseRecords(text, where);
  if (table === undefined) throw refuseFormat(where);
  if (Object.hasOwn(table, 'record_type')) return parseVllm([table, ...more], source);
  if (more.length > 0) throw refuseFormat(where);
  if (Object.hasOwn(table, 'physical_to_logical_map')) return parseSglang(table, source);
  if (Object.hasOwn(table, 'layer_list')) return parseVllmAscend(table, source);
  if (Object.hasOwn(table, 'physicalToLogical')) return parseOwnJson(table, source);
  throw refuseFormat(where);
}

/** The tables of a JSON file, or of JSON Lines: those have a whole table in the first line, and more lines. */
function parseRecords(text: string, where: string): Table[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const isLines = lines.length > 1 && isJson(lines[0]!);
  const values = isLines
    ? lines.map((line, index) => parseJson(line, `${where}, line ${index + 1}`))
    : [parseJson(text, where)];
  return values.map((value) => {
    if (!isTable(value)) throw refuseFormat(where);
    return value;
  });
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
