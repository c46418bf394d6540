/** The tokens of a layer's experts, and where the replicas of the experts are. */
export interface ShareProblem {
  /** `[experts]`: tokens of each expert, whole numbers; their sum times the GPUs is at most 2 ** 53. */
  readonly loads: ArrayLike<number>;
  /** `[slots]`: the expert in each slot; -1 is an empty one. */
  readonly slotToExpert: ArrayLike<number>;
  /** `[slots]`: the GPU of each slot. */
  readonly gpuOfSlot: ArrayLike<number>;
  readonly gpus: number;
}

/**
 * Splits the tokens of every expert over its replicas so that the most loaded GPU has the least load that any split gives, then the second most loaded, and
 * so on: the most balanced of the optima of the linear program "min M, where no GPU has more than M". Gives float64 `[slots]`: the part of its expert's
 * tokens that each slot takes; the parts of an expert sum to 1. Slots of an expert on one GPU take the same part, and so do all slots of an expert without
 * tokens.
 *
 * It is exact, all being whole numbers of a part of a token, and ends: each part of the problem is balanced by shortest augmenting paths (Edmonds and Karp
 * 1972) and then is done, or falls apart in two smaller ones. Source of the decomposition: Fujishige, "Lexicographically optimal base of a polymatroid"
 * (Mathematics of Operations Research 5, 1980); of the linear program: DeepSeek's LPLB, and SGLang pull request 24515.
 */
export function shareLoads({ loads, slotToExpert, gpuOfSlot, gpus }: ShareProblem): Float64Array {
  const { replicaOfSlot, slotsOf, ...replicas } = listReplicas({ loads, slotToExpert, gpuOfSlot, gpus });
  const parts = balanceAll(createState(replicas, loads, gpus), loads);
  const slotsOfExpert = new Int32Array(loads.length);
  for (let slot = 0; slot < slotToExpert.length; slot++)
    if (slotToExpert[slot] >= 0) slotsOfExpert[slotToExpert[slot]]++;
  return Float64Array.from(slotToExpert, (expert, slot) => {
    if (expert < 0) return 0;
    const replica = replicaOfSlot[slot];
    return loads[expert] > 0 ? parts[replica] / slotsOf[replica] : 1 / slotsOfExpert[expert];
  });
}

/** Pairs of an expert and a GPU that holds it, by expert and then by GPU: here several slots of a GPU with one expert are one replica. */
interface Replicas {
  readonly expertOf: Int32Array;
  readonly gpuOf: Int32Array;
  /** `[experts + 1]`: the first replica of each expert. */
  readonly first: Int32Array;
  /** `[gpus]`: the replicas on each GPU. */
  readonly onGpu: readonly (readonly number[])[];
}

function listReplicas({ loads, slotToExpert, gpuOfSlot, gpus }: ShareProblem) {
  const keys = Float64Array.from(slotToExpert, (expert, slot) => expert * gpus + gpuOfSlot[slot]);
  const sorted = [...new Set(keys)].filter((key) => key >= 0).sort((a, b) => a - b);
  const replicaOf = new Map(sorted.map((key, replica) => [key, replica]));
  const first = new Int32Array(loads.length + 1);
  const onGpu = Array.from({ length: gpus }, (): number[] => []);
  for (const [replica, key] of sorted.entries()) {
    first[Math.floor(key / gpus) + 1] = replica + 1;
    onGpu[key % gpus].push(replica);
  }
  // An expert that is nowhere begins where the next one does.
  for (let expert = 0; expert < loads.length; expert++) first[expert + 1] = Math.max(first[expert + 1], first[expert]);
  const replicaOfSlot = Int32Array.from(keys, (key) => replicaOf.get(key) ?? -1);
  const slotsOf = new Int32Array(sorted.length);
  for (const replica of replicaOfSlot) if (replica >= 0) slotsOf[replica]++;
  return {
    expertOf: Int32Array.from(sorted, (key) => Math.floor(key / gpus)),
    gpuOf: Int32Array.from(sorted, (key) => key % gpus),
    first,
    onGpu,
    replicaOfSlot,
    slotsOf,
  };
}

/** GPUs and experts fall into parts of the problem, which nothing joins: an expert's tokens stay on GPUs of its part. */
interface State extends Replicas {
  /** `[experts]`: -1 for an expert without tokens or replicas. */
  readonly partOfExpert: Int32Array;
  readonly partOfGpu: Int32Array;
  /** `[replicas]` and `[gpus]`: load in the unit of the part, the token divided by the part's GPUs. */
  readonly flow: Float64Array;
  readonly load: Float64Array;
  readonly search: Search;
}

/** A search for paths over which load can move, by breadth first. */
interface Search {
  /** GPUs in the order in which they were reached. */
  readonly queue: Int32Array;
  /** Number of the search that reached the GPU or the expert last. */
  readonly gpuSeen: Int32Array;
  readonly expertSeen: Int32Array;
  /** By GPU: the replica that load comes from, -1 where the path begins, and the one of the same expert that it goes to. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  number: number;
}

function createState(replicas: Replicas, loads: ArrayLike<number>, gpus: number): State {
  const { first } = replicas;
  return {
    ...replicas,
    partOfExpert: Int32Array.from(loads, (load, expert) => (load > 0 && first[expert + 1] > first[expert] ? 0 : -1)),
    partOfGpu: new Int32Array(gpus),
    flow: new Float64Array(replicas.expertOf.length),
    load: new Float64Array(gpus),
    search: {
      queue: new Int32Array(gpus),
      gpuSeen: new Int32Array(gpus),
      expertSeen: new Int32Array(loads.length),
      from: new Int32Array(gpus),
      to: new Int32Array(gpus),
      number: 0,
    },
  };
}

/** Gives the part of its expert's tokens that each replica takes. */
function balanceAll(state: State, loads: ArrayLike<number>): Float64Array {
  const { expertOf, gpuOf, partOfExpert, partOfGpu, flow } = state;
  const shares = new Float64Array(expertOf.length);
  const open = [0];
  let parts = 1;
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const gpus = listOf(partOfGpu, part);
    const experts = listOf(partOfExpert, part);
    spreadEvenly(state, part, { gpus, experts, loads });
    // In the part's unit the mean load of its GPUs.
    const mean = experts.reduce((sum, expert) => sum + loads[expert], 0);
    const full = balancePart(state, part, gpus, mean);
    if (full.length === 0) {
      for (const expert of experts) {
        const whole = loads[expert] * gpus.length;
        for (let replica = state.first[expert]; replica < state.first[expert + 1]; replica++)
          if (partOfGpu[gpuOf[replica]] === part) shares[replica] = flow[replica] / whole;
      }
      continue;
    }
    // What lies on the full GPUs can go nowhere else: they are a problem of their own, and take nothing of the other experts.
    for (const gpu of full) {
      for (const replica of state.onGpu[gpu])
        if (partOfExpert[expertOf[replica]] === part && flow[replica] > 0) partOfExpert[expertOf[replica]] = parts;
    }
    for (const gpu of full) partOfGpu[gpu] = parts;
    open.push(part, parts++);
  }
  return shares;
}

function listOf(parts: Int32Array, part: number): number[] {
  const found: number[] = [];
  for (let index = 0; index < parts.length; index++) if (parts[index] === part) found.push(index);
  return found;
}

/** The split that a part begins with: what is left of a whole number goes to the first replicas. */
function spreadEvenly(
  { first, gpuOf, partOfGpu, flow, load }: State,
  part: number,
  { gpus, experts, loads }: { gpus: readonly number[]; experts: readonly number[]; loads: ArrayLike<number> },
): void {
  for (const gpu of gpus) load[gpu] = 0;
  for (const expert of experts) {
    let replicas = 0;
    for (let replica = first[expert]; replica < first[expert + 1]; replica++)
      if (partOfGpu[gpuOf[replica]] === part) replicas++;
    let left = loads[expert] * gpus.length;
    for (let replica = first[expert]; replica < first[expert + 1]; replica++) {
      flow[replica] = 0;
      if (partOfGpu[gpuOf[replica]] !== part) continue;
      flow[replica] = Math.ceil(left / replicas--);
      left -= flow[replica];
      load[gpuOf[replica]] += flow[replica];
    }
  }
}

/**
 * Moves load from GPUs above the mean to GPUs below it as long as there is a way. Gives the GPUs that stay full: those above the mean and where their load
 * could go; none if all have the mean.
 */
function balancePart(state: State, part: number, gpus: readonly number[], mean: number): Int32Array {
  const { gpuOf, flow, load, search } = state;
  for (;;) {
    const { reached, end } = findPath(state, part, gpus, mean);
    if (end === -1) return search.queue.slice(0, reached);
    let amount = mean - load[end];
    let start = end;
    for (let from = search.from[start]; from !== -1; from = search.from[start]) {
      amount = Math.min(amount, flow[from]);
      start = gpuOf[from];
    }
    amount = Math.min(amount, load[start] - mean);
    load[start] -= amount;
    load[end] += amount;
    for (let gpu = end; search.from[gpu] !== -1; gpu = gpuOf[search.from[gpu]]) {
      flow[search.from[gpu]] -= amount;
      flow[search.to[gpu]] += amount;
    }
  }
}

/** Searches a shortest way from any GPU above the mean to one below; `end` is -1 if there is none. */
function findPath(
  { expertOf, gpuOf, first, onGpu, partOfExpert, partOfGpu, flow, load, search }: State,
  part: number,
  gpus: readonly number[],
  mean: number,
): { readonly reached: number; readonly end: number } {
  const { queue, gpuSeen, expertSeen, from, to } = search;
  const number = ++search.number;
  let reached = 0;
  for (const gpu of gpus) {
    if (load[gpu] <= mean) continue;
    gpuSeen[gpu] = number;
    from[gpu] = -1;
    queue[reached++] = gpu;
  }
  for (let head = 0; head < reached; head++) {
    for (const replica of onGpu[queue[head]]) {
      const expert = expertOf[replica];
      if (partOfExpert[expert] !== part || expertSeen[expert] === number || flow[replica] === 0) continue;
      expertSeen[expert] = number;
      for (let other = first[expert]; other < first[expert + 1]; other++) {
        const gpu = gpuOf[other];
        if (partOfGpu[gpu] !== part || gpuSeen[gpu] === number) continue;
        gpuSeen[gpu] = number;
        from[gpu] = replica;
        to[gpu] = other;
        if (load[gpu] < mean) return { reached, end: gpu };
        queue[reached++] = gpu;
      }
    }
  }
  return { reached, end: -1 };
}
