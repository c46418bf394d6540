import type { Placement } from '../../balance/index.js';
import { refuseLoads } from './recorded-loads.js';

/**
 * The placement `[layers, slots]` of a list of logical experts for each slot, row-major; -1 is an empty slot. Throws `InputError` that names layer and slot
 * where a number is no expert: as every expert has a slot, there are no more of them than slots.
 */
export function makePlacement(
  slotsOfLayers: ArrayLike<number>,
  shape: readonly [layers: number, slots: number],
  where: string,
): Placement {
  const [layers, slots] = shape;
  const physicalToLogical = new Int32Array(layers * slots);
  let experts = 0;
  for (let next = 0; next < physicalToLogical.length; next++) {
    const expert = slotsOfLayers[next]!;
    if (!Number.isInteger(expert) || expert < -1 || expert >= slots) {
      const place = `layer ${Math.floor(next / slots)}, slot ${next % slots}`;
      refuseLoads(`${place} of the placement holds expert ${expert} of at most ${slots}`, where);
    }
    physicalToLogical[next] = expert;
    experts = Math.max(experts, expert + 1);
  }
  if (experts === 0) refuseLoads('the placement has no expert', where);
  return { layers, experts, slots, physicalToLogical };
}

/** `[layers, experts]`: the tokens `[layers, slots]` of physical slots, summed for each logical expert; those of empty slots are left out. Adds to `sums`. */
export function addToExperts(sums: Float64Array, tokensOfSlots: ArrayLike<number>, placement: Placement): void {
  const { experts, slots, physicalToLogical } = placement;
  for (let next = 0; next < physicalToLogical.length; next++) {
    const expert = physicalToLogical[next]!;
    if (expert >= 0) sums[Math.floor(next / slots) * experts + expert]! += tokensOfSlots[next]!;
  }
}
