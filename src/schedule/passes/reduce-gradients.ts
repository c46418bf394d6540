import { kindCodes } from '../flat.js';
import { type LoweredSchedule, loweredCodes } from '../lowered.js';
import { type RankPass, rewriteLists } from './rewrite.js';

/** Sums a stage's gradients (`reduceGrad`) after the last of its weight gradients: PyTorch's `_add_reduce_grad`. */
export function reduceGradients(lowered: LoweredSchedule): LoweredSchedule {
  const counts = new Int32Array(lowered.schedule.stageToRank.length);
  return rewriteLists(lowered, (flat, _rank, { push }): RankPass => {
    const count = (cell: number): void => {
      const stage = (cell / flat.microbatches) | 0;
      counts[stage] = (counts[stage] as number) + 1;
      if (counts[stage] === flat.microbatches) push(loweredCodes.reduceGrad, stage, -1);
    };
    return {
      after: (action) => {
        if (action < 0) return;
        const isFull = flat.kind[action] === kindCodes.backward || flat.kind[action] === kindCodes.overlap;
        if (isFull) count(flat.backward[action] as number);
        else if (flat.kind[action] === kindCodes.backwardWeight) count(flat.weight[action] as number);
      },
    };
  });
}

/**
 * Sums gradients only when a rank has computed everything, in an order that is the same for both ranks that hold mirrored stages: by the lower of the two. For two chains whose
 * ranks end their stages in orders in which one would wait for the other's sum for ever.
 */
export function reduceGradientsAtEnd(lowered: LoweredSchedule): LoweredSchedule {
  const { pipelines, stageToRank } = lowered.schedule;
  const pairOf = new Int32Array(stageToRank.length);
  for (const pipeline of pipelines) for (const [place, stage] of pipeline.entries()) pairOf[stage] = place;
  const stagesOf = lowered.lists.map((): number[] => []);
  for (const [stage, rank] of stageToRank.entries()) stagesOf[rank]!.push(stage);
  return rewriteLists(lowered, (_flat, rank, { push }) => ({
    finish: () => {
      for (const stage of stagesOf[rank]!.sort((a, b) => pairOf[a]! - pairOf[b]!)) {
        push(loweredCodes.reduceGrad, stage, -1);
      }
    },
  }));
}

/** Waits for each sum of gradients at once, as PyTorch does unless told to wait later. */
export function waitForReductions(lowered: LoweredSchedule): LoweredSchedule {
  return rewriteLists(lowered, (_flat, _rank, { push }) => ({
    after: (_action, code, stage) => {
      if (code === loweredCodes.reduceGrad) push(loweredCodes.waitReduceGrad, stage, -1);
    },
  }));
}
