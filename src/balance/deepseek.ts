import { InputError } from '../base/index.js';
import { sortDescending } from './libstdcxx-sort.js';

/** The sizes of a placement problem, in the reference's terms. */
export interface RebalanceShape {
  readonly layers: number;
  readonly experts: number;
  /** Physical expert slots of all GPUs together. */
  readonly slots: number;
  /** Groups of neighbouring experts that shall stay on one node. */
  readonly groups: number;
  readonly nodes: number;
  readonly gpus: number;
}

/** What the reference returns: `phy2log`, `log2phy`, `logcnt`. */
export interface Rebalanced {
  /** `[layers, slots]`: the logical expert in each slot; slot p lies on GPU floor(p / (slots / gpus)). */
  readonly physicalToLogical: Int32Array;
  /** `[layers, experts, maxReplicas]`: the slots of each expert in the order of its replicas, then -1. */
  readonly logicalToPhysical: Int32Array;
  /** `[layers, experts]`: how many replicas each expert has. */
  readonly replicas: Int32Array;
  /** The largest number of replicas, over all layers. */
  readonly maxReplicas: number;
}

/**
 * DeepSeek's EPLB, to the bit: `rebalance_experts` of deepseek-ai/EPLB (`eplb.py`, commit d52c72d) with its float32 arithmetic and its order of equal loads.
 * Groups are packed on nodes, experts replicated within a node, replicas packed on its GPUs; where `groups` is no multiple of `nodes`, all as one group on one node.
 *
 * `weight` is `[layers, experts]`, row-major, in any one unit. Throws `InputError` for a weight that is negative or not finite, and for sizes that do not divide.
 */
export function rebalanceExperts(weight: ArrayLike<number>, shape: RebalanceShape): Rebalanced {
  checkShape(shape);
  const { layers, experts, slots } = shape;
  if (weight.length !== layers * experts) {
    throw new InputError({
      what: `${weight.length} weights for ${layers} layers and ${experts} experts`,
      mend: `give ${layers * experts}`,
    });
  }
  const planner = createPlanner(shape);
  const physicalToLogical = new Int32Array(layers * slots);
  const replicaOfSlot = new Int32Array(layers * slots);
  const replicas = new Int32Array(layers * experts);
  for (let layer = 0; layer < layers; layer++) {
    for (let expert = 0; expert < experts; expert++) {
      const value = weight[layer * experts + expert]!;
      if (!(value >= 0 && value <= MAX_FLOAT32)) throw refuseWeight(value, layer, expert);
      planner.weight[expert] = value;
    }
    planner.plan(physicalToLogical, replicaOfSlot, layer * slots, replicas, layer * experts);
  }
  return { physicalToLogical, replicas, ...invert(physicalToLogical, replicaOfSlot, replicas, shape) };
}

const MAX_FLOAT32 = 3.4028234663852886e38;

function refuseWeight(value: number, layer: number, expert: number): InputError {
  return new InputError({
    what: `the load of layer ${layer}, expert ${expert} is ${value}`,
    mend: 'give a finite number, 0 or more',
  });
}

function checkShape(shape: RebalanceShape): void {
  for (const [name, size] of Object.entries(shape)) {
    if (!(Number.isSafeInteger(size) && size > 0))
      throw new InputError({ what: `${name} is ${size}`, mend: 'use a positive whole number' });
  }
  const { experts, slots, groups, nodes, gpus } = shape;
  const divides: readonly (readonly [string, number, string, number])[] = [
    ['slots', slots, 'gpus', gpus],
    ...(groups % nodes === 0
      ? ([
          ['experts', experts, 'groups', groups],
          ['gpus', gpus, 'nodes', nodes],
        ] as const)
      : []),
  ];
  for (const [whole, size, part, count] of divides) {
    if (size % count !== 0)
      throw new InputError({
        what: `${size} ${whole} do not divide by ${count} ${part}`,
        mend: `choose ${part} that divide ${whole}`,
      });
  }
  if (slots < experts)
    throw new InputError({
      what: `${slots} slots cannot hold ${experts} experts`,
      mend: `use ${experts} slots or more`,
    });
}

/** Working memory for one layer of a shape, and the three steps over it. */
function createPlanner(shape: RebalanceShape) {
  const isHierarchical = shape.groups % shape.nodes === 0;
  const groups = isHierarchical ? shape.groups : 1;
  const nodes = isHierarchical ? shape.nodes : 1;
  const { experts, slots, gpus } = shape;
  const groupSize = experts / groups;
  const nodeExperts = experts / nodes;
  const nodeSlots = slots / nodes;
  const nodeGpus = gpus / nodes;
  const gpuSlots = slots / gpus;
  const weight = new Float32Array(experts);
  const groupWeight = new Float32Array(groups);
  /** The expert at each place when experts are ordered by node. */
  const expertAt = new Int32Array(experts);
  const packGroups = createPacking(groups, nodes);
  const packSlots = createPacking(nodeSlots, nodeGpus);
  const replicate = createReplication(nodeExperts, nodeSlots);

  const placeGroups = (): void => {
    for (let group = 0; group < groups; group++) {
      let sum = 0;
      for (let i = group * groupSize; i < (group + 1) * groupSize; i++) sum += weight[i]!;
      groupWeight[group] = sum;
    }
    packGroups.pack(groupWeight);
    const groupsPerNode = groups / nodes;
    for (let group = 0; group < groups; group++) {
      const start = (packGroups.packOf[group]! * groupsPerNode + packGroups.rank[group]!) * groupSize;
      for (let i = 0; i < groupSize; i++) expertAt[start + i] = group * groupSize + i;
    }
  };

  const plan = (
    physicalToLogical: Int32Array,
    replicaOfSlot: Int32Array,
    slotStart: number,
    replicas: Int32Array,
    expertStart: number,
  ): void => {
    placeGroups();
    for (let node = 0; node < nodes; node++) {
      const placeStart = node * nodeExperts;
      for (let i = 0; i < nodeExperts; i++) replicate.weight[i] = weight[expertAt[placeStart + i]!]!;
      replicate.run();
      packSlots.pack(replicate.share);
      for (let replica = 0; replica < nodeSlots; replica++) {
        const slot = slotStart + node * nodeSlots + packSlots.packOf[replica]! * gpuSlots + packSlots.rank[replica]!;
        physicalToLogical[slot] = expertAt[placeStart + replicate.expert[replica]!]!;
        replicaOfSlot[slot] = replicate.rank[replica]!;
      }
      for (let i = 0; i < nodeExperts; i++) replicas[expertStart + expertAt[placeStart + i]!] = replicate.count[i]!;
    }
  };
  return { weight, plan };
}

/**
 * The reference's `replicate_experts`: every expert once, then each further slot to the expert with the largest share, the lowest index first.
 * The largest is at the root of a heap, where the reference looks at all.
 */
function createReplication(experts: number, slots: number) {
  const weight = new Float32Array(experts);
  const count = new Int32Array(experts);
  const expert = new Int32Array(slots);
  const rank = new Int32Array(slots);
  const share = new Float32Array(slots);
  /** Minus an expert's share: the largest share is the least key. */
  const key = new Float32Array(experts);
  const heap = new Int32Array(experts);

  const run = (): void => {
    for (let i = 0; i < experts; i++) {
      expert[i] = i;
      rank[i] = 0;
      count[i] = 1;
      heap[i] = i;
      key[i] = -weight[i]!;
    }
    if (slots > experts) for (let i = (experts - 2) >> 1; i >= 0; i--) sink(heap, key, i, experts);
    for (let slot = experts; slot < slots; slot++) {
      const hottest = heap[0]!;
      expert[slot] = hottest;
      rank[slot] = count[hottest]!;
      count[hottest]! += 1;
      key[hottest] = -weight[hottest]! / count[hottest]!;
      sink(heap, key, 0, experts);
    }
    for (let slot = 0; slot < slots; slot++) share[slot] = -key[expert[slot]!]!;
  };
  return { weight, count, expert, rank, share, run };
}

/** The reference's `balanced_packing`: the heaviest item first, each to the lightest pack with room, the lowest index first. */
function createPacking(items: number, packs: number) {
  const room = items / packs;
  const order = new Int32Array(items);
  const sorted = new Float32Array(items);
  const packOf = new Int32Array(items);
  const rank = new Int32Array(items);
  const load = new Float32Array(packs);
  const filled = new Int32Array(packs);
  const heap = new Int32Array(packs);

  const pack = (weight: Float32Array): void => {
    for (let item = 0; item < items; item++) order[item] = item;
    if (room === 1) {
      packOf.set(order);
      return;
    }
    sorted.set(weight);
    sortDescending(order, sorted, items);
    for (let i = 0; i < packs; i++) {
      load[i] = 0;
      filled[i] = 0;
      heap[i] = i;
    }
    let open = packs;
    for (let i = 0; i < items; i++) {
      const item = order[i]!;
      const lightest = heap[0]!;
      packOf[item] = lightest;
      rank[item] = filled[lightest]!;
      filled[lightest]! += 1;
      load[lightest]! += sorted[i]!;
      if (filled[lightest] === room) heap[0] = heap[--open]!;
      sink(heap, load, 0, open);
    }
  };
  return { pack, packOf, rank };
}

/** Lets the item at `start` of a heap sink to its place: the least key at the root, of equal keys the lowest item. */
function sink(heap: Int32Array, keys: Float32Array, start: number, size: number): void {
  const item = heap[start]!;
  const key = keys[item]!;
  let hole = start;
  for (let child = 2 * hole + 1; child < size; child = 2 * hole + 1) {
    const left = heap[child]!;
    const right = child + 1 < size ? heap[child + 1]! : left;
    const isRight = keys[right]! < keys[left]! || (keys[right] === keys[left] && right < left);
    const least = isRight ? right : left;
    const leastKey = keys[least]!;
    if (key < leastKey || (key === leastKey && item < least)) break;
    heap[hole] = least;
    hole = isRight ? child + 1 : child;
  }
  heap[hole] = item;
}

/** Lists each expert's slots by replica, padded with -1 to the largest number of replicas. */
function invert(
  physicalToLogical: Int32Array,
  replicaOfSlot: Int32Array,
  replicas: Int32Array,
  { layers, experts, slots }: RebalanceShape,
): Pick<Rebalanced, 'logicalToPhysical' | 'maxReplicas'> {
  let maxReplicas = 0;
  for (const count of replicas) if (count > maxReplicas) maxReplicas = count;
  const logicalToPhysical = new Int32Array(layers * experts * maxReplicas).fill(-1);
  for (let layer = 0; layer < layers; layer++) {
    for (let slot = 0; slot < slots; slot++) {
      const position = layer * slots + slot;
      const row = layer * experts + physicalToLogical[position]!;
      logicalToPhysical[row * maxReplicas + replicaOfSlot[position]!] = slot;
    }
  }
  return { logicalToPhysical, maxReplicas };
}
