import {
  createMachine,
  type ExpertLoads,
  listGpuOfSlot,
  type Machine,
  normalizeWindows,
  type Placement,
} from '../balance/index.js';
import { InputError } from '../base/index.js';
import {
  type PlacementFormat,
  type RecordedLoads,
  type RecordedPlacement,
  readExpertLoads,
  readJson,
} from '../formats/index.js';

/** The flags that say what is placed and where; those of `balance` and `balance score`. */
export interface SourceFlags {
  readonly gpus?: number;
  readonly slots?: number;
  readonly gpuSlots?: readonly number[];
  readonly nodes?: number;
  readonly excludeGpus?: readonly number[];
  readonly gpuSpeeds?: string;
  readonly experts?: number;
  readonly normalize?: boolean;
  readonly trimWarmup?: boolean;
  readonly layerOffset?: number;
}

/** Loads with the number of each row's layer in the model. */
export interface LoadsInput {
  readonly recorded: RecordedLoads;
  readonly loads: ExpertLoads;
  readonly layerNumbers: readonly number[];
}

/** Reads the loads as the flags say. Throws as `readExpertLoads`. */
export async function readLoads(path: string, flags: SourceFlags): Promise<LoadsInput> {
  const { experts, trimWarmup = false } = flags;
  const recorded = await readExpertLoads(path, { trimWarmup, ...(experts === undefined ? {} : { experts }) });
  return {
    recorded,
    loads: flags.normalize === true ? normalizeWindows(recorded.loads) : recorded.loads,
    layerNumbers: numberLayers(recorded, flags.layerOffset),
  };
}

/** The number of each row in the model: engines that count only layers with experts start at the offset. */
function numberLayers(
  { layerNumbers, layerNumbering }: Pick<RecordedLoads, 'layerNumbers' | 'layerNumbering'>,
  offset = 0,
): readonly number[] {
  return layerNumbering === 'absolute' ? layerNumbers : layerNumbers.map((layer) => layer + offset);
}

/**
 * The machine that the flags describe; without slots, it has as many as `known`. Nodes that divide neither the groups nor the GPUs are one, as in DeepSeek's policy,
 * which then places globally.
 */
export function readMachine(flags: SourceFlags & { readonly groups?: number }, known: number | undefined): Machine {
  const { gpus, gpuSlots, excludeGpus, gpuSpeeds, groups = 1 } = flags;
  if (gpus === undefined) throw new InputError({ what: 'the number of GPUs is missing', mend: 'add --gpus G' });
  const slots = gpuSlots ?? flags.slots ?? known;
  if (slots === undefined)
    throw new InputError({ what: 'the number of slots is missing', mend: 'add --slots S, of all GPUs together' });
  const { nodes = 1 } = flags;
  const isOne = gpus % nodes !== 0 && groups % nodes !== 0;
  if (isOne) process.stderr.write(`note: ${gpus} GPUs do not divide by ${nodes} nodes: placed as on one node\n`);
  const total = gpuSlots?.reduce((sum, count) => sum + count, 0);
  if (total !== undefined && flags.slots !== undefined && total !== flags.slots) {
    throw new InputError({
      what: `--gpu-slots are ${total} together, --slots says ${flags.slots}`,
      mend: 'leave one out',
    });
  }
  const speeds = gpuSpeeds === undefined ? undefined : readSpeeds(gpuSpeeds);
  return createMachine({ gpus, slots, nodes: isOne ? 1 : nodes, excludedGpus: excludeGpus, speeds });
}

const MOST_SPEED_BYTES = 2 ** 24;

function readSpeeds(path: string): number[] {
  const value = readJson(path, { maxBytes: MOST_SPEED_BYTES });
  if (Array.isArray(value) && value.every((speed): speed is number => typeof speed === 'number')) return value;
  throw new InputError({
    what: 'the speeds are no list of numbers',
    where: path,
    mend: 'write a JSON list with one for each GPU, such as [1, 1, 0.9]',
  });
}

/**
 * A placement that was read from `path`, with a row for each layer of the loads, and nothing on excluded GPUs. Throws `InputError` where the rows do not fit the loads or
 * the machine.
 */
export function fitPlacement(
  recorded: RecordedPlacement,
  path: string,
  input: LoadsInput,
  machine: Machine,
  { layerOffset }: SourceFlags,
): Placement {
  const { experts, layers } = input.loads;
  const { placement } = recorded;
  if (placement.slots !== machine.slots) {
    throw new InputError({
      what: `it has ${placement.slots} slots, the GPUs have ${machine.slots}`,
      where: path,
      mend: `use --slots ${placement.slots}`,
    });
  }
  const rows = matchRows(recorded, input, layerOffset, path);
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
  offset: number | undefined,
  path: string,
): number[] {
  const numbers = numberLayers(recorded, offset);
  if (numbers.length === layerNumbers.length) return layerNumbers.map((_, row) => row);
  return layerNumbers.map((layer) => {
    const row = numbers.indexOf(layer);
    if (row >= 0) return row;
    throw new InputError({
      what: `it has ${numbers.length} layers and none is layer ${layer} of the loads, which have ${layerNumbers.length}`,
      where: path,
      mend: "say with --layer-offset which is the model's first layer with experts",
    });
  });
}

/** Each expert once, in order, and again from the first: how engines place experts before they know loads. */
export function createLinearPlacement({ layers, experts }: ExpertLoads, machine: Machine): Placement {
  const { slots } = machine;
  const gpuOfSlot = listGpuOfSlot(machine);
  const row = new Int32Array(slots).fill(-1);
  let next = 0;
  for (let slot = 0; slot < slots; slot++) {
    if (machine.isUsed[gpuOfSlot[slot]!] === 0) continue;
    row[slot] = next % experts;
    next += 1;
  }
  const physicalToLogical = new Int32Array(layers * slots);
  for (let layer = 0; layer < layers; layer++) physicalToLogical.set(row, layer * slots);
  return { layers, experts, slots, physicalToLogical };
}

/**
 * The rows of a placement that a format has, with their numbers: all, but where an engine counts or names only layers with experts and the loads count all layers, not those
 * without tokens, which have none. Notes what is left out.
 */
export function selectRows(
  placement: Placement,
  { recorded, loads, layerNumbers }: LoadsInput,
  format: PlacementFormat,
): { readonly placement: Placement; readonly layerNumbers: readonly number[]; readonly notes: readonly string[] } {
  const { layers, slots, physicalToLogical } = placement;
  const tokens = tokensByLayer(loads);
  const rows = [...tokens.keys()].filter((layer) => tokens[layer]! > 0);
  const hasAll = format === 'sglang' || format === 'json' || recorded.layerNumbering === 'moe';
  if (hasAll || rows.length === layers || rows.length === 0) return { placement, layerNumbers, notes: [] };
  const picked = new Int32Array(rows.length * slots);
  for (const [i, row] of rows.entries())
    picked.set(physicalToLogical.subarray(row * slots, (row + 1) * slots), i * slots);
  const without = layerNumbers.filter((_, layer) => tokens[layer] === 0);
  const layer = without.length === 1 ? 'layer' : 'layers';
  return {
    placement: { ...placement, layers: rows.length, physicalToLogical: picked },
    layerNumbers: rows.map((row) => layerNumbers[row]!),
    notes: [`${layer} ${without.join(', ')} of the model got no tokens, so no experts are there: left out of the file`],
  };
}

/** `[layers]`, all windows together. */
function tokensByLayer({ layers, experts, counts }: ExpertLoads): Float64Array {
  const tokens = new Float64Array(layers);
  for (const [position, count] of counts.entries()) tokens[Math.floor(position / experts) % layers]! += count;
  return tokens;
}
