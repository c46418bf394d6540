import { asTable, refuse, type Source, show, type Table } from './check.js';
import { parseOwnJson } from './own-json.js';
import { recordPlacement } from './record-placement.js';
import { isOtherTable, refuseCounts, refuseLoads, refuseTable, refuseValue } from './refuse-file.js';
import { parseSglang } from './sglang.js';
import { isTensor, readSlotTable } from './slot-table.js';
import { findLoadBalancer, parseTensorrtLlm } from './tensorrt-llm.js';
import type { RecordedPlacement } from './types.js';
import { parseModelMaps, parseVllm } from './vllm.js';
import { parseVllmAscend } from './vllm-ascend.js';

/** Names that people's own scripts give to a table of slots; the first are those of DeepSeek's EPLB. */
const tableKeys = ['phy2log', 'physical_to_logical', 'p2l_map', 'p2l', 'expert_map', 'expert_maps', 'placement'];

/** Names of maps the other way. */
const inversePattern = /^(?:log(?:ical)?_?(?:2|to)_?(?:all_?)?phy|l2p)/i;

/**
 * The placement in what was read of a file of JSON, JSON Lines (as a list), YAML or PyTorch. Throws as
 * `readPlacementFrom`.
 */
export function readPlacementValue(value: unknown, source: Source): RecordedPlacement {
  const { where } = source;
  const table = isTensor(value) ? undefined : asTable(value, where);
  if (table !== undefined) return readTable(table, source);
  if (isTensor(value)) return readRows(value, 'the tensor', source);
  if (!Array.isArray(value) || value.length === 0) throw refuseValue(value, where);
  const items: readonly unknown[] = value;
  const tables = items.map((item) => (isTensor(item) ? undefined : asTable(item, where)));
  const records = tables.filter((record) => record !== undefined);
  if (isOfEplb(items)) return withNote(readRows(items[0], 'phy2log', source), 'read is the first of its three tensors');
  if (records.length === 0) return readRows(items, 'the list', source);
  if (records.every((record) => Object.hasOwn(record, 'record_type'))) return parseVllm(records, source);
  if (records.length !== items.length) throw refuseValue(value, where);
  if (records.every((record) => Object.hasOwn(record, 'device_list')))
    return parseVllmAscend({ layer_list: records }, source);
  if (records.length > 1)
    throw refuse(`it has ${records.length} tables, one after another`, where, 'give one placement');
  return readTable(records[0], source);
}

function readTable(table: Table, source: Source): RecordedPlacement {
  const { where } = source;
  const has = (key: string): boolean => Object.hasOwn(table, key);
  if (has('record_type')) return parseVllm([table], source);
  if (has('physicalToLogical')) return parseOwnJson(table, source);
  const isOfVllm = typeof table.format === 'string' && table.format.startsWith('vllm');
  if (has('model_maps') || (isOfVllm && has('physical_to_logical_map'))) return parseModelMaps(table, source);
  for (const key of ['physical_to_logical_map', 'last_physical_to_logical_map'])
    if (has(key)) return parseSglang(table, key, source);
  if (has('layer_list')) return parseVllmAscend(table, source);
  if (has('initial_global_assignments') || has('num_slots')) return parseTensorrtLlm(table, source);
  const balancer = findLoadBalancer(table, where);
  if (balancer !== undefined) return parseTensorrtLlm(balancer, source);
  const named = tableKeys.find((key) => isTable(table[key]));
  if (named !== undefined) return readKey(table, named, source);
  const inverse = Object.keys(table).find((key) => inversePattern.test(key));
  if (inverse !== undefined) {
    const mend = 'give the expert in each slot, such as physical_to_logical_map';
    throw refuse(`${show(inverse)} names the slots of each expert, not the expert in each slot`, where, mend);
  }
  const layers = findLayers(table, where);
  if (layers !== undefined) return readByLayer(layers, source);
  const keys = Object.keys(table);
  const [only, ...others] = keys.filter((key) => isTable(table[key]));
  if (isOtherTable(table) || only === undefined || others.length > 0) throw refuseTable(table, where);
  return readKey(table, only, source);
}

function readKey(table: Table, key: string, source: Source): RecordedPlacement {
  return withNote(readRows(table[key], key, source), `read is ${show(key)} of ${source.where}`);
}

/** A table of slots that says nothing of itself: people number those layers that have experts. */
function readRows(value: unknown, name: string, source: Source): RecordedPlacement {
  const table = readSlotTable(value, name, source.where);
  const problem = refuseCounts(table.rows, table.slotStarts, source);
  if (problem !== undefined) throw problem;
  const recorded = recordPlacement(table, source, { format: 'table', layerNumbering: 'moe' });
  return table.isOfEveryLayer ? withNote(recorded, `the one list of ${source.where} is that of every layer`) : recorded;
}

/** Whether a value is a list of lists, or a tensor of two or three dims. */
function isTable(value: unknown): boolean {
  if (isTensor(value)) return value.shape.length === 2 || value.shape.length === 3;
  return Array.isArray(value) && value.length > 0 && value.every((row) => Array.isArray(row) || isTensor(row));
}

/** Whether values are what DeepSeek's `rebalance_experts` returns: phy2log, log2phy and the replicas of each expert. */
function isOfEplb(items: readonly unknown[]): boolean {
  const dims = items.map((item) => (isTensor(item) ? item.shape.length : 0));
  return dims.join() === '2,3,2';
}

/** The values of a table whose keys name layers, as `3`, `layer_3` or `model.layers.3.mlp`, by their numbers. */
function findLayers(table: Table, where: string): Table | undefined {
  const entries = Object.entries(table).map(([key, value]) => [/^\D*(\d+)\D*$/.exec(key)?.[1], value] as const);
  const isNamed = entries.every(([layer, value]) => layer !== undefined && typeof value === 'object' && value !== null);
  if (entries.length === 0 || !isNamed) return undefined;
  const layers: Table = Object.fromEntries(entries.map(([layer, value]) => [Number(layer), value]));
  if (Object.keys(layers).length < entries.length)
    throw refuse('two of its keys name the same layer', where, 'give each layer once');
  return layers;
}

/** Layers by number: from 0 they are those that have experts, and otherwise those of the model. */
function readByLayer(table: Table, source: Source): RecordedPlacement {
  const counts = Object.values(table).find((row) => !isTensor(row) && isTableOfNumbers(asTable(row, source.where)));
  if (counts !== undefined) throw refuseLoads(source.where);
  const recorded = readRows(table, 'the table', source);
  if (recorded.layerNumbers.every((layer, row) => layer === row)) return recorded;
  const note = 'the numbers of its layers are taken for those of the model, as they do not count from 0 one by one';
  return withNote({ ...recorded, layerNumbering: 'absolute' }, note);
}

function isTableOfNumbers(table: Table | undefined): boolean {
  return table !== undefined && Object.values(table).some((value) => typeof value === 'number');
}

function withNote(recorded: RecordedPlacement, note: string): RecordedPlacement {
  return { ...recorded, notes: [...recorded.notes, note] };
}
