import { asTable, noteOtherKeys, refuse, type Source, show, sortByNumber, type Table } from './check.js';
import { listUsedSlots, noteOrdinals } from './layout.js';
import { recordPlacement } from './record-placement.js';
import { readSlotTable } from './slot-table.js';
import type { FormattedPlacement, PlacementFile, RecordedPlacement } from './types.js';

const recordType = 'eplb_initial_mapping';
const knownKeys = ['record_type', 'version', 'num_redundant_experts', 'num_slots', 'initial_global_assignments'];

/**
 * vLLM's initial mapping, one line of JSON; layers with experts are counted from 0. Source: vllm-project/vllm pull request 41141, which no release had when
 * this was written.
 */
export function formatVllm(file: PlacementFile): FormattedPlacement {
  const { rows, notes } = listUsedSlots(file, 'vLLM');
  const slots = rows[0].flat().length;
  const record = {
    record_type: recordType,
    version: 1,
    num_redundant_experts: slots - file.placement.experts,
    num_slots: slots,
    initial_global_assignments: Object.fromEntries(rows.map((gpus, row) => [row, gpus.flat()])),
  };
  const needed = 'vLLM reads such a file from its pull request 41141 on: check that your version has it';
  return { text: `${JSON.stringify(record)}\n`, notes: [...noteOrdinals(file.layerNumbers), ...notes, needed] };
}

/**
 * Reads the initial mapping, or of recorded loads the placement that was in force at the last step. Throws `InputError`
 * naming layer and slot, also for several mappings and for layers that are missing.
 */
export function parseVllm(records: readonly Table[], source: Source): RecordedPlacement {
  const { where } = source;
  const [mapping, ...more] = records.filter(({ record_type }) => record_type === recordType);
  if (more.length > 0) throw refuse(`it has ${more.length + 1} placements`, where, `leave one ${recordType}`);
  if (mapping !== undefined) return parseMapping(mapping, source);
  const last = records.findLast(({ p2l_map }) => p2l_map !== undefined);
  if (last === undefined) {
    const [first] = records;
    throw refuse(`it has a record ${show(first?.record_type)}, no placement`, where, `give one ${recordType}`);
  }
  const notes = ['these are recorded loads: read is p2l_map, the placement that was in force at the last step'];
  const table = readSlotTable(last.p2l_map, 'p2l_map', where);
  return recordPlacement(table, source, { format: 'vllm', layerNumbering: 'moe', notes });
}

function parseMapping(record: Table, source: Source): RecordedPlacement {
  const { where, experts } = source;
  if (record.version !== 1) throw refuse(`its version is ${show(record.version)}`, where, 'use version 1');
  const assignments = asTable(record.initial_global_assignments, where);
  if (assignments === undefined || Object.keys(assignments).length === 0)
    throw refuse('initial_global_assignments holds no layers', where, 'give each layer its list of experts');
  const layers = sortByNumber(assignments, 'layer', where);
  const missing = layers.findIndex(([layer], ordinal) => layer !== ordinal);
  if (missing >= 0) {
    const what = `layer ${missing} is missing of ${layers.length} layers`;
    throw refuse(what, where, 'count the layers that have experts from 0');
  }
  const table = readSlotTable(assignments, 'initial_global_assignments', where);
  const notes = noteOtherKeys(Object.keys(record), knownKeys, 'vLLM');
  const recorded = recordPlacement(table, source, { format: 'vllm', layerNumbering: 'moe', notes });
  const { slots } = recorded.placement;
  for (const [key, count] of Object.entries({ num_slots: slots, num_redundant_experts: slots - experts })) {
    if (record[key] !== undefined && record[key] !== count) {
      const what = `${key} is ${show(record[key])} with ${slots} slots for ${experts} experts`;
      throw refuse(what, where, `make it ${count}`);
    }
  }
  return recorded;
}

/**
 * Reads the maps of vLLM's plugins for other accelerators, one of each model (`model_maps`) or of one alone, which count
 * layers with experts. Of several, that of most layers is read: the others are of models that draft tokens for it.
 * Source: HYGON-AI/vllm-plugin-das, `expert_map_record_path`.
 */
export function parseModelMaps(table: Table, source: Source): RecordedPlacement {
  const { where } = source;
  const maps = Object.entries(asTable(table.model_maps, where) ?? { '': table }).map(([model, value]) => {
    const map = asTable(value, where)?.physical_to_logical_map;
    return { model, slots: readSlotTable(map, `the map of ${show(model)}`, where) };
  });
  const [first, ...others] = maps.toSorted((a, b) => b.slots.rows.length - a.slots.rows.length);
  if (first === undefined) throw refuse('model_maps is empty', where, 'give the map of a model');
  const left = others.map(({ model }) => show(model)).join(', ');
  const notes =
    others.length === 0 ? [] : [`read is the map of ${show(first.model)}, which has most layers, not ${left}`];
  return recordPlacement(first.slots, source, { format: 'vllm', layerNumbering: 'moe', notes });
}
