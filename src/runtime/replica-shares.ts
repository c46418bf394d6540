import { shareLoads } from '../balance/index.js';
import { type ReplicaShares, startShares } from '../model/index.js';
import type { RankMemory } from './bind.js';
import { locateRank, slotsOfRank } from './layout.js';
import { openSlotToExpert } from './slots.js';
import type { RunSpec } from './spec.js';

/** How this rank shares out the tokens of each layer's experts over all of their replicas. */
export interface LayerShares {
  /**
   * Before the first chunk of a training step or an evaluation: shares from the counts that the state memory has now, those of the step before (even in a
   * layer without), and from the placement of now. Counts and placement are the same on all ranks that share the experts, and so are the shares.
   */
  start(): void;
  /** Undefined where a token goes to the nearest replica instead. */
  of(layer: number): ReplicaShares | undefined;
}

export function createLayerShares(
  spec: RunSpec,
  rank: number,
  { state, layout }: Pick<RankMemory, 'state' | 'layout'>,
): LayerShares {
  const { model, placement, expert, replicaShares } = spec;
  if (replicaShares === 'even' || placement.slots === model.nRoutedExperts)
    return { start: () => undefined, of: () => undefined };
  const { expertRank } = locateRank(spec, rank);
  const gpuOfSlot = Int32Array.from({ length: placement.slots }, (_, slot) => Math.floor(slot / slotsOfRank(spec)));
  const tables = new Map(layout.slots.map((slots) => [slots.layer, openSlotToExpert(state, slots)]));
  const shares = new Map<number, ReplicaShares>();
  return {
    start() {
      for (const { layer, byteOffset, count } of layout.loads) {
        const slotToExpert = tables.get(layer);
        if (slotToExpert === undefined) throw new Error(`layer ${layer} has no slots on this rank`);
        const loads = new Float32Array(state, byteOffset, count);
        const parts = shareLoads({ loads, slotToExpert, gpuOfSlot, gpus: expert });
        shares.set(layer, startShares(expertRank, slotToExpert, parts));
      }
    },
    of: (layer) => shares.get(layer),
  };
}
