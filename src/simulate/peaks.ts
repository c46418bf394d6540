import { type FlatSchedule, kindCodes } from '../schedule/index.js';

/** `[rank]`: most chunks alive at a time; actions of a rank run in their order, so that follows from the order alone. */
export function findPeaks(flat: FlatSchedule): number[] {
  const peaks: number[] = [];
  for (let rank = 0; rank < flat.ranks; rank++) {
    let alive = 0;
    let peak = 0;
    for (let action = flat.rankStart[rank] as number; action < (flat.rankStart[rank + 1] as number); action++) {
      if ((flat.forward[action] as number) >= 0) alive++;
      if (alive > peak) peak = alive;
      const frees = (flat.backward[action] as number) >= 0 && flat.kind[action] !== kindCodes.backwardInput;
      if (frees || (flat.weight[action] as number) >= 0) alive--;
    }
    peaks.push(peak);
  }
  return peaks;
}
