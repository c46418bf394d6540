import { noteOtherKeys, type Source, type Table } from './check.js';
import { findEvenSlots, joinRanges, nameGpus, slotsOf } from './layout.js';
import { recordPlacement } from './record-placement.js';
import { readSlotTable } from './slot-table.js';
import type { FormattedPlacement, PlacementFile, RecordedPlacement } from './types.js';

const sglangKey = 'physical_to_logical_map';

/**
 * SGLang's `--init-expert-location FILE.json`: one row for each hidden layer, and no second key, which its loader would refuse. Slots of excluded GPUs hold
 * expert 0, as its `elasticity_aware` policy writes dead ranks. Source: sglang/srt/eplb/expert_location.py.
 */
export function formatSglang(file: PlacementFile): FormattedPlacement {
  const { emptyGpus, slotsPerGpu } = findEvenSlots(file, 'SGLang');
  const { slots, experts } = file.placement;
  const rowOfLayer = new Map(file.layerNumbers.map((layer, row) => [layer, row]));
  const rows = Array.from({ length: file.layerNumbers.at(-1)! + 1 }, (_, layer) => {
    const row = rowOfLayer.get(layer);
    if (row === undefined) return Array.from({ length: slots }, (_, slot) => slot % experts);
    return Array.from(slotsOf(file.placement, row), (expert) => Math.max(expert, 0));
  });
  const others = [...rows.keys()].filter((layer) => !rowOfLayer.has(layer));
  const notes = [...noteOtherLayers(others), ...noteEmptyGpus(emptyGpus, slotsPerGpu)];
  return { text: `{"physical_to_logical_map": ${JSON.stringify(rows)}}\n`, notes };
}

/**
 * Reads a table of which `key` holds the slots of every hidden layer: a file of SGLang, whose loader takes no other key,
 * or a recording of its, which has the placement in force. Throws `InputError` naming layer and slot.
 */
export function parseSglang(table: Table, key: string, source: Source): RecordedPlacement {
  const isFile = key === sglangKey;
  const notes = isFile
    ? noteOtherKeys(Object.keys(table), [key], 'SGLang')
    : [`it is a recording: read is ${key}, the placement that was in force at its end`];
  const slots = readSlotTable(table[key], key, source.where);
  return recordPlacement(slots, source, { format: 'sglang', layerNumbering: 'absolute', notes });
}

function noteOtherLayers(layers: readonly number[]): string[] {
  if (layers.length === 0) return [];
  const [rows, have] = layers.length === 1 ? ['row', 'has'] : ['rows', 'have'];
  return [`${rows} ${joinRanges(layers)} of the file ${have} the trivial map: the placement has no such layer`];
}

function noteEmptyGpus(gpus: readonly number[], slotsPerGpu: number): string[] {
  if (gpus.length === 0) return [];
  const slots = joinRanges(gpus.flatMap((gpu) => range(gpu * slotsPerGpu, (gpu + 1) * slotsPerGpu)));
  const [named, hold] = gpus.length * slotsPerGpu === 1 ? ['slot', 'holds'] : ['slots', 'hold'];
  const excluded = gpus.length === 1 ? 'an excluded GPU' : 'excluded GPUs';
  const what = `${named} ${slots} of ${nameGpus(gpus)} ${hold} expert 0 in every row of the placement`;
  return [`${what}: this stands for ${excluded}, to which SGLang must not route (elastic EP)`];
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
