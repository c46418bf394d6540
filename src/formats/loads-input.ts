import { type ExpertLoads, listGpuOfSlot, type Machine, normalizeWindows, type Placement } from '../balance/index.js';
import { InputError } from '../base/index.js';
import type { RecordedLoads } from './expert-loads/recorded-loads.js';
import type { RecordedPlacement } from './placements/types.js';

/** Loads with the number of each row's layer in the model. */
export interface LoadsInput {
  readonly recorded: RecordedLoads;
  readonly loads: ExpertLoads;
  readonly layerNumbers: readonly number[];
}

/** Loads as they are placed: with windows of the same number of tokens where `normalize` is asked, and layers that count from `layerOffset` where a file counts only those with experts. */
export function prepareLoads(
  recorded: RecordedLoads,
  {
    normalize = false,
    layerOffset,
  }: { readonly normalize?: boolean | undefined; readonly layerOffset?: number | undefined },
): LoadsInput {
  return {
    recorded,
    loads: normalize ? normalizeWindows(recorded.loads) : recorded.loads,
    layerNumbers: numberLayers(recorded, layerOffset),
  };
}

/** The number of each row in the model: engines that count only layers with experts start at the offset. */
function numberLayers(
  { layerNumbers, layerNumbering }: Pick<RecordedLoads, 'layerNumbers' | 'layerNumbering'>,
  offset = 0,
): readonly number[] {
  return layerNumbering === 'absolute' ? layerNumbers : layerNumbers.map((layer) => layer + offset);
}

/** Where a placement was read, for errors, and from which layer it counts where it counts only those with experts. */
interface PlacementSource {
  readonly where: string;
  readonly layerOffset?: number | undefined;
}

/**
 * A placement that was read, with a row for each layer of the loads, and nothing on excluded GPUs. Throws `InputError` where the rows do not fit the loads or
 * the machine.
 */
export function fitPlacement(
  recorded: RecordedPlacement,
  input: LoadsInput,
  machine: Machine,
  { where, layerOffset }: PlacementSource,
): Placement {
  const { experts, layers } = input.loads;
  const { placement } = recorded;
  if (placement.slots !== machine.slots) {
    throw new InputError({
      what: `it has ${placement.slots} slots, the GPUs have ${machine.slots}`,
      where,
      mend: `use --slots ${placement.slots}`,
    });
  }
  const rows = matchRows(recorded, input, { where, layerOffset });
  const { slots } = machine;
  const gpuOfSlot = listGpuOfSlot(machine);
  const physicalToLogical = new Int32Array(layers * slots);
  for (const [layer, row] of rows.entries()) {
    for (let slot = 0; slot < slots; slot++) {
      const isUsed = machine.isUsed[gpuOfSlot[slot]!] === 1;
      physicalToLogical[layer * slots + slot] = isUsed ? placement.physicalToLogical[row * slots + slot]! : -1;
    }
  }
  return { layers, experts, slots, physicalToLogical };
}

/** For each layer of the loads, the row of the placement: by the layer's number, or by position where there are as many. */
function matchRows(
  recorded: RecordedPlacement,
  { layerNumbers }: LoadsInput,
  { where, layerOffset }: PlacementSource,
): number[] {
  const numbers = numberLayers(recorded, layerOffset);
  if (numbers.length === layerNumbers.length) return layerNumbers.map((_, row) => row);
  return layerNumbers.map((layer) => {
    const row = numbers.indexOf(layer);
    if (row >= 0) return row;
    throw new InputError({
      what: `it has ${numbers.length} layers and none is layer ${layer} of the loads, which have ${layerNumbers.length}`,
      where,
      mend: "say with --layer-offset which is the model's first layer with experts",
    });
  });
}
