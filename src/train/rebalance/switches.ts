import type { Placement } from '../../balance/index.js';
import type { LayerSwitch } from '../../runtime/index.js';

/** A placement on the way to which layers switch over several steps. */
export interface PendingTarget {
  readonly target: Placement;
  /** `[layers]`: what each layer gains; the largest goes first. */
  readonly gains: Float32Array;
}

export interface SwitchRequest {
  /** The placement in force. */
  readonly current: Placement;
  readonly pending: PendingTarget;
  /** `[layers]` of the placements: their numbers among all layers. */
  readonly layers: readonly number[];
  /** For each pipeline rank, the layers whose experts it holds; several may hold the same (DualPipe). */
  readonly heldLayers: readonly (readonly number[])[];
}

/**
 * The layers that switch before the next step: of those that are not as in the target, the one with the largest gain, then the next of which no pipeline rank is busy with another, and so on. So each
 * pipeline rank moves one layer a step at most, all holders of a layer switch together, and as long as something differs at least one layer switches: calling this again with the placement that it
 * gives ends at the target. With equal gains the lower layer goes first.
 */
export function takeSwitches({ current, pending, layers, heldLayers }: SwitchRequest): {
  readonly switches: readonly LayerSwitch[];
  /** The placement in force once they have switched. */
  readonly placement: Placement;
} {
  const { slots } = current;
  const { target, gains } = pending;
  const rowOf = (placement: Placement, index: number) =>
    placement.physicalToLogical.subarray(index * slots, (index + 1) * slots);
  const waiting = Array.from(layers.keys())
    .filter((index) => rowOf(current, index).some((expert, slot) => expert !== rowOf(target, index)[slot]))
    .sort((a, b) => gains[b] - gains[a] || a - b);
  const isBusy = heldLayers.map(() => false);
  const physicalToLogical = current.physicalToLogical.slice();
  const switches: LayerSwitch[] = [];
  for (const index of waiting) {
    const holders = [...heldLayers.keys()].filter((rank) => heldLayers[rank].includes(layers[index]));
    if (holders.some((rank) => isBusy[rank])) continue;
    for (const rank of holders) isBusy[rank] = true;
    const row = rowOf(target, index);
    physicalToLogical.set(row, index * slots);
    switches.push({ layer: layers[index], slotToExpert: [...row] });
  }
  return { switches, placement: { ...current, physicalToLogical } };
}
