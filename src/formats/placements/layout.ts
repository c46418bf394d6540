import { checkLayerNumbers, checkSlotStarts, checkSlots, refuse } from './check.js';
import type { PlacementFile } from './types.js';

/** The slots of a placement as an engine has them, which gives every GPU as many. */
export interface EvenSlots {
  readonly slotsPerGpu: number;
  /** The GPUs that hold experts. */
  readonly usedGpus: readonly number[];
  /** The GPUs that hold none, in any layer. */
  readonly emptyGpus: readonly number[];
}

/** Throws `InputError` that names layer and slot where a placement that is to be written is none. */
export function checkPlacementFile({ placement, slotStarts, layerNumbers }: PlacementFile): void {
  const { layers, experts, slots, physicalToLogical } = placement;
  if (!(layers > 0 && slots > 0) || physicalToLogical.length !== layers * slots) {
    const what = `the placement has ${physicalToLogical.length} slots for ${layers} layers of ${slots}`;
    throw refuse(what, undefined, 'give every layer its slots');
  }
  if (layerNumbers.length !== layers)
    throw refuse(`${layerNumbers.length} layer numbers for ${layers} layers`, undefined, 'give each layer its number');
  checkLayerNumbers(layerNumbers);
  checkSlotStarts(slotStarts, slots);
  for (const [row, layer] of layerNumbers.entries())
    checkSlots(slotsOf(placement, row), { experts, layer, allowsEmpty: true });
}

/** The experts in the slots of a row. */
export function slotsOf({ slots, physicalToLogical }: PlacementFile['placement'], row: number): Int32Array {
  return physicalToLogical.subarray(row * slots, (row + 1) * slots);
}

/**
 * Throws `InputError` that names GPU, layer and slot unless all GPUs have as many slots, and those of a GPU are either all filled or all empty, in all
 * layers: `engine` can show nothing else.
 */
export function findEvenSlots(file: PlacementFile, engine: string): EvenSlots {
  const starts = Array.from(file.slotStarts);
  const slotsPerGpu = starts[1]!;
  for (const [gpu, start] of starts.slice(0, -1).entries()) {
    const count = starts[gpu + 1]! - start;
    if (count !== slotsPerGpu) {
      const what = `GPU ${gpu} has ${count} slots in every layer, GPU 0 has ${slotsPerGpu}; ${engine} needs as many on each`;
      throw refuse(what, undefined, 'give every GPU as many slots, or write it as json');
    }
  }
  const { slots, physicalToLogical } = file.placement;
  const isUsed = starts.slice(0, -1).map(() => false);
  physicalToLogical.forEach((expert, index) => {
    if (expert >= 0) isUsed[Math.floor((index % slots) / slotsPerGpu)] = true;
  });
  physicalToLogical.forEach((expert, index) => {
    const gpu = Math.floor((index % slots) / slotsPerGpu);
    if (expert >= 0 || !isUsed[gpu]) return;
    const layer = file.layerNumbers[Math.floor(index / slots)];
    const what = `layer ${layer}, slot ${index % slots} is empty, and GPU ${gpu} holds experts; ${engine} knows no empty slots`;
    throw refuse(what, undefined, 'fill all slots of the GPU or none, or write it as json');
  });
  const gpus = [...isUsed.keys()];
  return { slotsPerGpu, usedGpus: gpus.filter((gpu) => isUsed[gpu]), emptyGpus: gpus.filter((gpu) => !isUsed[gpu]) };
}

/**
 * `[layers][GPUs that hold experts][slots of a GPU]`, with a note where GPUs are left out. An engine that knows no excluded GPU sends tokens to every slot
 * of its file, so whatever stood there would draw load onto that GPU. Throws as `findEvenSlots`.
 */
export function listUsedSlots(file: PlacementFile, engine: string): { rows: number[][][]; notes: string[] } {
  const { slotsPerGpu, usedGpus, emptyGpus } = findEvenSlots(file, engine);
  const rows = file.layerNumbers.map((_, row) => {
    const slots = slotsOf(file.placement, row);
    return usedGpus.map((gpu) => Array.from(slots.subarray(gpu * slotsPerGpu, (gpu + 1) * slotsPerGpu)));
  });
  if (emptyGpus.length === 0) return { rows, notes: [] };
  const left = `${nameGpus(emptyGpus)} ${emptyGpus.length === 1 ? 'holds' : 'hold'} no experts and no slots of the file`;
  const note = `${left}: start ${engine} on the other ${usedGpus.length}, as its ranks 0-${usedGpus.length - 1}`;
  return { rows, notes: [note] };
}

/** A note where the file numbers the layers that have experts from 0, and the model otherwise. */
export function noteOrdinals(layerNumbers: readonly number[]): string[] {
  if (layerNumbers.every((number, row) => number === row)) return [];
  const last = layerNumbers.length - 1;
  const rest = last === 0 ? '' : `, ${last} is layer ${layerNumbers[last]}`;
  return [`the file counts only layers with experts: its 0 is layer ${layerNumbers[0]} of the model${rest}`];
}

/** `GPU 3`, `GPUs 3 and 5-7`. */
export function nameGpus(gpus: readonly number[]): string {
  return `${gpus.length === 1 ? 'GPU' : 'GPUs'} ${joinRanges(gpus)}`;
}

/** `layer 3`, `layers 0-2 and 5`. */
export function nameLayers(layers: readonly number[]): string {
  return `${layers.length === 1 ? 'layer' : 'layers'} ${joinRanges(layers)}`;
}

/** Ascending numbers in words: `0-2, 5 and 7`. */
export function joinRanges(numbers: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const number of numbers) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] === number - 1) range[1] = number;
    else ranges.push([number, number]);
  }
  const words = ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  const end = words.pop() ?? '';
  return words.length === 0 ? end : `${words.join(', ')} and ${end}`;
}
