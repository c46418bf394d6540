import type { Action } from '../action.js';
import { range, type Schedule } from '../schedule.js';

/** GPipe: all forwards, then all backwards, one stage a rank (Huang et al. 2019). */
export function generateGPipe(ranks: number, microbatches: number): Schedule {
  const rankActions = (stage: number): Action[] => [
    ...range(microbatches).map((microbatch) => ({ kind: 'forward', stage, microbatch }) as const),
    ...range(microbatches).map((microbatch) => ({ kind: 'backward', stage, microbatch }) as const),
  ];
  const stages = range(ranks);
  return {
    name: 'gpipe',
    ranks,
    microbatches,
    pipelines: [stages],
    stageToRank: stages,
    actions: stages.map(rankActions),
  };
}
