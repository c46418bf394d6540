import { checkList, createPlacement, isTable, refuse, type Source, show, type Table } from './check.js';
import { listUsedSlots, noteOrdinals } from './layout.js';
import type { FormattedPlacement, PlacementFile, RecordedPlacement } from './types.js';

/**
 * vLLM-Ascend's `expert_map_path` (also MindIE's): layers with experts are counted from 0. Its map from expert to slot of a device cannot hold an expert twice
 * on a device: throws `InputError` that names layer, GPU and expert. Source: vllm_ascend/eplb and tests/ut/eplb/core/a2/expert_map.json.
 */
export function formatVllmAscend(file: PlacementFile): FormattedPlacement {
  const { rows, notes } = listUsedSlots(file, 'vLLM-Ascend');
  checkNoneTwice(file);
  const layerList = rows.map((gpus, row) => ({
    layer_id: row,
    device_count: gpus.length,
    device_list: gpus.map((experts, device) => ({ device_id: device, device_expert: experts })),
  }));
  const text = `${JSON.stringify({ moe_layer_count: rows.length, layer_list: layerList })}\n`;
  return { text, notes: [...noteOrdinals(file.layerNumbers), ...notes] };
}

/**
 * Reads layers and devices by their position, as the engine does, which ignores `layer_id` and `device_id`. Throws `InputError` naming layer, device and
 * expert.
 */
export function parseVllmAscend(table: Table, source: Source): RecordedPlacement {
  const { where } = source;
  const layers = checkList(table.layer_list, 'layer_list', where);
  if (table.moe_layer_count !== layers.length) {
    const what = `moe_layer_count is ${show(table.moe_layer_count)}, layer_list has ${layers.length} layers`;
    throw refuse(what, where, 'make them equal');
  }
  const rows = layers.map((layer, index) => readDevices(layer, index, where));
  const [devices, slots] = [rows[0]!.length, rows[0]![0]!.length];
  for (const [layer, row] of rows.entries()) {
    if (row.length !== devices) {
      const what = `layer ${layer} has ${row.length} devices, layer 0 has ${devices}`;
      throw refuse(what, where, 'give every layer as many devices');
    }
    row.forEach((experts, device) => {
      if (experts.length !== slots) {
        const what = `layer ${layer}, device ${device} has ${experts.length} slots, the first device has ${slots}`;
        throw refuse(what, where, 'give every device as many slots');
      }
      checkDevice(experts, `layer ${layer}, device ${device}`, where);
    });
  }
  const layerNumbers = [...rows.keys()];
  const placement = createPlacement(
    rows.map((row) => row.flat()),
    layerNumbers,
    source,
  );
  const slotStarts = Array.from({ length: devices + 1 }, (_, device) => device * slots);
  return { format: 'vllm-ascend', placement, layerNumbers, layerNumbering: 'moe', slotStarts };
}

/** `[devices][slots]` of a layer. */
function readDevices(layer: unknown, index: number, where: string): (readonly unknown[])[] {
  if (!isTable(layer)) throw refuse(`layer ${index} is ${show(layer)}, not a table`, where, 'correct the file');
  const devices = checkList(layer.device_list, `device_list of layer ${index}`, where);
  if (layer.device_count !== devices.length) {
    const what = `layer ${index}: device_count is ${show(layer.device_count)}, device_list has ${devices.length}`;
    throw refuse(what, where, 'make them equal');
  }
  return devices.map((device, position) => {
    const name = `device_expert of layer ${index}, device ${position}`;
    return checkList(isTable(device) ? device.device_expert : undefined, name, where);
  });
}

function checkNoneTwice({ placement, slotStarts, layerNumbers }: PlacementFile): void {
  const { slots, physicalToLogical } = placement;
  for (const [row, layer] of layerNumbers.entries()) {
    for (let gpu = 0; gpu + 1 < slotStarts.length; gpu++) {
      const experts = physicalToLogical.subarray(row * slots + slotStarts[gpu]!, row * slots + slotStarts[gpu + 1]!);
      // An empty GPU is left out.
      if (experts[0] !== -1) checkDevice(Array.from(experts), `layer ${layer}, GPU ${gpu}`);
    }
  }
}

function checkDevice(experts: readonly unknown[], name: string, where?: string): void {
  const seen = new Set<unknown>();
  for (const expert of experts) {
    if (seen.has(expert)) {
      const what = `${name} holds expert ${show(expert)} twice, which vLLM-Ascend's format cannot hold`;
      throw refuse(what, where, 'place it once on a GPU, or use another format');
    }
    seen.add(expert);
  }
}
