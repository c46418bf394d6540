import type { LayerProblem } from './layer-state.js';

/** What an exhaustive search came to. */
export type ExactResult =
  /** `[slots]`: a placement whose largest time is at most the target. */
  | { readonly outcome: 'found'; readonly expertOf: Int32Array }
  /** No placement has one: all were looked at. */
  | { readonly outcome: 'impossible' }
  /** The search ended before all were looked at. */
  | { readonly outcome: 'unknown' };

/** Whether `searchExactly` can treat a layer: all GPUs alike. */
export function isUniform({ gpus, slotStarts, slowness }: LayerProblem): boolean {
  const slots = slotStarts[1]! - slotStarts[0]!;
  for (let gpu = 0; gpu < gpus; gpu++) {
    if (slotStarts[gpu + 1]! - slotStarts[gpu]! !== slots || slowness[gpu] !== slowness[0]) return false;
  }
  return true;
}

/**
 * Looks for a placement whose largest time is at most `target`, in all numbers of replicas and all packings: branch and bound, for GPUs that are all alike.
 * Numbers of replicas are tried expert by expert, from the least that fits `target`; a vector of them is packed bin by bin, each with the largest
 * replica left and companions that neither exceed the target nor leave more than the other bins can take (bin completion; Korf, "A New Algorithm for
 * Optimal Bin Packing", AAAI 2002). Ends as unknown after `nodes` branches. With `allowDuplicates` a GPU may hold an expert twice: what is impossible then is impossible at all.
 */
export function searchExactly(
  problem: LayerProblem,
  target: number,
  { nodes, allowDuplicates }: { readonly nodes: number; readonly allowDuplicates: boolean },
): ExactResult {
  const { experts, gpus, slots, load, slotStarts } = problem;
  const tokens = target / problem.slowness[0]!;
  const order = [...load.keys()].sort((a, b) => load[b]! - load[a]!);
  const least = order.map((expert) => Math.max(1, Math.ceil((load[expert]! / tokens) * (1 - 1e-12))));
  const count = least.slice();
  const most = allowDuplicates ? slots : gpus;
  const spare = slots - least.reduce((sum, needed) => sum + needed, 0);
  if (spare < 0 || least.some((needed) => needed > most)) return { outcome: 'impossible' };
  if (countVectors(spare, experts) > nodes) return { outcome: 'unknown' };
  const budget = { nodes };
  const packing = createBinCompletion({
    bins: gpus,
    room: slotStarts[1]! - slotStarts[0]!,
    limit: tokens,
    allowDuplicates,
    budget,
  });
  const choose = (position: number, left: number): Int32Array | undefined => {
    if (budget.nodes <= 0) return undefined;
    budget.nodes -= 1;
    if (position === experts - 1) {
      count[position] = least[position]! + left;
      if (count[position]! > most) return undefined;
      return packing.pack(order, count, load);
    }
    for (let extra = 0; extra <= left; extra++) {
      count[position] = least[position]! + extra;
      if (count[position]! > most) break;
      const found = choose(position + 1, left - extra);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const expertOf = choose(0, spare);
  if (expertOf !== undefined) return { outcome: 'found', expertOf };
  return { outcome: budget.nodes > 0 ? 'impossible' : 'unknown' };
}

/** In how many ways the spare slots can be shared among the experts: binomial(spare + experts - 1, spare). */
function countVectors(spare: number, experts: number): number {
  let vectors = 1;
  for (let i = 1; i <= spare; i++) vectors *= (experts - 1 + i) / i;
  return vectors;
}

interface BinCompletion {
  /** The expert in each slot, or undefined if nothing fits or the budget is spent. */
  pack(order: readonly number[], count: readonly number[], load: Float64Array): Int32Array | undefined;
}

function createBinCompletion(options: {
  readonly bins: number;
  readonly room: number;
  readonly limit: number;
  readonly allowDuplicates: boolean;
  readonly budget: { nodes: number };
}): BinCompletion {
  const { bins, room, limit, allowDuplicates, budget } = options;
  const slots = bins * room;
  /** Replicas by descending share; those of one expert are neighbours. */
  const expertAt = new Int32Array(slots);
  const shareAt = new Float64Array(slots);
  const isTaken = new Uint8Array(slots);
  const chosen = new Int32Array(slots);
  // Sums differ in their last bits with the order of addition.
  const most = limit * (1 + 1e-12);
  /** What the bins after `bin` can take; so much more is rounding, where nothing is left for the last one. */
  const roomAfter = (bin: number): number => most * (bins - bin - 1) + limit * bins * 1e-12;

  /** Fills the bins from `bin` on; `load` is what the replicas weigh that are left. */
  const fillBins = (bin: number, load: number): boolean => {
    if (bin === bins) return true;
    const first = isTaken.indexOf(0);
    isTaken[first] = 1;
    chosen[bin * room] = first;
    const isFilled = complete(bin, 1, first, shareAt[first]!, load);
    if (!isFilled) isTaken[first] = 0;
    return isFilled;
  };
  const complete = (bin: number, filled: number, last: number, sum: number, load: number): boolean => {
    if (budget.nodes <= 0) return false;
    budget.nodes -= 1;
    if (sum > most) return false;
    if (filled === room) return load - sum <= roomAfter(bin) && fillBins(bin + 1, load - sum);
    let skippedShare = -1;
    let skippedExpert = -1;
    for (let next = last + 1; next < slots; next++) {
      // The same failed here already; or the rest, none larger, cannot fill the bin as far as it must be.
      if (isTaken[next] !== 0 || expertAt[next] === skippedExpert || shareAt[next] === skippedShare) continue;
      if (load - (sum + (room - filled) * shareAt[next]!) > roomAfter(bin)) return false;
      if (!allowDuplicates && holds(bin, filled, expertAt[next]!)) continue;
      isTaken[next] = 1;
      chosen[bin * room + filled] = next;
      if (complete(bin, filled + 1, next, sum + shareAt[next]!, load)) return true;
      isTaken[next] = 0;
      // Equal shares of different experts differ in what they may stand beside.
      skippedExpert = expertAt[next]!;
      if (allowDuplicates) skippedShare = shareAt[next]!;
    }
    return false;
  };
  const holds = (bin: number, filled: number, expert: number): boolean => {
    for (let i = 0; i < filled; i++) if (expertAt[chosen[bin * room + i]!] === expert) return true;
    return false;
  };

  return {
    pack(order, count, load) {
      const replicas = order.flatMap((expert, position) =>
        Array.from({ length: count[position]! }, () => ({ expert, share: load[expert]! / count[position]! })),
      );
      replicas.sort((a, b) => b.share - a.share || a.expert - b.expert);
      let total = 0;
      for (const [position, { expert, share }] of replicas.entries()) {
        expertAt[position] = expert;
        shareAt[position] = share;
        total += share;
      }
      isTaken.fill(0);
      return fillBins(0, total) ? chosen.map((position) => expertAt[position]!) : undefined;
    },
  };
}
