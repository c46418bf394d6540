import { checkKeys, createPlacement, isTable, refuse, type Source, show, type Table } from './check.js';
import { listUsedSlots, noteOrdinals } from './layout.js';
import type { FormattedPlacement, PlacementFile, RecordedPlacement } from './types.js';

const recordType = 'eplb_initial_mapping';
const knownKeys = ['record_type', 'version', 'num_redundant_experts', 'num_slots', 'initial_global_assignments'];

/**
 * vLLM's initial mapping, one line of JSON; layers with experts are counted from 0. Source: vllm-project/vllm pull request 41141, which no release had when
 * this was written.
 */
export function formatVllm(file: PlacementFile): FormattedPlacement {
  const { rows, notes } = listUsedSlots(file, 'vLLM');
  const slots = rows[0]!.flat().length;
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

/** Throws `InputError` naming layer and slot, also for other keys, other records and layers that are missing. */
export function parseVllm(records: readonly Table[], source: Source): RecordedPlacement {
  const { where, experts } = source;
  const other = records.find(({ record_type }) => record_type !== recordType);
  if (other !== undefined)
    throw refuse(`it has a record ${show(other.record_type)}, no placement`, where, `give one ${recordType}`);
  const [record, ...more] = records;
  if (record === undefined || more.length > 0)
    throw refuse(`it has ${records.length} placements`, where, `leave one ${recordType}`);
  checkKeys(Object.keys(record), knownKeys, where);
  if (record.version !== 1) throw refuse(`its version is ${show(record.version)}`, where, 'use version 1');
  const assignments = record.initial_global_assignments;
  if (!isTable(assignments) || Object.keys(assignments).length === 0)
    throw refuse('initial_global_assignments holds no layers', where, 'give each layer its list of experts');
  const keys = Object.keys(assignments);
  const rows = keys.map((_, layer) => {
    if (!Object.hasOwn(assignments, String(layer))) {
      const what = `layer ${layer} is missing of ${keys.length} layers`;
      throw refuse(what, where, 'count the layers that have experts from 0');
    }
    return assignments[String(layer)];
  });
  const layerNumbers = [...rows.keys()];
  const placement = createPlacement(rows, layerNumbers, source);
  const counts = { num_slots: placement.slots, num_redundant_experts: placement.slots - experts };
  for (const [key, count] of Object.entries(counts)) {
    if (record[key] !== count) {
      const what = `${key} is ${show(record[key])} with ${placement.slots} slots for ${experts} experts`;
      throw refuse(what, where, `make it ${count}`);
    }
  }
  return { format: 'vllm', placement, layerNumbers, layerNumbering: 'moe' };
}
