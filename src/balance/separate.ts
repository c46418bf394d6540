import { createSite } from './hierarchy.js';
import { countDuplicates, type LayerState, setPlacement } from './layer-state.js';
import type { ExpertLoads } from './loads.js';
import type { Machine } from './machine.js';
import { separateDuplicates } from './pack.js';
import type { Placement } from './placement.js';

/**
 * The placement without an expert twice on a GPU, where slots allow that: replicas change places (`separateDuplicates`), and where an expert has more than there are GPUs,
 * those beyond go to the expert with the greatest load a replica of which the GPU has none. `pooled` are the loads of one window that it is to be even for. Layers without duplicates stay.
 */
export function separateReplicas(placement: Placement, pooled: ExpertLoads, machine: Machine): Placement {
  const { layers, experts, slots } = placement;
  const { state, slotOf } = createSite(machine, 0, machine.gpus, experts);
  const physicalToLogical = placement.physicalToLogical.slice();
  for (let layer = 0; layer < layers; layer++) {
    const row = physicalToLogical.subarray(layer * slots, (layer + 1) * slots);
    state.problem.load.set(pooled.counts.subarray(layer * experts, (layer + 1) * experts));
    setPlacement(
      state,
      slotOf.map((slot) => row[slot]!),
    );
    if (countDuplicates(state) === 0) continue;
    if (!separateDuplicates(state)) replaceDuplicates(state);
    for (const [i, slot] of slotOf.entries()) row[slot] = state.expertOf[i]!;
  }
  return { ...placement, physicalToLogical };
}

function replaceDuplicates(state: LayerState): void {
  const { problem, expertOf, gpuOfSlot, count, held } = state;
  const { slots, experts, gpus, load } = problem;
  for (let slot = 0; slot < slots; slot++) {
    const gpu = gpuOfSlot[slot]!;
    if (held[expertOf[slot]! * gpus + gpu]! < 2) continue;
    const missing = Array.from({ length: experts }, (_, expert) => expert).filter(
      (expert) => held[expert * gpus + gpu] === 0,
    );
    if (missing.length === 0) continue;
    const share = (expert: number): number => load[expert]! / count[expert]!;
    expertOf[slot] = missing.reduce((best, expert) => (share(expert) > share(best) ? expert : best));
    setPlacement(state, expertOf.slice());
  }
}
