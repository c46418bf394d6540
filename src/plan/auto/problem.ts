import type { Schedule } from '../../schedule/index.js';
import { type Costs, costsByStage, type StageCosts, type StageTime } from '../../simulate/index.js';
import type { Placement } from './placement.js';

/** The most that a rank may hold: live chunks, each counting `chunk`, or an amount in the unit of the costs' memory, where a rank with two copies of the model holds both. */
export type Cap = { readonly chunks: number; readonly chunk: number } | { readonly amount: number };

/**
 * A scheduling problem as tables. A rank's order is a list of tokens: `stage` is a forward, `stages + stage` a full backward, `2 * stages + stage` an input gradient, `3 * stages + stage` a
 * weight gradient, what follows are overlapped pairs. A token names no microbatch: at each stage they come in their order, which costs nothing, since all of a stage are alike.
 */
export interface Problem {
  readonly placement: Placement;
  readonly costs: Costs;
  readonly stages: number;
  /** Of each pipeline. */
  readonly microbatches: number;
  /** `[ranks]`: the stages of each. */
  readonly stagesOf: readonly (readonly number[])[];
  readonly stageToRank: Int32Array;
  /** `[stages]`: number of the pipeline, and of the stage in it. */
  readonly pipelineOf: Int32Array;
  readonly positionOf: Int32Array;
  /** `[stages]`: neighbours in the chain; -1: none. */
  readonly previous: Int32Array;
  readonly next: Int32Array;
  readonly p2p: number;
  /** `[tokens]`: time, and the stage whose forward, input gradient or separate weight gradient it runs; -1: none. */
  readonly duration: Float64Array;
  readonly forwardOf: Int32Array;
  readonly backwardOf: Int32Array;
  readonly weightOf: Int32Array;
  /** `[stages]`: for the forward of a stage, the first token of its pairs: one for each stage of the same rank, in the order of `stagesOf`. */
  readonly firstPair: Int32Array;
  /** `[stages]`: memory of a chunk from its forward to its input gradient, and on top of that to its weight gradient. */
  readonly untilInput: Float64Array;
  readonly untilWeight: Float64Array;
  /** `[ranks]`: memory that its chunks may take; Infinity without a cap. */
  readonly budget: Float64Array;
}

/** Each rank's tokens, in order. */
export type Order = readonly Int32Array[];

/** A problem whose costs are by the placement's stage numbers. Throws `InputError` for costs that are none. */
export function createProblem(placement: Placement, microbatches: number, costs: Costs, cap: Cap | undefined): Problem {
  const { pipelines, stageToRank, ranks } = placement;
  const stages = stageToRank.length;
  const stagesOf = Array.from({ length: ranks }, (): number[] => []);
  for (const [stage, rank] of stageToRank.entries()) stagesOf[rank]!.push(stage);
  const stageCosts = costsByStage(costs, stages);
  return {
    placement,
    costs,
    stages,
    microbatches: microbatches / pipelines.length,
    stagesOf,
    stageToRank: Int32Array.from(stageToRank),
    ...linkChains(pipelines, stages),
    p2p: stageCosts.p2p,
    ...listTokens(stageCosts, stagesOf, placement),
    ...limitMemory(costs, stagesOf, cap, stages),
  };
}

function limitMemory({ memory = {} }: Costs, stagesOf: Problem['stagesOf'], cap: Cap | undefined, stages: number) {
  const table = (amount: StageTime = 0) =>
    Float64Array.from({ length: stages }, (_, stage) =>
      typeof amount === 'number' ? amount : (amount[stage] as number),
    );
  if (cap === undefined || 'chunks' in cap) {
    return {
      untilInput: table(0),
      untilWeight: table(cap?.chunk ?? 1),
      budget: new Float64Array(stagesOf.length).fill(cap?.chunks ?? Number.POSITIVE_INFINITY),
    };
  }
  const held = [memory.parameters, memory.gradients, memory.optimizer].map((amount) => table(amount));
  return {
    untilInput: table(memory.activationsUntilInput),
    untilWeight: table(memory.activationsUntilWeight),
    budget: Float64Array.from(stagesOf, (own) =>
      own.reduce((left, stage) => held.reduce((rest, part) => rest - part[stage]!, left), cap.amount),
    ),
  };
}

/** What a chunk of the stage holds while it is alive. */
export function chunkMemory({ untilInput, untilWeight }: Problem, stage: number): number {
  return untilInput[stage]! + untilWeight[stage]!;
}

function linkChains(pipelines: Schedule['pipelines'], stages: number) {
  const previous = new Int32Array(stages).fill(-1);
  const next = new Int32Array(stages).fill(-1);
  const pipelineOf = new Int32Array(stages);
  const positionOf = new Int32Array(stages);
  for (const [index, pipeline] of pipelines.entries()) {
    for (const [position, stage] of pipeline.entries()) {
      pipelineOf[stage] = index;
      positionOf[stage] = position;
      previous[stage] = pipeline[position - 1] ?? -1;
      next[stage] = pipeline[position + 1] ?? -1;
    }
  }
  return { previous, next, pipelineOf, positionOf };
}

function listTokens({ chunks, pair }: StageCosts, stagesOf: Problem['stagesOf'], { stageToRank }: Placement) {
  const stages = stageToRank.length;
  const tokens = 4 * stages + stagesOf.reduce((sum, own) => sum + own.length ** 2, 0);
  const duration = new Float64Array(tokens);
  const forwardOf = new Int32Array(tokens).fill(-1);
  const backwardOf = new Int32Array(tokens).fill(-1);
  const weightOf = new Int32Array(tokens).fill(-1);
  const firstPair = new Int32Array(stages);
  const kinds = [
    [chunks.forward, forwardOf],
    [chunks.backward, backwardOf],
    [chunks.backwardInput, backwardOf],
    [chunks.backwardWeight, weightOf],
  ] as const;
  for (const [kind, [{ time }, stageOf]] of kinds.entries()) {
    duration.set(time, kind * stages);
    for (let stage = 0; stage < stages; stage++) stageOf[kind * stages + stage] = stage;
  }
  let token = 4 * stages;
  for (let stage = 0; stage < stages; stage++) {
    firstPair[stage] = token;
    for (const other of stagesOf[stageToRank[stage] as number] as readonly number[]) {
      duration[token] = pair(stage, other).time;
      forwardOf[token] = stage;
      backwardOf[token++] = other;
    }
  }
  return { duration, forwardOf, backwardOf, weightOf, firstPair };
}

/** What a token is. */
export const isInputOnly = ({ stages }: Problem, token: number): boolean => token >= 2 * stages && token < 3 * stages;
export const isPair = ({ stages }: Problem, token: number): boolean => token >= 4 * stages;

/** The pair of a forward of one stage and a backward of another on the same rank. */
export function pairToken(problem: Problem, forward: number, backward: number): number {
  const own = problem.stagesOf[problem.stageToRank[forward] as number] as readonly number[];
  return (problem.firstPair[forward] as number) + own.indexOf(backward);
}

/** What overlapping these two saves. */
export function pairSaving(problem: Problem, forward: number, backward: number): number {
  const { duration, stages } = problem;
  const apart = (duration[forward] as number) + (duration[stages + backward] as number);
  return apart - (duration[pairToken(problem, forward, backward)] as number);
}

/** No order of the problem takes less: each rank's work after the first microbatch can reach it, and one microbatch's way there and back. */
export function lowerBound(problem: Problem): number {
  const { placement, stages, microbatches, stagesOf, duration, previous, stageToRank, p2p } = problem;
  const head = new Float64Array(stages);
  let bound = 0;
  for (const pipeline of placement.pipelines) {
    let passage = 0;
    for (const stage of pipeline) {
      const before = previous[stage] as number;
      if (before >= 0) {
        const hop = stageToRank[before] === stageToRank[stage] ? 0 : p2p;
        head[stage] = (head[before] as number) + (duration[before] as number) + hop;
        passage += 2 * hop;
      }
      passage += (duration[stage] as number) + (duration[2 * stages + stage] as number);
    }
    bound = Math.max(bound, passage);
  }
  for (const own of stagesOf) {
    const work = own.reduce((sum, stage) => {
      const saving = Math.max(0, ...own.map((other) => pairSaving(problem, stage, other)));
      return sum + (duration[stage] as number) + (duration[stages + stage] as number) - saving;
    }, 0);
    bound = Math.max(bound, work * microbatches + Math.min(...own.map((stage) => head[stage] as number)));
  }
  return bound;
}
