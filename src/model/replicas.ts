/** Who chooses replicas: one of the ranks that share the experts. */
export interface ReplicaShape {
  readonly experts: number;
  /** Slots of all ranks together. */
  readonly slots: number;
  /** The slots of this rank. */
  readonly local: { readonly first: number; readonly end: number };
}

/** The replicas that this rank's tokens may go to, by expert: slots[first[e]] to slots[first[e + 1]]. */
interface Candidates {
  /** int32 `[experts + 1]`. */
  readonly first: Int32Array;
  /** int32 `[slots]`, of which the first `first[experts]` count. */
  readonly slots: Int32Array;
}

/**
 * Gives every choice of an expert a physical slot that holds it: a replica on this rank where there is one, otherwise all replicas in turn. Several on this
 * rank take turns too, so that no two replicas of an expert differ by more than one choice. The turn begins at another replica on every rank, so that the
 * ranks' remainders do not all meet in the first. Throws an `Error` if a chosen expert is in no slot.
 *
 * The function that it makes takes `chosen` (int32 `[choices]`: expert of each choice), `slotToExpert` (int32 `[slots]`) and `choiceToSlot` (int32
 * `[choices]`), which it fills.
 */
export function createReplicaChooser(
  shape: ReplicaShape,
): (chosen: Int32Array, slotToExpert: Int32Array, choiceToSlot: Int32Array) => void {
  const { experts, slots, local } = shape;
  const rank = Math.floor(local.first / Math.max(1, local.end - local.first));
  const candidates: Candidates = { first: new Int32Array(experts + 1), slots: new Int32Array(slots) };
  const turn = new Int32Array(experts);
  return (chosen, slotToExpert, choiceToSlot) => {
    listCandidates(shape, slotToExpert, candidates);
    const { first } = candidates;
    turn.fill(rank);
    for (let choice = 0; choice < chosen.length; choice++) {
      const expert = chosen[choice];
      const replicas = first[expert + 1] - first[expert];
      if (replicas === 0) throw new Error(`no slot holds expert ${expert}`);
      choiceToSlot[choice] = candidates.slots[first[expert] + (turn[expert] % replicas)];
      turn[expert]++;
    }
  };
}

/** Fills the replicas of each expert, ascending: those of this rank alone where it has any. */
function listCandidates(
  { experts, local }: ReplicaShape,
  slotToExpert: Int32Array,
  { first, slots }: Candidates,
): void {
  const isLocal = (slot: number) => slot >= local.first && slot < local.end;
  const here = new Uint8Array(experts);
  for (let slot = local.first; slot < local.end; slot++) here[slotToExpert[slot]] = 1;
  const isCandidate = (slot: number) => isLocal(slot) || here[slotToExpert[slot]] === 0;
  first.fill(0);
  for (let slot = 0; slot < slotToExpert.length; slot++) if (isCandidate(slot)) first[slotToExpert[slot] + 1]++;
  for (let expert = 0; expert < experts; expert++) first[expert + 1] += first[expert];
  // Place each slot at its expert's cursor; afterwards the cursors stand at the next expert's start, so shift them back.
  for (let slot = 0; slot < slotToExpert.length; slot++)
    if (isCandidate(slot)) slots[first[slotToExpert[slot]]++] = slot;
  first.copyWithin(1, 0, experts);
  first[0] = 0;
}
