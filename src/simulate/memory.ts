import { type FlatSchedule, flattenSchedule, kindCodes, type Schedule } from '../schedule/index.js';
import { largestAmount, type MemoryCosts, type StageTime, spreadOverStages } from './costs.js';
import type { RankSteps } from './timed.js';

const heldParts = ['parameters', 'gradients', 'optimizer'] as const;

/** `[rank]`: the most that a rank holds at a time, and what that consists of. */
export interface MemoryUse {
  readonly peak: readonly number[];
  readonly byPart: Readonly<Record<(typeof heldParts)[number] | 'activations', readonly number[]>>;
}

/** How much a rank holds: `amount[i]` from `time[i]` on. */
export interface MemoryCurve {
  readonly time: Float64Array;
  readonly amount: Float64Array;
}

/** The peaks follow from the order of a rank's actions alone. The forward of a pair is counted before its backward frees. Throws `InputError` for costs that do not fit the stages. */
export function findMemory(flat: FlatSchedule, costs: MemoryCosts): MemoryUse {
  const activations = activationTables(costs, flat.stages);
  const peaks = Array.from({ length: flat.ranks }, (_, rank) => {
    let peak = 0;
    walkActivations(flat, activations, rank, (_action, during) => {
      if (during > peak) peak = during;
    });
    return peak;
  });
  const held = heldParts.map((part) => sumByRank(flat, spreadAmount(part, costs[part], flat.stages)));
  const [parameters, gradients, optimizer] = held as [number[], number[], number[]];
  return {
    peak: peaks.map((peak, rank) => held.reduce((sum, amounts) => sum + (amounts[rank] as number), peak)),
    byPart: { parameters, gradients, optimizer, activations: peaks },
  };
}

/** What one rank holds over the time of a simulation: two entries an action, for its start and its end. */
export function memoryCurve(
  schedule: Schedule,
  { steps }: { readonly steps: readonly RankSteps[] },
  costs: MemoryCosts,
  rank: number,
): MemoryCurve {
  const flat = flattenSchedule(schedule);
  const held = heldParts.reduce(
    (sum, part) => sum + (sumByRank(flat, spreadAmount(part, costs[part], flat.stages))[rank] as number),
    0,
  );
  const { start, end } = steps[rank] as RankSteps;
  const time = new Float64Array(1 + 2 * start.length);
  const amount = new Float64Array(time.length).fill(held);
  const first = flat.rankStart[rank] as number;
  walkActivations(flat, activationTables(costs, flat.stages), rank, (action, during, after) => {
    const position = action - first;
    time[1 + 2 * position] = start[position] as number;
    amount[1 + 2 * position] = held + during;
    time[2 + 2 * position] = end[position] as number;
    amount[2 + 2 * position] = held + after;
  });
  return { time, amount };
}

interface ActivationTables {
  /** `[stages]` */
  readonly untilInput: Float64Array;
  readonly untilWeight: Float64Array;
}

/** Tells for each action of a rank how much its chunks hold while it runs and when it has run. */
function walkActivations(
  { rankStart, forward, backward, weight, kind, microbatches }: FlatSchedule,
  { untilInput, untilWeight }: ActivationTables,
  rank: number,
  visit: (action: number, during: number, after: number) => void,
): void {
  let alive = 0;
  for (let action = rankStart[rank] as number; action < (rankStart[rank + 1] as number); action++) {
    const forwardStage = ((forward[action] as number) / microbatches) | 0;
    if ((forward[action] as number) >= 0) {
      alive += (untilInput[forwardStage] as number) + (untilWeight[forwardStage] as number);
    }
    const during = alive;
    const backwardStage = ((backward[action] as number) / microbatches) | 0;
    if ((backward[action] as number) >= 0) {
      alive -= untilInput[backwardStage] as number;
      if (kind[action] !== kindCodes.backwardInput) alive -= untilWeight[backwardStage] as number;
    }
    if ((weight[action] as number) >= 0)
      alive -= untilWeight[((weight[action] as number) / microbatches) | 0] as number;
    visit(action, during, alive);
  }
}

function activationTables(costs: MemoryCosts, stages: number): ActivationTables {
  return {
    untilInput: spreadAmount('activationsUntilInput', costs.activationsUntilInput, stages),
    untilWeight: spreadAmount('activationsUntilWeight', costs.activationsUntilWeight, stages),
  };
}

function spreadAmount(name: string, amount: StageTime = 0, stages: number): Float64Array {
  return spreadOverStages(name, amount, { stages, most: largestAmount });
}

function sumByRank(flat: FlatSchedule, amounts: Float64Array): number[] {
  const sums = new Array<number>(flat.ranks).fill(0);
  for (const [stage, rank] of flat.stageToRank.entries())
    sums[rank] = (sums[rank] as number) + (amounts[stage] as number);
  return sums;
}
