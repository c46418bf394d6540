/** Who chooses replicas: one of the ranks that share the experts, each of which has as many slots. */
export interface ReplicaShape {
  readonly experts: number;
  /** Slots of all ranks together. */
  readonly slots: number;
  /** The slots of this rank. */
  readonly local: { readonly first: number; readonly end: number };
  /** `[ranks that share the experts]`: the node of each; read at every choice. */
  readonly nodeOfRank: ArrayLike<number>;
}

/** How the tokens of a layer's experts are shared out among all of their replicas. */
export interface ReplicaShares {
  /** float64 `[slots]`: the part of its expert's tokens that each slot gets; those of an expert sum to 1. */
  readonly parts: Float64Array;
  /** int32 `[slots]`: the choices that each slot was given so far; the chooser goes on from there and adds to it. */
  readonly given: Int32Array;
}

/** The replicas that tokens may go to, by expert: slots[first[e]] to slots[first[e + 1]]. */
interface Candidates {
  /** int32 `[experts + 1]`. */
  readonly first: Int32Array;
  /** int32 `[slots]`, of which the first `first[experts]` count. */
  readonly slots: Int32Array;
  /** `[experts]`: how far the nearest replica is. */
  readonly nearest: Uint8Array;
}

/**
 * Gives every choice of an expert a physical slot that holds it. Without `shares` those are the nearest replicas in turn: on this rank where there are any,
 * else on this node, else all; so no two replicas of those differ by more than one choice. The turn begins at another replica on every rank, so that the
 * ranks' remainders do not all meet in the first. With `shares` they are all replicas, each by its part (`chooseByShare`). Throws an `Error` if a chosen
 * expert is in no slot.
 *
 * The function that it makes takes `chosen` (int32 `[choices]`: expert of each choice), `slotToExpert` (int32 `[slots]`) and `choiceToSlot` (int32
 * `[choices]`), which it fills.
 */
export function createReplicaChooser(
  shape: ReplicaShape,
): (chosen: Int32Array, slotToExpert: Int32Array, choiceToSlot: Int32Array, shares?: ReplicaShares) => void {
  const { experts, slots } = shape;
  const candidates = createCandidates(experts, slots);
  const distances = new Uint8Array(slots);
  const turn = new Int32Array(experts);
  return (chosen, slotToExpert, choiceToSlot, shares) => {
    if (shares === undefined) measureDistances(shape, distances);
    else distances.fill(0);
    listCandidates(slotToExpert, distances, candidates);
    const { first } = candidates;
    turn.fill(rankOf(shape, shape.local.first));
    for (let choice = 0; choice < chosen.length; choice++) {
      const expert = chosen[choice];
      const replicas = first[expert + 1] - first[expert];
      if (replicas === 0) throw new Error(`no slot holds expert ${expert}`);
      if (shares === undefined) {
        choiceToSlot[choice] = candidates.slots[first[expert] + (turn[expert] % replicas)];
        turn[expert]++;
      } else choiceToSlot[choice] = chooseByShare(candidates, expert, shares);
    }
  };
}

/**
 * Shares for a layer from which nothing was chosen yet. So that the remainders of all ranks do not meet in the same replicas, rank r begins where r choices
 * of every expert were made before.
 *
 * @param rank of those that share the experts
 * @param slotToExpert int32 `[slots]`
 * @param parts float64 `[slots]`
 */
export function startShares(rank: number, slotToExpert: Int32Array, parts: Float64Array): ReplicaShares {
  const shares = { parts, given: new Int32Array(slotToExpert.length) };
  const experts = 1 + slotToExpert.reduce((last, expert) => Math.max(last, expert), -1);
  const candidates = createCandidates(experts, slotToExpert.length);
  listCandidates(slotToExpert, new Uint8Array(slotToExpert.length), candidates);
  for (let expert = 0; expert < experts; expert++)
    if (candidates.first[expert + 1] - candidates.first[expert] > 1)
      for (let choice = 0; choice < rank; choice++) chooseByShare(candidates, expert, shares);
  return shares;
}

/**
 * The replica for the next choice of an expert, its n-th: of those that have less than their part of n, the one whose part is the largest multiple of what it
 * would have with this choice. So after n choices each slot has its part of n, rounded up or down. Ties go to the lower slot. Source: Balinski and Young, "The quota method of apportionment"
 * (American Mathematical Monthly 82, 1975).
 */
function chooseByShare({ first, slots }: Candidates, expert: number, { parts, given }: ReplicaShares): number {
  const [start, end] = [first[expert], first[expert + 1]];
  let choices = 1;
  for (let index = start; index < end; index++) choices += given[slots[index]];
  let best = slots[start];
  let bestRatio = -1;
  for (let index = start; index < end; index++) {
    const slot = slots[index];
    const ratio = parts[slot] / (given[slot] + 1);
    if (given[slot] >= parts[slot] * choices || ratio <= bestRatio) continue;
    best = slot;
    bestRatio = ratio;
  }
  given[best]++;
  return best;
}

function rankOf({ local }: ReplicaShape, slot: number): number {
  return Math.floor(slot / Math.max(1, local.end - local.first));
}

/** Fills how far each slot is from this rank: 0 on the rank itself, 1 on its node, 2 elsewhere. */
function measureDistances(shape: ReplicaShape, distances: Uint8Array): void {
  const { local, nodeOfRank } = shape;
  const node = nodeOfRank[rankOf(shape, local.first)];
  for (let slot = 0; slot < distances.length; slot++) {
    const isLocal = slot >= local.first && slot < local.end;
    if (isLocal) distances[slot] = 0;
    else distances[slot] = nodeOfRank[rankOf(shape, slot)] === node ? 1 : 2;
  }
}

function createCandidates(experts: number, slots: number): Candidates {
  return { first: new Int32Array(experts + 1), slots: new Int32Array(slots), nearest: new Uint8Array(experts) };
}

/** Fills the replicas of each expert that no other one is nearer than, ascending. */
function listCandidates(slotToExpert: Int32Array, distances: Uint8Array, { first, slots, nearest }: Candidates): void {
  const experts = nearest.length;
  nearest.fill(255);
  for (let slot = 0; slot < slotToExpert.length; slot++)
    nearest[slotToExpert[slot]] = Math.min(nearest[slotToExpert[slot]], distances[slot]);
  const isCandidate = (slot: number) => distances[slot] === nearest[slotToExpert[slot]];
  first.fill(0);
  for (let slot = 0; slot < slotToExpert.length; slot++) if (isCandidate(slot)) first[slotToExpert[slot] + 1]++;
  for (let expert = 0; expert < experts; expert++) first[expert + 1] += first[expert];
  // Place each slot at its expert's cursor; afterwards the cursors stand at the next expert's start, so shift them back.
  for (let slot = 0; slot < slotToExpert.length; slot++)
    if (isCandidate(slot)) slots[first[slotToExpert[slot]]++] = slot;
  first.copyWithin(1, 0, experts);
  first[0] = 0;
}
