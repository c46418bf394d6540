import type { LayerProblem } from './layer-state.js';

/**
 * How many replicas each expert gets, so that the largest share of a replica is as small as it can be: every expert one, then each further slot to
 * the expert with the largest share that may have another (`createReplicaRule`). This greedy rule is optimal for the largest share (it is D'Hondt's apportionment:
 * the shares that are handed out are the largest of all quotients load / 1, 2, 3, ...), under the rule too, as the numbers that it allows are a polymatroid.
 *
 * Writes `count` and `share` (load / count), both `[experts]`.
 */
export function replicateExperts(problem: LayerProblem, count: Int32Array, share: Float64Array): void {
  const { experts, slots, load } = problem;
  const isAllowed = createReplicaRule(problem);
  count.fill(1);
  share.set(load);
  // An expert that may have no more now may have no more later.
  const isFull = new Uint8Array(experts);
  for (let left = slots - experts; left > 0; ) {
    let hottest = -1;
    for (let expert = 0; expert < experts; expert++) {
      if (isFull[expert] === 0 && (hottest < 0 || share[expert]! > share[hottest]!)) hottest = expert;
    }
    count[hottest]! += 1;
    if (isAllowed(count, hottest)) {
      share[hottest] = load[hottest]! / count[hottest]!;
      left -= 1;
    } else {
      count[hottest]! -= 1;
      isFull[hottest] = 1;
    }
  }
}

/** Whether numbers of replicas (`[experts]`) that were allowed still are, now that `expert` has one more. */
export type ReplicaRule = (count: Int32Array, expert: number) => boolean;

/**
 * The numbers of replicas with which as few slots as can be hold an expert that another slot of their GPU holds: none, unless a GPU has more slots than there are
 * experts. Any k experts then have no more replicas than all GPUs can take of k experts, and those slots (Gale and Ryser's theorem on 0-1 matrices with given sums).
 */
export function createReplicaRule({ experts, gpus, slots, slotStarts }: LayerProblem): ReplicaRule {
  const slotsOf = Int32Array.from({ length: gpus }, (_, gpu) => slotStarts[gpu + 1]! - slotStarts[gpu]!);
  /** How many slots the GPUs can fill with `kinds` experts, each at most once on a GPU. */
  const roomFor = (kinds: number): number => slotsOf.reduce((sum, room) => sum + Math.min(room, kinds), 0);
  const excess = slots - roomFor(experts);
  const isEven = excess === 0 && slotsOf.every((room) => room === slotsOf[0]);
  if (isEven) return (count, expert) => count[expert]! <= gpus;
  return (count) => {
    let replicas = 0;
    return count
      .toSorted()
      .reverse()
      .every((more, i) => {
        replicas += more;
        return replicas <= roomFor(i + 1) + excess;
      });
  };
}
