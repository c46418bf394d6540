import { asTable, checkList, isNatural, refuse, type Source, show, type Table } from './check.js';
import { listUsedSlots, nameLayers, noteOrdinals } from './layout.js';
import { recordPlacement } from './record-placement.js';
import { readSlotTable } from './slot-table.js';
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
 * Reads layers and devices by their position, as the engine does, which ignores `layer_id` and `device_id`; where these
 * say something else, a note does so. Counts may be left out. Throws `InputError` naming layer, device and expert.
 */
export function parseVllmAscend(table: Table, source: Source): RecordedPlacement {
  const { where } = source;
  const layers = checkList(table.layer_list, 'layer_list', where);
  const notes = noteLayerCount(table.moe_layer_count, layers.length, where);
  const rows = layers.map((layer, index) => readDevices(layer, index, where));
  const slots = rows[0][0].length;
  for (const [layer, devices] of rows.entries()) {
    for (const [device, experts] of devices.entries()) {
      if (experts.length !== slots) {
        const what = `layer ${layer}, device ${device} has ${experts.length} slots, the first device has ${slots}`;
        throw refuse(what, where, 'give every device as many slots');
      }
      checkDevice(experts, `layer ${layer}, device ${device}`, where);
    }
  }
  return recordPlacement(readSlotTable(rows, 'layer_list', where), source, {
    format: 'vllm-ascend',
    layerNumbering: 'moe',
    notes: [...notes, ...noteOtherIds(layers, where)],
  });
}

/** A file may have more layers than it counts, such as one that predicts further tokens; fewer, and it was cut. */
function noteLayerCount(count: unknown, layers: number, where: string): string[] {
  if (count === undefined || count === layers) return [];
  const what = `moe_layer_count is ${show(count)}, layer_list has ${layers} layers`;
  if (!isNatural(count) || count > layers) throw refuse(what, where, 'make them equal');
  return [`${what}: all of them are read`];
}

/** `[devices][slots]` of a layer. */
function readDevices(layer: unknown, index: number, where: string): (readonly unknown[])[] {
  const { device_list: list, device_count: count } = asTable(layer, where) ?? {};
  const devices = checkList(list, `device_list of layer ${index}`, where);
  if (count !== undefined && count !== devices.length) {
    const what = `layer ${index}: device_count is ${show(count)}, device_list has ${devices.length}`;
    throw refuse(what, where, 'make them equal');
  }
  return devices.map((device, position) =>
    checkList(asTable(device, where)?.device_expert, `device_expert of layer ${index}, device ${position}`, where),
  );
}

/** What `layer_id` and `device_id` say of layers and devices that are elsewhere in the file. */
function noteOtherIds(layers: readonly unknown[], where: string): string[] {
  const tables = layers.map((layer) => asTable(layer, where) ?? {});
  const byPosition = 'read by position, as vLLM-Ascend does';
  const others = tables.flatMap(({ layer_id: id }, layer) => (id === undefined || id === layer ? [] : [{ layer, id }]));
  const devices = tables.flatMap(({ device_list: list }, layer) =>
    Array.isArray(list) && list.some((device, position) => isElsewhere(asTable(device, where), position))
      ? [layer]
      : [],
  );
  const [first] = others;
  return [
    ...(first === undefined
      ? []
      : [
          `layer_id is not the position of ${nameLayers(others.map(({ layer }) => layer))} in layer_list ` +
            `(${show(first.id)} at ${first.layer}): ${byPosition}`,
        ]),
    ...(devices.length === 0
      ? []
      : [`device_id is not the position in the lists of ${nameLayers(devices)}: ${byPosition}`]),
  ];
}

function isElsewhere(device: Table | undefined, position: number): boolean {
  return device?.device_id !== undefined && device.device_id !== position;
}

function checkNoneTwice({ placement, slotStarts, layerNumbers }: PlacementFile): void {
  const { slots, physicalToLogical } = placement;
  for (const [row, layer] of layerNumbers.entries()) {
    for (let gpu = 0; gpu + 1 < slotStarts.length; gpu++) {
      const experts = physicalToLogical.subarray(row * slots + slotStarts[gpu], row * slots + slotStarts[gpu + 1]);
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
