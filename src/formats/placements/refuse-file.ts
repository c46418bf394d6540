import type { InputError } from '../../base/index.js';
import { findBinaryKind, isPickle } from '../file-kind.js';
import { refuse, type Table } from './check.js';

const placements =
  'give a placement of SGLang, vLLM, TensorRT-LLM or vLLM-Ascend, our json, or a table [layers][slots] of experts';
const table = 'give a placement of an engine, or a table [layers][slots] of experts as JSON or .npy';
const loads = 'give it as the loads, and the placement itself here';

/** The error for bytes of a known kind that are no text; undefined for others. */
export function refuseBytes(bytes: Uint8Array, where: string): InputError | undefined {
  if (isPickle(bytes)) {
    const mend = 'save it with torch.save of torch 1.6 or newer, or as JSON';
    return refuse('it is a bare pickle or an old .pt', where, mend);
  }
  const kind = findBinaryKind(bytes);
  // What the kind says of mending is about loads, but for what is packed.
  if (kind !== undefined)
    return refuse(`it is ${kind.what}`, where, kind.mend?.startsWith('unpack') ? kind.mend : table);
  // A safetensors file begins with the length of its header, which is JSON.
  if (bytes[7] === 0 && bytes[8] === 0x7b) return refuse('it is a safetensors file', where, placements);
  return bytes.includes(0) ? refuse('it is a binary file of no known kind', where, placements) : undefined;
}

/** The error for a text that is neither JSON nor YAML of a placement. */
export function refuseText(text: string, where: string): InputError {
  const [first = ''] = text.trimStart().split('\n', 1);
  if (first === '') return refuse('it is empty', where, placements);
  if (first.startsWith('<')) return refuse('it is a page of HTML or XML', where, placements);
  if (isRowOfCsv(first)) return refuse('it looks like a CSV', where, 'write its numbers as JSON, [layers][slots]');
  return refuse('it is text, and no placement of a known format', where, placements);
}

/** Whether a first line has cells with commas, semicolons or tabs between them, and nothing of JSON or YAML. */
export function isRowOfCsv(line: string): boolean {
  return /^[^#%:[\]{}-][^:[\]{}]*[,;\t][^:[\]{}]*$/.test(line);
}

/** Keys by which a table of JSON, YAML or a pickle is known. */
const known: readonly (readonly [keys: readonly string[], what: string, mend: string])[] = [
  [['logical_count', 'records', 'load_history', 'domains', 'expert_load'], 'recorded loads', loads],
  [['num_experts_per_token'], "a part of TensorRT-LLM's statistics", loads],
  [['traceEvents'], 'a trace', placements],
  [['weight_map'], "the list of a model's weights", placements],
  [['added_tokens', 'tokenizer_class'], 'a tokenizer', placements],
  [['architectures', 'model_type', 'hidden_size'], "a model's config.json", placements],
];

/** Whether a table is known by its keys to be something else. */
export function isOtherTable(table: Table): boolean {
  return findKnown(table) !== undefined;
}

function findKnown(table: Table) {
  return known.find(([keys]) => keys.some((key) => Object.hasOwn(table, key)));
}

/** The error for a table that is no placement of a known format. */
export function refuseTable(table: Table, where: string): InputError {
  const [, what, mend] = findKnown(table) ?? [];
  if (what !== undefined && mend !== undefined)
    return refuse(`it is ${what}, no placement of a known format`, where, mend);
  const keys = Object.keys(table);
  const shown = keys.slice(0, 6).map((key) => JSON.stringify(key.slice(0, 40)));
  const named =
    keys.length === 0 ? 'it has no keys' : `its keys are ${shown.join(', ')}${keys.length > 6 ? ', ...' : ''}`;
  return refuse(`it is no placement of a known format: ${named}`, where, placements);
}

/** The error for a value that is no table and no list of slots. */
export function refuseValue(value: unknown, where: string): InputError {
  const what = Array.isArray(value) ? 'a list of other things' : 'a single value';
  return refuse(`it is ${what}, no placement of a known format`, where, placements);
}

/** The error for a table whose rows are as long as there are experts, and hold what cannot be experts. */
export function refuseCounts(
  rows: readonly ArrayLike<unknown>[],
  slotStarts: readonly number[] | undefined,
  { where, experts }: { readonly where: string; readonly experts: number },
): InputError | undefined {
  const width = slotStarts === undefined ? rows[0].length : slotStarts[1];
  if (width !== experts) return undefined;
  const some = (test: (value: unknown) => boolean) => rows.some((row) => Array.prototype.some.call(row, test));
  const isCount = (value: unknown) => typeof value === 'number' && (value > 2 * experts || value % 1 !== 0);
  // A number of tokens is never negative, as what stands for nothing in maps is.
  return some(isCount) && !some((value) => typeof value === 'number' && value < 0) ? refuseLoads(where) : undefined;
}

/** The error for what looks like loads. */
export function refuseLoads(where: string): InputError {
  return refuse('it looks like recorded loads, a number of tokens for each expert, no placement', where, loads);
}
