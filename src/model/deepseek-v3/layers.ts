import { InputError } from '../../base/index.js';
import type { ModelConfig } from '../../config/index.js';
import { isMoeLayer } from './parameters.js';

export interface LayerRange {
  readonly first: number;
  /** The layer after the last. */
  readonly end: number;
}

/** Multiply-adds a token of each layer (embedding nothing, head with the last layer): what the split is balanced by. */
function layerCosts(model: ModelConfig, sequenceLength: number): number[] {
  const { hiddenSize: d, numAttentionHeads: heads, qkNopeHeadDim: nope, qkRopeHeadDim: rope, vHeadDim: vDim } = model;
  const query = model.qLoraRank === 0 ? d * heads * (nope + rope) : model.qLoraRank * (d + heads * (nope + rope));
  const keyValue = d * (model.kvLoraRank + rope) + model.kvLoraRank * heads * (nope + vDim);
  const scores = (heads * (nope + rope + vDim) * (sequenceLength + 1)) / 2;
  const attention = query + keyValue + heads * vDim * d + scores;
  const dense = 3 * d * model.intermediateSize;
  const experts = model.numExpertsPerTok + model.nSharedExperts;
  const moe = d * model.nRoutedExperts + 3 * d * model.moeIntermediateSize * experts;
  const costs = Array.from(
    { length: model.numHiddenLayers },
    (_, layer) => attention + (isMoeLayer(model, layer) ? moe : dense),
  );
  costs[costs.length - 1] += d * model.vocabSize;
  return costs;
}

/**
 * Cuts the model into `stages` runs of layers so that the busiest rank has the least work; among equals, so that its stages are most alike.
 * `stageToRank[s]` is the rank that holds stage s of one chain. Throws `InputError` if there are fewer layers than stages.
 */
export function splitLayers(model: ModelConfig, stageToRank: readonly number[], sequenceLength: number): LayerRange[] {
  const stages = stageToRank.length;
  const layers = model.numHiddenLayers;
  if (layers < stages) {
    throw new InputError({
      what: `${layers} layers cannot be cut into ${stages} stages`,
      where: '[model] num_hidden_layers',
      mend: `use at least ${stages} layers, or fewer pipeline ranks`,
    });
  }
  const costs = layerCosts(model, sequenceLength);
  const counts = bestCounts(costs, stageToRank);
  let first = 0;
  return counts.map((count) => {
    const range = { first, end: first + count };
    first += count;
    return range;
  });
}

/** More cuts than this are not tried one by one. */
const MAX_CUTS = 200_000;

function bestCounts(costs: readonly number[], stageToRank: readonly number[]): number[] {
  const stages = stageToRank.length;
  if (countCuts(costs.length - 1, stages - 1) > MAX_CUTS) return evenCounts(costs, stageToRank);
  let best: { counts: number[]; busiest: number; widest: number } | undefined;
  for (const counts of compositions(costs.length, stages)) {
    const { busiest, widest } = judge(costs, counts, stageToRank);
    if (best === undefined || busiest < best.busiest || (busiest === best.busiest && widest < best.widest)) {
      best = { counts, busiest, widest };
    }
  }
  return best?.counts ?? [];
}

function countCuts(n: number, k: number): number {
  let count = 1;
  for (let i = 1; i <= k; i++) count = (count * (n - k + i)) / i;
  return count;
}

function equalCounts(layers: number, stages: number): number[] {
  return Array.from(
    { length: stages },
    (_, stage) => Math.floor(((stage + 1) * layers) / stages) - Math.floor((stage * layers) / stages),
  );
}

/** Equal numbers of layers, then layers moved over the borders of stages for as long as that brings the work of two ranks closer together. */
function evenCounts(costs: readonly number[], stageToRank: readonly number[]): number[] {
  const counts = equalCounts(costs.length, stageToRank.length);
  const work = new Map(stageToRank.map((rank) => [rank, 0]));
  for (let stage = 0, layer = 0; stage < counts.length; stage++)
    for (let left = counts[stage]; left > 0; left--, layer++) addTo(work, stageToRank[stage], costs[layer]);
  const move = (from: number, to: number, cost: number): boolean => {
    const [fromRank, toRank] = [stageToRank[from], stageToRank[to]];
    if (counts[from] === 1 || (work.get(fromRank) ?? 0) - (work.get(toRank) ?? 0) <= cost) return false;
    counts[from]--;
    counts[to]++;
    addTo(work, fromRank, -cost);
    addTo(work, toRank, cost);
    return true;
  };
  for (let moved = true; moved; ) {
    moved = false;
    let border = 0;
    for (let stage = 0; stage + 1 < counts.length; stage++) {
      border += counts[stage];
      if (move(stage, stage + 1, costs[border - 1])) border--;
      else if (move(stage + 1, stage, costs[border])) border++;
      else continue;
      moved = true;
    }
  }
  return counts;
}

function addTo(sums: Map<number, number>, key: number, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value);
}

/** All ways to write `total` as a sum of `parts` numbers of at least 1, in order. */
function* compositions(total: number, parts: number): Generator<number[]> {
  if (parts === 1) {
    yield [total];
    return;
  }
  for (let head = 1; head <= total - parts + 1; head++) {
    for (const rest of compositions(total - head, parts - 1)) yield [head, ...rest];
  }
}

function judge(
  costs: readonly number[],
  counts: readonly number[],
  stageToRank: readonly number[],
): { busiest: number; widest: number } {
  const byRank = new Map<number, number>();
  let layer = 0;
  let widest = 0;
  for (const [stage, count] of counts.entries()) {
    let cost = 0;
    for (let end = layer + count; layer < end; layer++) cost += costs[layer];
    widest = Math.max(widest, cost);
    byRank.set(stageToRank[stage], (byRank.get(stageToRank[stage]) ?? 0) + cost);
  }
  return { busiest: Math.max(...byRank.values()), widest };
}
