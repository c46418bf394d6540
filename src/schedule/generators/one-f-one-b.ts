import type { Action } from '../action.js';
import { range, type Schedule } from '../schedule.js';

/**
 * 1F1B, one stage a rank: rank r runs as many forwards as there are ranks after it, then one forward and one backward in turn, then the
 * backwards that are left (Narayanan et al., PipeDream-Flush, 2021).
 */
export function generateOneFOneB(ranks: number, microbatches: number): Schedule {
  const stages = range(ranks);
  return {
    name: '1f1b',
    ranks,
    microbatches,
    pipelines: [stages],
    stageToRank: stages,
    actions: stages.map((stage) => orderStage(stage, Math.min(ranks - 1 - stage, microbatches), microbatches)),
  };
}

function orderStage(stage: number, warmup: number, microbatches: number): Action[] {
  const actions: Action[] = [];
  for (let microbatch = 0; microbatch < warmup; microbatch++) actions.push({ kind: 'forward', stage, microbatch });
  for (let microbatch = warmup; microbatch < microbatches; microbatch++) {
    actions.push({ kind: 'forward', stage, microbatch });
    actions.push({ kind: 'backward', stage, microbatch: microbatch - warmup });
  }
  for (let microbatch = microbatches - warmup; microbatch < microbatches; microbatch++) {
    actions.push({ kind: 'backward', stage, microbatch });
  }
  return actions;
}
