import { asTable, isNatural, noteOtherKeys, refuse, type Source, show, sortByNumber, type Table } from './check.js';
import { listUsedSlots } from './layout.js';
import { recordPlacement } from './record-placement.js';
import { readSlotTable } from './slot-table.js';
import type { FormattedPlacement, PlacementFile, RecordedPlacement } from './types.js';

const knownKeys = ['initial_global_assignments', 'num_slots', 'layer_updates_per_iter'];

/**
 * TensorRT-LLM's `moe_config.load_balancer: FILE.yaml`, static. The layers are those of the model. Source: its
 * `MoeLoadBalancerConfig`, which refuses other keys, and examples/wide_ep/ep_load_balancer.
 */
export function formatTensorrtLlm(file: PlacementFile): FormattedPlacement {
  const { rows, notes } = listUsedSlots(file, 'TensorRT-LLM');
  const lines = rows.map((gpus, row) => `  ${file.layerNumbers[row]}: [${gpus.flat().join(', ')}]`);
  const slots = rows[0].flat().length;
  const head = 'initial_global_assignments:';
  return { text: [head, ...lines, `num_slots: ${slots}`, 'layer_updates_per_iter: 0', ''].join('\n'), notes };
}

/**
 * Reads such a file, of YAML or JSON; its layers may be numbers or texts of them, as TensorRT-LLM takes both. Throws
 * `InputError` naming layer and slot.
 */
export function parseTensorrtLlm(config: Table, source: Source): RecordedPlacement {
  const { where } = source;
  const assignments = asTable(config.initial_global_assignments, where);
  if (assignments === undefined || Object.keys(assignments).length === 0)
    throw refuse('initial_global_assignments holds no layers', where, 'give each layer its list of experts');
  sortByNumber(assignments, 'layer', where);
  const table = readSlotTable(assignments, 'initial_global_assignments', where);
  const notes = noteOtherKeys(Object.keys(config), knownKeys, 'TensorRT-LLM');
  const recorded = recordPlacement(table, source, { format: 'tensorrt-llm', layerNumbering: 'absolute', notes });
  const { slots } = recorded.placement;
  if (config.num_slots !== undefined && config.num_slots !== slots)
    throw refuse(`num_slots is ${show(config.num_slots)}, each layer has ${slots}`, where, 'make them equal');
  const updates = config.layer_updates_per_iter ?? 0;
  if (!isNatural(updates))
    throw refuse(`layer_updates_per_iter is ${show(updates)}`, where, 'give a whole number, 0 for a static placement');
  return { ...recorded, notes: [...recorded.notes, ...noteMissingKeys(config), ...noteUpdates(updates)] };
}

/**
 * The part of TensorRT-LLM's options for a language model, `extra_llm_api_options`, that places experts; undefined where
 * it has none. Throws `InputError` where it names another file.
 */
export function findLoadBalancer(options: Table, where: string): Table | undefined {
  const config = asTable(options.moe_config, where);
  const found = config?.load_balancer ?? options.load_balancer ?? options.moe_load_balancer;
  if (typeof found !== 'string') return asTable(found, where);
  throw refuse(`its load balancer is in another file, ${show(found)}`, where, 'give that file');
}

function noteMissingKeys(config: Table): string[] {
  return config.num_slots === undefined
    ? ['it does not say num_slots, without which TensorRT-LLM does not load it']
    : [];
}

function noteUpdates(updates: number): string[] {
  if (updates === 0) return [];
  return [`layer_updates_per_iter is ${updates}: TensorRT-LLM moves experts as it runs, and only begins with these`];
}
