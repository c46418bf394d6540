import type { Random } from '../../base/index.js';
import { createRun, runOrder, visitCritical } from './evaluate.js';
import { changeList } from './moves.js';
import type { Order, Problem } from './problem.js';

/** An order and what it takes. */
export interface Timed {
  readonly order: Order;
  readonly makespan: number;
}

/** How many of the last scores a change is held against: enough to leave small traps, few enough to come down. */
const memoryLength = 60;

/** How much the mean of the ranks' ends counts beside the latest: it tells apart orders with the same makespan. */
const meanWeight = 0.02;

export interface ImproveRequest {
  readonly problem: Problem;
  readonly start: Timed;
  /** How many changed orders are run. */
  readonly iterations: number;
  readonly random: Random;
  /** Ends early at this makespan: no order takes less. */
  readonly bound: number;
}

/**
 * Local improvement by late acceptance (Burke and Bykov, 2017): a change is kept if the order is no worse than the one now or the one `memoryLength` iterations ago. Half of the changes are to
 * tokens of the longest chain, which alone can shorten it. The result is the best that came up, and at least as good as the start.
 */
export function improve({ problem, start, iterations, random, bound }: ImproveRequest): Timed {
  const run = createRun(problem);
  const lists = [...start.order];
  const critical = { ranks: [] as number[], positions: [] as number[] };
  const score = (makespan: number): number => makespan + (meanWeight * sum(run.finish)) / lists.length;
  const noteCritical = (): void => {
    critical.ranks.length = 0;
    critical.positions.length = 0;
    visitCritical(run, lists, (rank, position) => {
      critical.ranks.push(rank);
      critical.positions.push(position);
    });
  };
  let best: Timed = start;
  let current = score(runOrder(run, lists));
  noteCritical();
  const history = new Float64Array(memoryLength).fill(current);
  for (let iteration = 0; iteration < iterations && !isAtBound(best.makespan, bound); iteration++) {
    const [rank, position] = pickToken(critical, lists, random);
    const before = lists[rank]!;
    const changed = changeList(problem, before, position, random);
    if (changed === undefined) continue;
    lists[rank] = changed;
    const makespan = runOrder(run, lists);
    const next = makespan === Number.POSITIVE_INFINITY ? makespan : score(makespan);
    const slot = iteration % memoryLength;
    if (next <= current || next <= history[slot]!) {
      current = next;
      noteCritical();
      if (makespan < best.makespan) best = { order: [...lists], makespan };
    } else {
      lists[rank] = before;
    }
    history[slot] = Math.min(history[slot]!, current);
  }
  return best;
}

/** Whether a makespan is the bound, up to rounding. */
export function isAtBound(makespan: number, bound: number): boolean {
  return makespan <= bound * (1 + 1e-9);
}

function pickToken(
  critical: { readonly ranks: readonly number[]; readonly positions: readonly number[] },
  lists: Order,
  random: Random,
): [rank: number, position: number] {
  if (random.uniform() < 0.5) {
    const index = random.integer(critical.ranks.length);
    return [critical.ranks[index]!, critical.positions[index]!];
  }
  const rank = random.integer(lists.length);
  return [rank, random.integer(lists[rank]!.length)];
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
