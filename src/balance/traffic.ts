import type { TokenRoutes } from './loads.js';
import { listGpuOfSlot, type Machine } from './machine.js';
import type { Placement } from './placement.js';

/** How much it is worth that experts which tokens use together lie on one node. */
export interface TrafficWeight {
  readonly routes: TokenRoutes;
  /** One percent of the pairs of experts that a token uses together, brought to one node, is worth `weight` percent of the mean GPU load. */
  readonly weight: number;
}

/** On how many nodes and GPUs the experts of a token lie, in the mean: how many copies of it travel. */
export interface TokenSpread {
  readonly nodes: number;
  readonly gpus: number;
}

/**
 * The spread of the routed tokens under a placement, the mean over tokens and layers. Of an expert with several replicas, token t uses number t mod replicas, in
 * the order of their slots, so that all get the same share.
 */
export function measureSpread(
  placement: Placement,
  machine: Machine,
  { layers, topK, chosen }: TokenRoutes,
): TokenSpread {
  const { experts, slots, physicalToLogical } = placement;
  const gpuOfSlot = listGpuOfSlot(machine);
  const gpusPerNode = machine.gpus / machine.nodes;
  const onNodes = new Set<number>();
  const onGpus = new Set<number>();
  let tokens = 0;
  let nodes = 0;
  let gpus = 0;
  for (let layer = 0; layer < Math.min(layers, placement.layers); layer++) {
    const slotsOf: number[][] = Array.from({ length: experts }, () => []);
    for (let slot = 0; slot < slots; slot++) slotsOf[physicalToLogical[layer * slots + slot]!]?.push(slot);
    const rows = chosen[layer]!;
    for (let token = 0; token * topK < rows.length; token++) {
      onNodes.clear();
      onGpus.clear();
      for (let i = token * topK; i < (token + 1) * topK; i++) {
        const places = slotsOf[rows[i]!];
        if (places === undefined || places.length === 0) continue;
        const gpu = gpuOfSlot[places[token % places.length]!]!;
        onGpus.add(gpu);
        onNodes.add(Math.floor(gpu / gpusPerNode));
      }
      tokens += 1;
      nodes += onNodes.size;
      gpus += onGpus.size;
    }
  }
  return { nodes: tokens === 0 ? 0 : nodes / tokens, gpus: tokens === 0 ? 0 : gpus / tokens };
}

/** `[experts, experts]`: how many tokens of a layer use both experts; 0 on the diagonal. */
export function countCoactivation({ topK, chosen }: TokenRoutes, layer: number, experts: number): Float64Array {
  const pairs = new Float64Array(experts * experts);
  const rows = chosen[layer]!;
  for (let start = 0; start < rows.length; start += topK) {
    for (let i = start; i < start + topK; i++) {
      for (let j = i + 1; j < start + topK; j++) {
        const first = rows[i]!;
        const second = rows[j]!;
        if (first < 0 || second < 0 || first === second || Math.max(first, second) >= experts) continue;
        pairs[first * experts + second]! += 1;
        pairs[second * experts + first]! += 1;
      }
    }
  }
  return pairs;
}

/** How many pairs of experts that tokens use together are split over nodes, kept up to date as a placement changes. */
export interface AffinityState {
  /** `weight` times the share of the pairs that are split. */
  cost(): number;
  /** Takes the placement `expertOf`, `[slots]`. */
  set(expertOf: Int32Array): void;
  /** Slot A gave `expertA` and took `expertB`; slot B the other way. */
  swap(slotA: number, slotB: number, expertA: number, expertB: number): void;
  /** The slot gave one replica of `before` and took one of `expert`. */
  replace(slot: number, before: number, expert: number): void;
}

/**
 * A pair (e, f) of a token is together on a node with the probability that both of its replicas are there, each replica equally likely: the sum over nodes of
 * e's share of replicas there times f's. `pairs` is as `countCoactivation` gives it, `nodeOfSlot` is `[slots]`.
 */
export function createAffinityState(
  pairs: Float64Array,
  nodeOfSlot: Int32Array,
  { experts, nodes, weight }: { readonly experts: number; readonly nodes: number; readonly weight: number },
): AffinityState {
  /** `[nodes, experts]`: replicas on a node, and which part of the expert's replicas that is. */
  const onNode = new Int32Array(nodes * experts);
  const part = new Float64Array(nodes * experts);
  const count = new Int32Array(experts);
  let all = 0;
  for (const pair of pairs) all += pair;
  all /= 2;
  let together = 0;
  const refresh = (expert: number, node: number): void => {
    const position = node * experts + expert;
    const change = onNode[position]! / count[expert]! - part[position]!;
    if (change === 0) return;
    let sum = 0;
    for (let other = 0; other < experts; other++)
      sum += pairs[expert * experts + other]! * part[node * experts + other]!;
    together += change * sum;
    part[position]! += change;
  };
  const refreshAll = (expert: number): void => {
    for (let node = 0; node < nodes; node++) refresh(expert, node);
  };
  return {
    cost: () => (all === 0 ? 0 : weight * (1 - together / all)),
    set(expertOf) {
      onNode.fill(0);
      part.fill(0);
      count.fill(0);
      together = 0;
      for (const [slot, expert] of expertOf.entries()) {
        count[expert]! += 1;
        onNode[nodeOfSlot[slot]! * experts + expert]! += 1;
      }
      for (let expert = 0; expert < experts; expert++) if (count[expert]! > 0) refreshAll(expert);
    },
    swap(slotA, slotB, expertA, expertB) {
      const nodeA = nodeOfSlot[slotA]!;
      const nodeB = nodeOfSlot[slotB]!;
      if (nodeA === nodeB) return;
      onNode[nodeA * experts + expertA]! -= 1;
      onNode[nodeB * experts + expertA]! += 1;
      onNode[nodeB * experts + expertB]! -= 1;
      onNode[nodeA * experts + expertB]! += 1;
      for (const node of [nodeA, nodeB]) {
        refresh(expertA, node);
        refresh(expertB, node);
      }
    },
    replace(slot, before, expert) {
      const start = nodeOfSlot[slot]! * experts;
      count[before]! -= 1;
      count[expert]! += 1;
      onNode[start + before]! -= 1;
      onNode[start + expert]! += 1;
      refreshAll(before);
      refreshAll(expert);
    },
  };
}
