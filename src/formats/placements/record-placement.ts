import { checkLayerNumbers, createPlacement, type Source } from './check.js';
import { invertExpertMap, isExpertMap } from './expert-map.js';
import type { SlotTable } from './slot-table.js';
import type { RecordedPlacement } from './types.js';

/** A placement from the slots that a file lists; what may be an expert map is read as one. Throws `InputError`. */
export function recordPlacement(
  table: SlotTable,
  source: Source,
  { format, layerNumbering, notes = [] }: Pick<RecordedPlacement, 'format' | 'layerNumbering'> & Partial<Notes>,
): RecordedPlacement {
  const { where, experts } = source;
  const { slotStarts } = table;
  const isMap = slotStarts !== undefined && isExpertMap(table, experts);
  const read = isMap ? invertExpertMap({ ...table, slotStarts }, experts, where) : { table, notes: [] };
  const { rows } = read.table;
  const layerNumbers = checkLayerNumbers(read.table.layerNumbers ?? [...rows.keys()], where);
  return {
    format: isMap ? 'expert map' : format,
    // No engine's own file has a slot that holds nothing.
    placement: createPlacement(rows, layerNumbers, { ...source, allowsEmpty: isMap || format === 'table' }),
    layerNumbers,
    layerNumbering,
    ...(table.isOfEveryLayer ? { isOfEveryLayer: true } : {}),
    ...(read.table.slotStarts === undefined ? {} : { slotStarts: read.table.slotStarts }),
    notes: [...notes, ...read.notes],
  };
}

interface Notes {
  readonly notes: readonly string[];
}
