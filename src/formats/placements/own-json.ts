import {
  checkLayerNumbering,
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
import type { FormattedPlacement, LayerNumbering, PlacementFile, RecordedPlacement } from './types.js';

/** Our own JSON document: all that a `PlacementFile` says; -1 is an empty slot. What the command line prints holds it, and its measures. */
export function placementDocument({
  placement,
  slotStarts,
  layerNumbers,
  layerNumbering = 'absolute',
}: PlacementFile): PlacementDocument {
  return {
    experts: placement.experts,
    slotStarts: Array.from(slotStarts),
    layerNumbers,
    layerNumbering,
    physicalToLogical: layerNumbers.map((_, row) => Array.from(slotsOf(placement, row))),
  };
}

interface PlacementDocument {
  readonly experts: number;
  readonly slotStarts: readonly number[];
  readonly layerNumbers: readonly number[];
  readonly layerNumbering: LayerNumbering;
  readonly physicalToLogical: readonly (readonly number[])[];
}

export function formatOwnJson(file: PlacementFile): FormattedPlacement {
  return { text: `${JSON.stringify(placementDocument(file))}\n`, notes: [] };
}

/**
 * Reads also what the command line prints with `--json`: only `physicalToLogical` must be there, and other keys are left
 * alone. Rows without numbers are the layers that have experts; numbers that do not say what they count count all.
 * Throws `InputError` naming layer and slot.
 */
export function parseOwnJson(table: Table, source: Source): RecordedPlacement {
  const { where, experts } = source;
  if (table.experts !== undefined && table.experts !== experts)
    throw refuse(`experts is ${show(table.experts)}, not ${experts}`, where, 'use the placement of this model');
  const rows = checkList(table.physicalToLogical, 'physicalToLogical', where);
  const numbers = table.layerNumbers;
  const given =
    numbers === undefined ? [...rows.keys()] : checkList(numbers, 'layerNumbers', where, 'give each layer its number');
  if (given.length !== rows.length) {
    const what = `layerNumbers has ${given.length} numbers for ${rows.length} layers`;
    throw refuse(what, where, 'give each layer its number');
  }
  const layerNumbers = checkLayerNumbers(given, where);
  const layerNumbering =
    table.layerNumbering === undefined
      ? numbers === undefined
        ? 'moe'
        : 'absolute'
      : checkLayerNumbering(table.layerNumbering, where);
  const lists = rows.map((row, index) => checkList(row, `layer ${layerNumbers[index]}`, where));
  const placement = createPlacement(lists, layerNumbers, { where, experts, allowsEmpty: true });
  const recorded: RecordedPlacement = { format: 'json', placement, layerNumbers, layerNumbering, notes: [] };
  if (table.slotStarts === undefined) return recorded;
  const starts = checkList(table.slotStarts, 'slotStarts', where, 'give the first slot of each GPU, and their number');
  return { ...recorded, slotStarts: checkSlotStarts(starts, placement.slots, where) };
}
