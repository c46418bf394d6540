import { createRouter } from '../model/index.js';
import type { BindContext, RankMemory } from './bind.js';
import { locateRank, rankAt, slotsOfRank } from './layout.js';
import type { LayerShares } from './replica-shares.js';
import { openSlotToExpert } from './slots.js';
import type { RunSpec } from './spec.js';

/** What a layer's router chooses replicas by. */
export interface RoutingContext {
  readonly shares: LayerShares;
  /** int32 `[ranks]`. */
  readonly nodeOfRank: Int32Array;
}

/** Runs a layer's router. */
export function createRoute(
  spec: RunSpec,
  rank: number,
  { state, layout }: RankMemory,
  { shares, nodeOfRank }: RoutingContext,
): BindContext['route'] {
  const { model, batch, placement } = spec;
  const count = slotsOfRank(spec);
  const { pipelineRank, expertRank } = locateRank(spec, rank);
  const firstRank = rankAt(spec, pipelineRank, 0);
  const route = createRouter({
    sequences: batch.sequences,
    tokens: batch.sequences * batch.sequenceLength,
    experts: model.nRoutedExperts,
    choices: model.numExpertsPerTok,
    groups: model.nGroup,
    chosenGroups: model.topkGroup,
    slots: placement.slots,
    local: { first: expertRank * count, end: (expertRank + 1) * count },
    nodeOfRank: nodeOfRank.subarray(firstRank, firstRank + spec.expert),
  });
  const tables = new Map(layout.slots.map((slots) => [slots.layer, openSlotToExpert(state, slots)]));
  return (layer, scores, bias, routing) => {
    const slotToExpert = tables.get(layer);
    if (slotToExpert === undefined) throw new Error(`layer ${layer} is not on this rank`);
    route(scores, bias, slotToExpert, routing, shares.of(layer));
  };
}

/** Routes and counts the tokens of each expert in the state. */
export function countTokens({ state, layout }: RankMemory, route: BindContext['route']): BindContext['route'] {
  const tables = new Map(layout.slots.map((slots) => [slots.layer, openSlotToExpert(state, slots)]));
  const loads = new Map(
    layout.loads.map(({ layer, byteOffset, count }) => [layer, new Float32Array(state, byteOffset, count)]),
  );
  return (layer, scores, bias, routing) => {
    route(layer, scores, bias, routing);
    const [counts, slotToExpert] = [loads.get(layer), tables.get(layer)];
    if (counts === undefined || slotToExpert === undefined) throw new Error(`layer ${layer} is not on this rank`);
    const { slotOffsets } = routing;
    for (let slot = 0; slot < slotToExpert.length; slot++)
      counts[slotToExpert[slot]] += slotOffsets[slot + 1] - slotOffsets[slot];
  };
}
