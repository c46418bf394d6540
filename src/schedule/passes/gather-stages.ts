import type { FlatSchedule } from '../flat.js';
import { type LoweredSchedule, loweredCodes } from '../lowered.js';
import { type RankPass, rewriteLists } from './rewrite.js';

/** How many stages a rank keeps gathered: those that it computes next. */
const mostGathered = 3;

/**
 * Gathers the parameters of a stage (`unshard`) before the rank needs them, and gives them back (`reshard`) when other stages come first: PyTorch's
 * `_add_unshard_reshard`. The stages that are gathered are the next `mostGathered` different ones; a pair counts as a whole, so there may be one more.
 */
export function gatherStages(lowered: LoweredSchedule): LoweredSchedule {
  return rewriteLists(lowered, (flat, rank, { push }): RankPass => {
    const window = createWindow(flat, rank);
    const gathered = new Set<number>();
    const giveBack = (stage: number): void => {
      gathered.delete(stage);
      push(loweredCodes.reshard, stage, -1);
    };
    return {
      before: (action) => {
        const added = window.moveTo(action);
        for (const stage of gathered) if (!window.holds(stage)) giveBack(stage);
        for (const stage of added) {
          if (gathered.has(stage)) continue;
          gathered.add(stage);
          push(loweredCodes.unshard, stage, -1);
        }
      },
      finish: () => {
        for (const stage of gathered) giveBack(stage);
      },
    };
  });
}

/** The stages of the next actions, as far as `mostGathered` different ones reach: both of its ends only move on, so that a rank's list is looked at twice. */
function createWindow(flat: FlatSchedule, rank: number) {
  const last = flat.rankStart[rank + 1] as number;
  let start = flat.rankStart[rank] as number;
  let end = start;
  const uses = new Map<number, number>();
  let added: number[] = [];
  const add = (stage: number): void => {
    const count = uses.get(stage) ?? 0;
    if (count === 0) added.push(stage);
    uses.set(stage, count + 1);
  };
  const remove = (stage: number): void => {
    const count = uses.get(stage) as number;
    if (count === 1) uses.delete(stage);
    else uses.set(stage, count - 1);
  };
  return {
    holds: (stage: number): boolean => uses.has(stage),
    /** Lets the window begin at an action; gives the stages that came in, in the order of their actions. */
    moveTo: (action: number): readonly number[] => {
      if (added.length > 0) added = [];
      for (; start < action; start++) visitStages(flat, start, remove);
      for (; end < last && uses.size < mostGathered; end++) visitStages(flat, end, add);
      return added;
    },
  };
}

function visitStages(
  { forward, backward, weight, microbatches }: FlatSchedule,
  action: number,
  visit: (stage: number) => void,
) {
  for (const cells of [forward, backward, weight]) {
    const cell = cells[action] as number;
    if (cell >= 0) visit((cell / microbatches) | 0);
  }
}
