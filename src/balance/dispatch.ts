import type { ExpertLoads } from './loads.js';
import { listGpuOfSlot, type Machine } from './machine.js';
import type { Placement } from './placement.js';
import { shareLoads } from './shares.js';

/** How training's dispatcher chooses among an expert's replicas: the nearest, `even` among equals, or by the `optimal` split of the tokens (`shareLoads`). */
export type Dispatch = 'even' | 'optimal';

/**
 * What each GPU gets, `[windows, layers, gpus]`, as `measureGpuLoads`, where tokens choose their replica as training's dispatcher does: one on their own GPU if there is one, else
 * one on their node, else any, evenly. Exact where every GPU in use brings as many tokens for each expert as any other, as GPUs do that draw their microbatches from one
 * distribution.
 *
 * On one node and without an expert twice on a GPU it is the even split: of R GPUs, k hold the expert, and each of these gets its own 1/R of the tokens and 1/k of what the R - k others
 * bring, (1 + (R - k) / k) / R = 1/k. It differs where an expert lies twice on a GPU, and on several nodes where they hold different numbers of its replicas: with seven on one of two
 * nodes and one on the other, that one gets 1/2 of the tokens instead of 1/8. Where GPUs bring different shares s of an expert's tokens, one that holds a
 * replica gets s + (1 - S) / k of them, S being what all k bring; that is not modelled.
 */
export function measureDispatchedLoads(placement: Placement, loads: ExpertLoads, machine: Machine): Float64Array {
  const { windows, layers, experts, counts } = loads;
  const { gpus, slots, speeds } = machine;
  const gpuOfSlot = listGpuOfSlot(machine);
  const shares = new Float64Array(layers * slots);
  for (let layer = 0; layer < layers; layer++) {
    const row = placement.physicalToLogical.subarray(layer * slots, (layer + 1) * slots);
    shares.set(shareSlots(row, experts, machine, gpuOfSlot), layer * slots);
  }
  const gpuLoads = new Float64Array(windows * layers * gpus);
  for (let row = 0; row < windows * layers; row++) {
    const layer = row % layers;
    for (let slot = 0; slot < slots; slot++) {
      const expert = placement.physicalToLogical[layer * slots + slot]!;
      const gpu = gpuOfSlot[slot]!;
      if (expert >= 0)
        gpuLoads[row * gpus + gpu]! += (counts[row * experts + expert]! * shares[layer * slots + slot]!) / speeds[gpu]!;
    }
  }
  return gpuLoads;
}

/**
 * As `measureDispatchedLoads`, where each expert's tokens are split over its replicas so that the GPU with most tokens has the least (`shareLoads`), for every window and layer by itself. Training has
 * to split by the counts of the step before, so its GPUs are a little less even than this. GPUs' speeds do not enter the split.
 */
export function measureSharedLoads(placement: Placement, loads: ExpertLoads, machine: Machine): Float64Array {
  const { windows, layers, experts, counts } = loads;
  const { gpus, slots, speeds } = machine;
  const gpuOfSlot = listGpuOfSlot(machine);
  const gpuLoads = new Float64Array(windows * layers * gpus);
  for (let row = 0; row < windows * layers; row++) {
    const layer = row % layers;
    const own = counts.subarray(row * experts, (row + 1) * experts);
    const slotToExpert = placement.physicalToLogical.subarray(layer * slots, (layer + 1) * slots);
    const parts = shareLoads({ loads: inParts(own), slotToExpert, gpuOfSlot, gpus });
    for (let slot = 0; slot < slots; slot++) {
      const expert = slotToExpert[slot]!;
      const gpu = gpuOfSlot[slot]!;
      if (expert >= 0) gpuLoads[row * gpus + gpu]! += (own[expert]! * parts[slot]!) / speeds[gpu]!;
    }
  }
  return gpuLoads;
}

/** Finer than any number of tokens, and with so many GPUs as there may be below 2 ** 53. */
const PARTS = 2 ** 32;

/** Loads as whole numbers of equal parts of them all, which the split wants. */
function inParts(loads: Float64Array): Float64Array {
  const total = loads.reduce((sum, load) => sum + load, 0);
  return loads.map((load) => (total === 0 ? 0 : Math.round((load / total) * PARTS)));
}

/** `[slots]`: which share of its expert's tokens goes to each slot of a layer. */
function shareSlots(row: Int32Array, experts: number, machine: Machine, gpuOfSlot: Int32Array): Float64Array {
  const { gpus, nodes, isUsed } = machine;
  const gpusPerNode = gpus / nodes;
  const sources = isUsed.reduce((sum, used) => sum + used, 0);
  const slotsOf = Array.from({ length: experts }, (): number[] => []);
  for (const [slot, expert] of row.entries()) if (expert >= 0) slotsOf[expert]!.push(slot);
  const shares = new Float64Array(row.length);
  for (const replicas of slotsOf) {
    for (let source = 0; source < gpus; source++) {
      if (isUsed[source] !== 1) continue;
      const node = Math.floor(source / gpusPerNode);
      const local = replicas.filter((slot) => gpuOfSlot[slot] === source);
      const near =
        local.length > 0 ? local : replicas.filter((slot) => Math.floor(gpuOfSlot[slot]! / gpusPerNode) === node);
      const chosen = near.length > 0 ? near : replicas;
      for (const slot of chosen) shares[slot]! += 1 / (sources * chosen.length);
    }
  }
  return shares;
}
