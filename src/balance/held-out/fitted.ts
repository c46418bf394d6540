import { createRandom, type Random } from '../../base/index.js';
import { type ExpertLoads, mergeWindows } from '../loads.js';
import type { Machine } from '../machine.js';
import { measureGpuLoads } from '../measure.js';
import type { Placement } from '../placement.js';

const MOST_WINDOWS = 32;
const FLIPS = 199;
const LEAST_CHANCE = 0.05;

/**
 * Whether a placement looks as if it was made from these very windows, so that what is measured on them flatters it. Such a
 * placement lets what single windows do to a GPU cancel out in their sum, better than chance does: of random signs for what
 * each window does in each layer, fewer than one in twenty leave a smaller sum. A placement that was made from other loads has
 * no such luck. Of one window nothing can be said. More than 32 windows are summed in blocks.
 */
export function looksFitted(placement: Placement, loads: ExpertLoads, machine: Machine): boolean {
  if (loads.windows < 2) return false;
  const merged = mergeWindows(loads, MOST_WINDOWS);
  const deviations = measureDeviations(placement, merged, machine);
  const sizes = { windows: merged.windows, layers: merged.layers, gpus: machine.gpus };
  const observed = squareOfSums(deviations, sizes);
  const random = createRandom(0, 'looks fitted');
  let asSmall = 1;
  for (let i = 0; i < FLIPS; i++) if (squareOfSums(deviations, sizes, random) <= observed) asSmall += 1;
  return asSmall / (FLIPS + 1) <= LEAST_CHANCE;
}

/** `[windows, layers, gpus]`: by how much the load of each GPU in use is above the mean of its window and layer. */
function measureDeviations(placement: Placement, loads: ExpertLoads, machine: Machine): Float64Array {
  const { gpus, isUsed } = machine;
  const used = isUsed.reduce((sum, value) => sum + value, 0);
  const deviations = measureGpuLoads(placement, loads, machine);
  for (let start = 0; start < deviations.length; start += gpus) {
    const row = deviations.subarray(start, start + gpus);
    const mean = row.reduce((sum, load) => sum + load, 0) / used;
    for (const [gpu, load] of row.entries()) row[gpu] = isUsed[gpu] === 1 ? load - mean : 0;
  }
  return deviations;
}

/** The sum over layers and GPUs of the squares of what the windows come to together, each with a random sign if asked. */
function squareOfSums(
  deviations: Float64Array,
  { windows, layers, gpus }: { readonly windows: number; readonly layers: number; readonly gpus: number },
  random?: Random,
): number {
  const sums = new Float64Array(layers * gpus);
  for (let row = 0; row < windows * layers; row++) {
    const sign = random !== undefined && random.uniform() < 0.5 ? -1 : 1;
    const first = (row % layers) * gpus;
    for (let gpu = 0; gpu < gpus; gpu++) sums[first + gpu] += sign * deviations[row * gpus + gpu];
  }
  return sums.reduce((total, sum) => total + sum * sum, 0);
}
