import { isWithinLimits } from '../../../schedule/index.js';
import { type ChosenSchedule, chosenLimits } from './state.js';

/** Ranks, and microbatches of all pipelines together. */
export interface ChosenCounts {
  readonly ranks: number;
  readonly microbatches: number;
}

/** Ranks are changed by no more than this: it takes one to make them even. */
const farthestRanks = 2;

/**
 * The counts that are nearest to those chosen and that all the schedules take: the ranks change only where no number of microbatches helps. The counts themselves if they
 * fit; undefined if nothing near does.
 */
export function fitCounts(schedules: readonly ChosenSchedule[], counts: ChosenCounts): ChosenCounts | undefined {
  const asked = schedules.filter(({ name }) => name !== 'auto').map(requestOf);
  const fits = (ranks: number, microbatches: number) =>
    asked.every((request) => isWithinLimits({ ...request, ranks, microbatches }));
  for (const ranks of outwards(counts.ranks, chosenLimits.ranks, farthestRanks)) {
    // Every schedule takes twice as many microbatches as ranks, if it takes the ranks: else there is nothing to look for.
    if (!fits(ranks, 2 * ranks)) continue;
    for (const microbatches of outwards(counts.microbatches, chosenLimits.microbatches, chosenLimits.microbatches)) {
      if (fits(ranks, microbatches)) return { ranks, microbatches };
    }
  }
  return undefined;
}

/** What `generateSchedule` is asked for: only `interleaved` leaves the stages of a rank open. */
export function requestOf({ name, stagesPerRank }: ChosenSchedule) {
  return { name, ...(name === 'interleaved' && { stagesPerRank }) };
}

/** Whole numbers from 1 to `most`, the nearest to `middle` first, of two as near the larger one. */
function* outwards(middle: number, most: number, farthest: number): Generator<number> {
  yield middle;
  for (let distance = 1; distance <= farthest; distance++) {
    if (middle + distance <= most) yield middle + distance;
    if (middle - distance >= 1) yield middle - distance;
  }
}
