import { createReplicaChooser, type ReplicaShape, type ReplicaShares } from './replicas.js';

/** What the router of a layer chose for the tokens of one microbatch, as the index tensors that dispatch and combine use. */
export interface Routing {
  /** int32 `[tokens, choices]`: token * experts + expert, experts ascending within a token; the position of the choice's score. */
  readonly choiceToScore: Int32Array;
  /** int32 `[rows]`: token * choices + choice of each row; rows are sorted by slot, then by token. rows = tokens x choices. */
  readonly rowToChoice: Int32Array;
  /** int32 `[rows]`. */
  readonly rowToToken: Int32Array;
  /** int32 `[tokens, choices]`: the inverse of `rowToChoice`. */
  readonly choiceToRow: Int32Array;
  /** int32 `[slots + 1]`: slot s, of those of all ranks, has the rows from offsets[s] to offsets[s + 1]. */
  readonly slotOffsets: Int32Array;
  /** float32 `[sequences, experts]`: experts / (choices x tokens) x the tokens of the sequence that chose the expert; 1 is balanced. */
  readonly loadFractions: Float32Array;
}

export interface RoutingShape extends ReplicaShape {
  readonly sequences: number;
  readonly tokens: number;
  readonly choices: number;
  readonly groups: number;
  readonly chosenGroups: number;
}

/**
 * Chooses `choices` experts for every token by score plus selection bias, out of the `chosenGroups` groups of experts whose two best
 * sum highest, then a slot that holds the expert (`createReplicaChooser`), and fills `routing`. Ties go to the lower index. Source: DeepSeek-V3 report (arXiv 2412.19437) section 2.1.2, and
 * DeepseekV3TopkRouter of Hugging Face transformers.
 *
 * @param scores float32 `[tokens, experts]`
 * @param bias float32 `[experts]`
 * @param slotToExpert int32 `[slots]`
 * @param shares how the tokens of an expert are shared out; otherwise they go to the nearest replicas
 */
export function createRouter(
  shape: RoutingShape,
): (
  scores: Float32Array,
  bias: Float32Array,
  slotToExpert: Int32Array,
  routing: Routing,
  shares?: ReplicaShares,
) => void {
  const { tokens, experts, choices } = shape;
  const biased = new Float64Array(experts);
  const chosen = new Int32Array(choices);
  const choiceToExpert = new Int32Array(tokens * choices);
  const choiceToSlot = new Int32Array(tokens * choices);
  const allowed = createGroupFilter(shape);
  const chooseReplicas = createReplicaChooser(shape);
  return (scores, bias, slotToExpert, routing, shares) => {
    const { choiceToScore } = routing;
    for (let token = 0; token < tokens; token++) {
      const base = token * experts;
      for (let expert = 0; expert < experts; expert++)
        biased[expert] = Math.fround(scores[base + expert] + bias[expert]);
      allowed(biased);
      takeLargest(biased, chosen);
      chosen.sort();
      choiceToExpert.set(chosen, token * choices);
      for (let choice = 0; choice < choices; choice++) choiceToScore[token * choices + choice] = base + chosen[choice];
    }
    chooseReplicas(choiceToExpert, slotToExpert, choiceToSlot, shares);
    sortRows(shape, choiceToSlot, routing);
    measureLoad(shape, choiceToExpert, routing);
  };
}

/** Puts minus infinity on the experts outside the best groups; a group's score is the sum of its two best experts. */
function createGroupFilter({ experts, groups, chosenGroups }: RoutingShape): (biased: Float64Array) => void {
  if (chosenGroups >= groups) return () => undefined;
  const size = experts / groups;
  const groupScores = new Float64Array(groups);
  const best = new Int32Array(chosenGroups);
  return (biased) => {
    for (let group = 0; group < groups; group++) {
      let first = -Infinity;
      let second = -Infinity;
      for (let expert = group * size; expert < (group + 1) * size; expert++) {
        const score = biased[expert];
        if (score > first) {
          second = first;
          first = score;
        } else if (score > second) second = score;
      }
      groupScores[group] = size === 1 ? first : first + second;
    }
    takeLargest(groupScores, best);
    for (let group = 0; group < groups; group++) {
      if (!best.includes(group)) biased.fill(-Infinity, group * size, (group + 1) * size);
    }
  };
}

/** Writes the indices of the largest values into `chosen`, largest first; uses `values` up. NaN is never taken before a number. */
function takeLargest(values: Float64Array, chosen: Int32Array): void {
  for (let position = 0; position < chosen.length; position++) {
    let best = -1;
    let bestValue = -Infinity;
    for (let index = 0; index < values.length; index++) {
      if (values[index] > bestValue) {
        best = index;
        bestValue = values[index];
      }
    }
    // All that is left is NaN or excluded: take the lowest index not taken yet, so that the rows stay well formed until the loss reports the NaN.
    if (best === -1) best = lowestFree(values.length, chosen.subarray(0, position));
    chosen[position] = best;
    values[best] = -Infinity;
  }
}

function lowestFree(length: number, taken: Int32Array): number {
  for (let index = 0; index < length; index++) if (!taken.includes(index)) return index;
  return 0;
}

function sortRows({ slots, choices }: RoutingShape, choiceToSlot: Int32Array, routing: Routing): void {
  const { rowToChoice, rowToToken, choiceToRow, slotOffsets } = routing;
  slotOffsets.fill(0);
  for (let choice = 0; choice < choiceToSlot.length; choice++) slotOffsets[choiceToSlot[choice] + 1]++;
  for (let slot = 0; slot < slots; slot++) slotOffsets[slot + 1] += slotOffsets[slot];
  // Place each row at its slot's cursor; afterwards the cursors stand at the next slot's start, so shift them back.
  for (let choice = 0; choice < choiceToSlot.length; choice++) {
    const row = slotOffsets[choiceToSlot[choice]]++;
    rowToChoice[row] = choice;
    rowToToken[row] = (choice / choices) | 0;
    choiceToRow[choice] = row;
  }
  slotOffsets.copyWithin(1, 0, slots);
  slotOffsets[0] = 0;
}

function measureLoad(
  { sequences, tokens, experts, choices }: RoutingShape,
  choiceToExpert: Int32Array,
  { loadFractions }: Routing,
): void {
  const perSequence = (tokens / sequences) * choices;
  const unit = experts / perSequence;
  loadFractions.fill(0);
  for (let choice = 0; choice < choiceToExpert.length; choice++) {
    const sequence = (choice / perSequence) | 0;
    loadFractions[sequence * experts + choiceToExpert[choice]] += unit;
  }
}
