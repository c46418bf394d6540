import type { Constraints } from './anneal.js';
import { createSite } from './hierarchy.js';
import { type ExpertLoads, sumWindows } from './loads.js';
import { listGpuOfSlot, type Machine } from './machine.js';
import { mergeAlike } from './merge-alike.js';
import { countCoactivation, createAffinityState, type TrafficWeight } from './traffic.js';
import { createWindowedState, type PlacementObjective, type WindowedState } from './windowed-state.js';

/** What a search over several windows is about. */
export interface WindowedSearch {
  readonly objective: PlacementObjective;
  /** Windows that it looks at, at most; of more, those that are alike are summed (`mergeAlike`). Default 32. */
  readonly mostWindows?: number | undefined;
  /** Whether experts stay on the node where they are. */
  readonly keepsNodes: boolean;
  readonly traffic?: TrafficWeight | undefined;
}

/** Layers as states over the GPUs in use. */
export interface WindowedLayers {
  /** The state of a layer under the placement `expertOf` (of the site's slots), and what constrains it. */
  open(layer: number, expertOf: Int32Array): { readonly state: WindowedState; readonly constraints: Constraints };
  /** `[slots in use]`: the GPU of each, counted among those in use. */
  readonly gpuOfSlot: Int32Array;
  /** From the machine's slots to those in use. */
  toSite(row: Int32Array): Int32Array;
  /** From the slots in use to the machine's; the others are -1. */
  toMachine(expertOf: Int32Array): Int32Array;
}

const MOST_WINDOWS = 32;

/** Opens the layers of `loads` on the machine's GPUs in use. */
export function createWindowedLayers(loads: ExpertLoads, machine: Machine, search: WindowedSearch): WindowedLayers {
  const { experts } = loads;
  const { slotOf, state: site } = createSite(machine, 0, machine.gpus, experts);
  const gpuOfSlot = listGpuOfSlot(machine);
  const gpusPerNode = machine.gpus / machine.nodes;
  const nodeOfSlot = slotOf.map((slot) => Math.floor(gpuOfSlot[slot]! / gpusPerNode));
  const zoneOf = Int32Array.from({ length: site.problem.gpus }, (_, gpu) => nodeOfSlot[site.problem.slotStarts[gpu]!]!);
  const { objective, keepsNodes, traffic, mostWindows = MOST_WINDOWS } = search;
  const merged = gatherWindows(loads, objective, mostWindows);
  return {
    open(layer, expertOf) {
      const load = loadOfLayer(merged, layer);
      const lowered = objective === 'worst' ? 'worst' : 'mean';
      const state = createWindowedState(site.problem, { windows: merged.windows, load, objective: lowered }, expertOf);
      if (traffic === undefined || layer >= traffic.routes.layers)
        return { state, constraints: keepsNodes ? { zoneOf } : {} };
      const even = state.even.reduce((sum, time) => sum + time, 0) / merged.windows;
      const weight = traffic.weight * even;
      const pairs = countCoactivation(traffic.routes, layer, experts);
      const affinity = createAffinityState(pairs, nodeOfSlot, { experts, nodes: machine.nodes, weight });
      affinity.set(expertOf);
      return { state, constraints: { affinity, ...(keepsNodes ? { zoneOf } : {}) } };
    },
    gpuOfSlot: site.gpuOfSlot,
    toSite: (row) => slotOf.map((slot) => row[slot]!),
    toMachine(expertOf) {
      const row = new Int32Array(machine.slots).fill(-1);
      for (const [i, slot] of slotOf.entries()) row[slot] = expertOf[i]!;
      return row;
    },
  };
}

/** What a search looks at: for the worst of windows, groups of them count by their mean, so that a large one is no worse. */
function gatherWindows(loads: ExpertLoads, objective: PlacementObjective, most: number): ExpertLoads {
  if (objective === 'sum') return sumWindows(loads);
  const merged = mergeAlike(loads, most);
  if (objective === 'mean') return merged.loads;
  const size = loads.layers * loads.experts;
  const counts = merged.loads.counts.map((count, i) => count / merged.sizes[Math.floor(i / size)]);
  return { ...merged.loads, counts };
}

/** `[experts, windows]` of one layer. */
function loadOfLayer({ windows, layers, experts, counts }: ExpertLoads, layer: number): Float64Array {
  const load = new Float64Array(experts * windows);
  for (let window = 0; window < windows; window++) {
    for (let expert = 0; expert < experts; expert++)
      load[expert * windows + window] = counts[(window * layers + layer) * experts + expert]!;
  }
  return load;
}
