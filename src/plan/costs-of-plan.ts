import { type Costs, messageTime } from '../simulate/index.js';
import type { Plan } from './layout.js';
import type { CostBasis } from './part-segments.js';
import type { PlanRequest } from './search-layouts.js';
import { createShape } from './shape.js';
import { createStageTimer } from './stage-times.js';
import { cutIntoStages, stageCosts } from './staged-layout.js';

/** Costs with a list entry for each stage of the schedule, in seconds and bytes; a message takes `p2p`. */
export interface PlanCosts extends Costs {
  readonly forward: readonly number[];
  readonly backwardInput: readonly number[];
  readonly backwardWeight: readonly number[];
  /** By the stage of the forward; of a stage without pairs the sum of its parts. Left out where the schedule has no pairs. */
  readonly overlapped?: readonly number[];
}

/**
 * What a plan's schedule was simulated with: the same costs give the plan's step, but for the reduction and the optimizer that follow the schedule. The
 * plan must come from `searchLayouts` with this basis and sequence length.
 */
export function costsOfPlan(
  basis: CostBasis,
  plan: Plan,
  { sequenceLength }: Pick<PlanRequest, 'sequenceLength'>,
): PlanCosts {
  const { schedule: name, pipeline: ranks, microbatches, stagesPerRank, microbatchSize } = plan;
  const shape = createShape({ name, ranks, microbatches, stagesPerRank });
  const size = { tokens: microbatchSize * sequenceLength, sequenceLength };
  const { expert, recomputation, communicationSms } = plan;
  const timer = createStageTimer(basis, { ...size, expert, recomputation, communicationSms });
  const staged = cutIntoStages(basis, plan, shape, { ends: endsOf(plan), size });
  const costs = stageCosts(basis, staged, timer);
  const { message: _, overlapped, ...lists } = { ...costs, p2p: messageTime(costs) };
  return overlapped === undefined ? lists : { ...lists, overlapped: byForwardStage(overlapped, lists) };
}

/** The cut of the model: the embedding belongs to the first stage and the head to the last, and neither counts as a layer. */
function endsOf({ layersByStage }: Plan): number[] {
  let end = 1;
  return layersByStage.map((layers, stage) => {
    end += layers + Number(stage === layersByStage.length - 1);
    return end;
  });
}

/** In a schedule with a name the forwards of a stage have one partner: a time a stage says as much as the table, in less room. */
function byForwardStage(
  table: readonly (readonly (number | null)[])[],
  { forward, backwardInput, backwardWeight }: PlanCosts,
): readonly number[] {
  return table.map((row, stage) => {
    const times = row.filter((time) => time !== null);
    if (times.length > 1) throw new Error(`stage ${stage} has pairs with ${times.length} others`);
    const sum = [forward, backwardInput, backwardWeight].reduce((total, list) => total + (list[stage] as number), 0);
    return times[0] ?? sum;
  });
}
