import { listGpuOfSlot, type Machine, type Placement, placeInOrderOn } from '../balance/index.js';
import { InputError } from '../base/index.js';
import { findRowsWithTokens, type LoadsInput } from './loads-input.js';
import { matchLayers } from './match-layers.js';
import type { RecordedPlacement } from './placements/types.js';

/** A placement for loads, and what was taken for granted, one line each. */
export interface FittedPlacement {
  readonly placement: Placement;
  readonly notes: readonly string[];
}

/**
 * A placement that was read, with a row for each layer of the loads, and nothing on excluded GPUs; a layer without
 * tokens that it does not have gets experts in order. Rows are matched by the numbers of their layers. Throws
 * `InputError` where the rows do not fit the loads or the machine, and where one of the two counts all layers of the
 * model, the other only those with experts, and the offset is neither known nor follows from the tokens.
 */
export function fitPlacement(
  recorded: RecordedPlacement,
  input: LoadsInput,
  machine: Machine,
  { where }: { readonly where: string },
): FittedPlacement {
  checkSlots(recorded, machine, where);
  const { experts, layers } = input.loads;
  const { rows, notes } = matchLayers(recorded, { ...input, hasTokens: findRowsWithTokens(input.loads) }, where);
  const { slots } = machine;
  const gpuOfSlot = listGpuOfSlot(machine);
  const placement = placeInOrderOn({ layers, experts }, machine);
  for (const [layer, row] of rows.entries()) {
    if (row === undefined) continue;
    for (let slot = 0; slot < slots; slot++) {
      const isUsed = machine.isUsed[gpuOfSlot[slot]] === 1;
      const expert = recorded.placement.physicalToLogical[row * slots + slot];
      placement.physicalToLogical[layer * slots + slot] = isUsed ? expert : -1;
    }
  }
  return { placement, notes };
}

/** Throws `InputError` unless the machine has the slots of the placement, and on the same GPUs where it says which. */
function checkSlots({ placement, slotStarts }: RecordedPlacement, machine: Machine, where: string): void {
  const { slots, gpus } = machine;
  const refuse = (what: string, mend: string): InputError => new InputError({ what, where, mend });
  if (slotStarts !== undefined && slotStarts.length - 1 !== gpus)
    throw refuse(`it lies on ${slotStarts.length - 1} GPUs, not on ${gpus}`, `use --gpus ${slotStarts.length - 1}`);
  if (placement.slots !== slots)
    throw refuse(`it has ${placement.slots} slots, the GPUs have ${slots}`, `use --slots ${placement.slots}`);
  const other = slotStarts?.findIndex((start, gpu) => start !== machine.slotStarts[gpu]) ?? -1;
  if (slotStarts === undefined || other < 0) return;
  const counts = slotStarts.slice(1).map((end, gpu) => end - slotStarts[gpu]);
  throw refuse(
    `its GPUs have other slots: GPU ${other - 1} has ${counts[other - 1]}`,
    `use --gpu-slots ${counts.join()}`,
  );
}
