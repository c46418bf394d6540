import type { ExpertLoads } from './loads.js';
import type { Machine } from './machine.js';
import type { Placement } from './placement.js';

/** How evenly GPUs are loaded; 1 is even. The same measure has different definitions in different engines, so each is named. */
export interface Balancedness {
  /** Sum of the mean GPU loads over the sum of the largest, of all layers and windows: how much of the time the mean GPU works (vLLM, since PR 51813). */
  readonly ratioOfSums: number;
  /** Mean of (mean + 1e-5) / (largest + 1e-5) over layers and windows (SGLang, `compute_utilization_rate`). */
  readonly meanOfRatios: number;
  /** The window in the middle, by its ratio of sums. */
  readonly p50: number;
  /** All but 1% of the windows are at least as balanced, by their ratio of sums. */
  readonly p99: number;
  /** Mean of (largest - mean) / mean over layers and windows; 0 is even (TensorRT-LLM). */
  readonly imbalance: number;
}

/**
 * What each GPU gets, `[windows, layers, gpus]`: its tokens, each expert's shared evenly by its replicas, over its speed. A GPU that is left out gets 0; so do
 * the tokens of an expert without a slot, which no placement that was checked has.
 */
export function measureGpuLoads(placement: Placement, loads: ExpertLoads, machine: Machine): Float64Array {
  const { windows, layers, experts, counts } = loads;
  const { gpus, slots, slotStarts, speeds } = machine;
  const replicas = countReplicas(placement);
  const gpuLoads = new Float64Array(windows * layers * gpus);
  for (let row = 0; row < windows * layers; row++) {
    const layer = row % layers;
    for (let gpu = 0; gpu < gpus; gpu++) {
      let tokens = 0;
      for (let slot = slotStarts[gpu]!; slot < slotStarts[gpu + 1]!; slot++) {
        const expert = placement.physicalToLogical[layer * slots + slot]!;
        if (expert >= 0) tokens += counts[row * experts + expert]! / replicas[layer * experts + expert]!;
      }
      gpuLoads[row * gpus + gpu] = tokens / speeds[gpu]!;
    }
  }
  return gpuLoads;
}

/** `[layers, experts]`: how many slots hold each expert. */
export function countReplicas({ layers, experts, slots, physicalToLogical }: Placement): Int32Array {
  const replicas = new Int32Array(layers * experts);
  for (let position = 0; position < layers * slots; position++) {
    const expert = physicalToLogical[position]!;
    if (expert >= 0) replicas[Math.floor(position / slots) * experts + expert]! += 1;
  }
  return replicas;
}

/** How many slots hold an expert that an earlier slot of the same GPU holds, in all layers. */
export function countDuplicateSlots(
  { layers, slots, physicalToLogical }: Placement,
  { gpus, slotStarts }: Pick<Machine, 'gpus' | 'slotStarts'>,
): number {
  let duplicates = 0;
  for (let layer = 0; layer < layers; layer++) {
    for (let gpu = 0; gpu < gpus; gpu++) {
      const held = new Set<number>();
      for (let slot = slotStarts[gpu]!; slot < slotStarts[gpu + 1]!; slot++) {
        const expert = physicalToLogical[layer * slots + slot]!;
        if (held.has(expert)) duplicates += 1;
        if (expert >= 0) held.add(expert);
      }
    }
  }
  return duplicates;
}

/** What each GPU would get if all were even: `[windows, layers]`, tokens over the speed of all GPUs that are used. */
export function measureEvenLoads({ windows, layers, experts, counts }: ExpertLoads, machine: Machine): Float64Array {
  const speed = machine.speeds.reduce((sum, value, gpu) => sum + (machine.isUsed[gpu] === 1 ? value : 0), 0);
  return Float64Array.from({ length: windows * layers }, (_, row) => {
    let tokens = 0;
    for (let expert = 0; expert < experts; expert++) tokens += counts[row * experts + expert]!;
    return tokens / speed;
  });
}

/** The measures of GPU loads `[windows, layers, gpus]` against the even ones, `[windows, layers]`. */
export function measureBalancedness(
  gpuLoads: Float64Array,
  evenLoads: Float64Array,
  { windows, gpus }: { readonly windows: number; readonly gpus: number },
): Balancedness {
  const rows = evenLoads.length;
  const layers = rows / windows;
  const largest = largestOfRows(gpuLoads, gpus);
  let ratios = 0;
  let excess = 0;
  for (let row = 0; row < rows; row++) {
    ratios += (evenLoads[row]! + SGLANG_EPSILON) / (largest[row]! + SGLANG_EPSILON);
    excess += evenLoads[row]! === 0 ? 0 : largest[row]! / evenLoads[row]! - 1;
  }
  const byWindow = Array.from({ length: windows }, (_, window) => {
    const start = window * layers;
    return ratioOfSums(evenLoads.subarray(start, start + layers), largest.subarray(start, start + layers));
  }).sort((a, b) => a - b);
  return {
    ratioOfSums: ratioOfSums(evenLoads, largest),
    meanOfRatios: ratios / rows,
    p50: byWindow[Math.floor((windows - 1) / 2)]!,
    p99: byWindow[Math.floor((windows - 1) * 0.01)]!,
    imbalance: excess / rows,
  };
}

/** `[windows, layers]`: the largest GPU load of a placement in each, as of `measureGpuLoads`. */
export function measureLargestLoads(placement: Placement, loads: ExpertLoads, machine: Machine): Float64Array {
  return largestOfRows(measureGpuLoads(placement, loads, machine), machine.gpus);
}

/** The largest of each row of `[rows, columns]`. */
export function largestOfRows(values: Float64Array, columns: number): Float64Array {
  return Float64Array.from({ length: values.length / columns }, (_, row) => {
    let largest = 0;
    for (let column = 0; column < columns; column++) largest = Math.max(largest, values[row * columns + column]!);
    return largest;
  });
}

/** `[rows, columns]` as nested lists. */
export function toRows(values: ArrayLike<number>, columns: number): number[][] {
  return Array.from({ length: values.length / columns }, (_, row) =>
    Array.from({ length: columns }, (__, column) => values[row * columns + column]!),
  );
}

const SGLANG_EPSILON = 1e-5;

function ratioOfSums(even: Float64Array, largest: Float64Array): number {
  const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
  const most = sum(largest);
  return most === 0 ? 1 : sum(even) / most;
}
