import { type FlatSchedule, kindCodes } from '../schedule/index.js';
import type { ActionCost } from './segment-costs.js';
import type { ChunkTable, StageCosts } from './stage-costs.js';

/** How long each action takes, and what that is for its rank. */
export interface Durations {
  /** `[actions]` */
  readonly durations: Float64Array;
  /** `[ranks]`: time in which the rank computes. */
  readonly busy: Float64Array;
  /** `[ranks]`: time within actions in which it does not, because communication has to end first. */
  readonly exposed: Float64Array;
}

/** The one cost function. */
export function findDurations(flat: FlatSchedule, { chunks, pair }: StageCosts): Durations {
  const { kind, forward, backward, weight, rank, microbatches } = flat;
  const durations = new Float64Array(kind.length);
  const busy = new Float64Array(flat.ranks);
  const exposed = new Float64Array(flat.ranks);
  const pairs = rememberPairs(flat.stages, pair);
  const charge = (action: number, { time, exposed: waits }: ChunkTable, stage: number): void => {
    const owner = rank[action] as number;
    const duration = time[stage] as number;
    const wait = waits[stage] as number;
    durations[action] = duration;
    busy[owner] = (busy[owner] as number) + (duration - wait);
    exposed[owner] = (exposed[owner] as number) + wait;
  };
  const { forward: forwardCode, backward: backwardCode, backwardInput: inputCode, overlap: overlapCode } = kindCodes;
  for (let action = 0; action < durations.length; action++) {
    const code = kind[action];
    if (code === overlapCode) {
      const stage = ((forward[action] as number) / microbatches) | 0;
      charge(action, pairs(stage, ((backward[action] as number) / microbatches) | 0), stage);
    } else if (code === forwardCode) {
      charge(action, chunks.forward, ((forward[action] as number) / microbatches) | 0);
    } else if (code === backwardCode || code === inputCode) {
      const table = code === backwardCode ? chunks.backward : chunks.backwardInput;
      charge(action, table, ((backward[action] as number) / microbatches) | 0);
    } else {
      charge(action, chunks.backwardWeight, ((weight[action] as number) / microbatches) | 0);
    }
  }
  return { durations, busy, exposed };
}

/** A table by the stage of the forward whose entry is right for the stage of the backward: a rank with two stages pairs each forward's with one other. */
function rememberPairs(
  stages: number,
  pair: (forwardStage: number, backwardStage: number) => ActionCost,
): (forwardStage: number, backwardStage: number) => ChunkTable {
  const partner = new Int32Array(stages).fill(-1);
  const table = { time: new Float64Array(stages), exposed: new Float64Array(stages) };
  return (forwardStage, backwardStage) => {
    if (partner[forwardStage] !== backwardStage) {
      const { time, exposed } = pair(forwardStage, backwardStage);
      partner[forwardStage] = backwardStage;
      table.time[forwardStage] = time;
      table.exposed[forwardStage] = exposed;
    }
    return table;
  };
}
