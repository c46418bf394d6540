import {
  checkLayerNumbers,
  checkList,
  checkSlotStarts,
  createPlacement,
  refuse,
  type Source,
  show,
  type Table,
} from './check.js';
import { slotsOf } from './layout.js';
import type { FormattedPlacement, PlacementFile, RecordedPlacement } from './types.js';

/** Our own JSON document: all that a `PlacementFile` says; -1 is an empty slot. What the command line prints holds it, and its measures. */
export function placementDocument({ placement, slotStarts, layerNumbers }: PlacementFile): PlacementDocument {
  return {
    experts: placement.experts,
    slotStarts: Array.from(slotStarts),
    layerNumbers,
    physicalToLogical: layerNumbers.map((_, row) => Array.from(slotsOf(placement, row))),
  };
}

interface PlacementDocument {
  readonly experts: number;
  readonly slotStarts: readonly number[];
  readonly layerNumbers: readonly number[];
  readonly physicalToLogical: readonly (readonly number[])[];
}

export function formatOwnJson(file: PlacementFile): FormattedPlacement {
  return { text: `${JSON.stringify(placementDocument(file))}\n`, notes: [] };
}

/**
 * Reads also what the command line prints with `--json`: only `physicalToLogical` must be there, and other keys are left alone. Rows without numbers are the
 * layers that have experts. Throws `InputError` naming layer and slot.
 */
export function parseOwnJson(table: Table, source: Source): RecordedPlacement {
  const { where, experts } = source;
  if (table.experts !== undefined && table.experts !== experts)
    throw refuse(`experts is ${show(table.experts)}, not ${experts}`, where, 'use the placement of this model');
  const rows = checkList(table.physicalToLogical, 'physicalToLogical', where);
  const numbers = table.layerNumbers;
  const given = numbers === undefined ? [...rows.keys()] : checkList(numbers, 'layerNumbers', where);
  if (given.length !== rows.length) {
    const what = `layerNumbers has ${given.length} numbers for ${rows.length} layers`;
    throw refuse(what, where, 'give each layer its number');
  }
  const layerNumbers = numbers === undefined ? [...rows.keys()] : checkLayerNumbers(given, where);
  const placement = createPlacement(rows, layerNumbers, { where, experts, allowsEmpty: true });
  const layerNumbering = numbers === undefined ? 'moe' : 'absolute';
  const recorded: RecordedPlacement = { format: 'json', placement, layerNumbers, layerNumbering };
  if (table.slotStarts === undefined) return recorded;
  const slotStarts = checkList(table.slotStarts, 'slotStarts', where);
  checkSlotStarts(slotStarts, placement.slots, where);
  return { ...recorded, slotStarts: slotStarts as readonly number[] };
}
