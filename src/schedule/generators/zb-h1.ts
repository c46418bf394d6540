import type { Action } from '../action.js';
import { range, type Schedule } from '../schedule.js';

/**
 * ZB-H1, one stage a rank: 1F1B whose backwards are split; rank r computes each weight gradient r microbatches late, so that input gradients reach the ranks before it
 * sooner and the late ones fill its cool-down (Qi et al. 2023, "Zero Bubble Pipeline Parallelism", arXiv 2401.10241, section 2.3). The order is that of PyTorch's
 * `ScheduleInterleavedZeroBubble` with one stage a rank. With M >= P and W <= I the bubble is (P - 1)(F + I - W); a rank has at most P chunks alive, as in 1F1B.
 */
export function generateZbH1(ranks: number, microbatches: number): Schedule {
  const stages = range(ranks);
  return {
    name: 'zb-h1',
    ranks,
    microbatches,
    pipelines: [stages],
    stageToRank: stages,
    actions: stages.map((stage) => orderStage(stage, Math.min(ranks - 1 - stage, microbatches), microbatches)),
  };
}

function orderStage(stage: number, warmup: number, microbatches: number): Action[] {
  const actions: Action[] = [];
  const delay = stage;
  for (let microbatch = 0; microbatch < warmup; microbatch++) actions.push({ kind: 'forward', stage, microbatch });
  for (let microbatch = 0; microbatch < microbatches; microbatch++) {
    const ahead = microbatch + warmup;
    if (ahead < microbatches) actions.push({ kind: 'forward', stage, microbatch: ahead });
    actions.push({ kind: 'backwardInput', stage, microbatch });
    if (microbatch >= delay) actions.push({ kind: 'backwardWeight', stage, microbatch: microbatch - delay });
  }
  for (let microbatch = Math.max(0, microbatches - delay); microbatch < microbatches; microbatch++) {
    actions.push({ kind: 'backwardWeight', stage, microbatch });
  }
  return actions;
}
