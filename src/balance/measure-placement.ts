import { type ExpertLoads, sumWindows, type TokenRoutes } from './loads.js';
import type { Machine } from './machine.js';
import {
  type Balancedness,
  countDuplicateSlots,
  largestOfRows,
  measureBalancedness,
  measureEvenLoads,
  measureGpuLoads,
} from './measure.js';
import type { Placement } from './placement.js';
import { measureSpread, type TokenSpread } from './traffic.js';

/** A placement measured on loads. */
export interface Measurement {
  /** `[layers, gpus]`, of all windows together: tokens over speed. */
  readonly gpuLoad: Float64Array;
  /** `[layers]`. */
  readonly maxGpuLoad: Float64Array;
  /** `[layers]`: what each GPU would get if all got the same. */
  readonly evenLoad: Float64Array;
  readonly balancedness: Balancedness;
  /** The mean over windows of the largest GPU loads, all layers together, and the worst window's. */
  readonly windows: { readonly mean: number; readonly worst: number };
  readonly duplicates: number;
  /** Sum of the mean node loads over the sum of the largest, of all layers; only with several nodes. */
  readonly nodeBalancedness?: number;
  readonly spread?: TokenSpread;
}

/** Measures a placement on loads, and on routes where there are some. */
export function measurePlacement(
  placement: Placement,
  loads: ExpertLoads,
  machine: Machine,
  routes?: TokenRoutes,
): Measurement {
  const { windows, layers } = loads;
  const { gpus } = machine;
  const pooled = sumWindows(loads);
  const gpuLoad = measureGpuLoads(placement, pooled, machine);
  const byWindow = windows === 1 ? gpuLoad : measureGpuLoads(placement, loads, machine);
  const evenByWindow = measureEvenLoads(loads, machine);
  const largest = largestOfRows(byWindow, gpus);
  const ofWindows = Array.from({ length: windows }, (_, window) =>
    largest.subarray(window * layers, (window + 1) * layers).reduce((sum, load) => sum + load, 0),
  );
  return {
    gpuLoad,
    maxGpuLoad: largestOfRows(gpuLoad, gpus),
    evenLoad: measureEvenLoads(pooled, machine),
    balancedness: measureBalancedness(byWindow, evenByWindow, { windows, gpus }),
    windows: { mean: ofWindows.reduce((sum, load) => sum + load, 0) / windows, worst: Math.max(...ofWindows) },
    duplicates: countDuplicateSlots(placement, machine),
    ...(machine.nodes === 1 ? {} : { nodeBalancedness: measureNodes(gpuLoad, machine) }),
    ...(routes === undefined ? {} : { spread: measureSpread(placement, machine, routes) }),
  };
}

/** How evenly nodes are loaded, from GPU loads `[layers, gpus]`: each node's tokens over the speed of its GPUs in use. */
function measureNodes(gpuLoad: Float64Array, { gpus, nodes, speeds, isUsed }: Machine): number {
  const gpusPerNode = gpus / nodes;
  const speedOf = new Float64Array(nodes);
  for (let gpu = 0; gpu < gpus; gpu++) speedOf[Math.floor(gpu / gpusPerNode)]! += isUsed[gpu]! * speeds[gpu]!;
  const speed = speedOf.reduce((sum, value) => sum + value, 0);
  let mean = 0;
  let largest = 0;
  for (let row = 0; row < gpuLoad.length; row += gpus) {
    const tokens = new Float64Array(nodes);
    for (let gpu = 0; gpu < gpus; gpu++) tokens[Math.floor(gpu / gpusPerNode)]! += gpuLoad[row + gpu]! * speeds[gpu]!;
    mean += tokens.reduce((sum, value) => sum + value, 0) / speed;
    largest += Math.max(...tokens.map((value, node) => (speedOf[node]! > 0 ? value / speedOf[node]! : 0)));
  }
  return largest === 0 ? 1 : mean / largest;
}

/** How far the largest GPU loads are above the bound, all layers together; 0 only where each equals its bound. */
export function gapOf(maxGpuLoad: Float64Array, lowerBound: Float64Array): number {
  if (maxGpuLoad.every((load, layer) => load === lowerBound[layer])) return 0;
  const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
  return sum(maxGpuLoad) / sum(lowerBound) - 1;
}
