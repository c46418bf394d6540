import { checkSlotTotal, isNatural, refuse, show } from './check.js';
import { nameLayers } from './layout.js';
import type { SlotTable } from './slot-table.js';

/**
 * Whether a table `[layers][ranks][experts]` says for each rank in which of its slots an expert lies, and -1 where it
 * is not on that rank, instead of which expert is in a slot: vLLM's `expert_map`.
 */
export function isExpertMap({ rows, slotStarts }: SlotTable, experts: number): boolean {
  if (slotStarts === undefined || !rows.some((row) => includes(row, -1))) return false;
  const widths = listWidths(slotStarts);
  if (!widths.every((width) => width === widths[0])) return false;
  if (widths[0] >= experts) return true;
  // A map of another model, which the error then says: its ranks count their slots from 0.
  return rows.every((row) => splitRow(row, slotStarts).every(isNumbering));
}

/**
 * The slots of such a table, for ranks that may have different numbers of them. Throws `InputError` that names layer
 * and rank where two experts are in one slot, or the map is of more or fewer experts than the loads have.
 */
export function invertExpertMap(
  table: SlotTable & { readonly slotStarts: readonly number[] },
  experts: number,
  where: string,
): { readonly table: SlotTable; readonly notes: readonly string[] } {
  const { rows, slotStarts, layerNumbers } = table;
  const width = slotStarts[1];
  const maps = rows.map((row) => splitRow(row, slotStarts));
  checkWidth(maps, { width, experts, where });
  const ranks = slotStarts.length - 1;
  const counts = Array.from({ length: ranks }, (_, rank) => Math.max(...maps.map((map) => largest(map[rank]))) + 1);
  const starts = [0];
  for (const count of counts) starts.push((starts.at(-1) ?? 0) + count);
  const slots = starts.at(-1) ?? 0;
  checkSlotTotal(rows.length, slots, where);
  const inverted = maps.map((map, row) => {
    const placed = new Array<number>(slots).fill(-1);
    for (const [rank, slotOf] of map.entries()) {
      const name = `layer ${layerNumbers?.[row] ?? row}, rank ${rank}`;
      putExperts(placed, slotOf, { start: starts[rank], name, where });
    }
    return placed;
  });
  return { table: { ...table, rows: inverted, slotStarts: starts }, notes: noteEmpty(inverted) };
}

/** `[ranks][experts]` of a layer. */
function splitRow(row: ArrayLike<unknown>, slotStarts: readonly number[]): (readonly unknown[])[] {
  const values = Array.from(row);
  return listWidths(slotStarts).map((width, rank) => values.slice(slotStarts[rank], slotStarts[rank] + width));
}

function listWidths(slotStarts: readonly number[]): number[] {
  return slotStarts.slice(1).map((end, gpu) => end - slotStarts[gpu]);
}

function includes(values: ArrayLike<unknown>, wanted: unknown): boolean {
  for (let index = 0; index < values.length; index++) if (values[index] === wanted) return true;
  return false;
}

/** Whether values are 0, 1, ... in any order, and -1. */
function isNumbering(values: readonly unknown[]): boolean {
  const used = values.filter((value) => value !== -1);
  return used.every((value) => isNatural(value) && value < used.length) && new Set(used).size === used.length;
}

/** The largest slot that a rank's map names; -1 where it names none. */
function largest(slotOf: readonly unknown[]): number {
  let most = -1;
  for (const slot of slotOf) if (isNatural(slot) && slot > most) most = slot;
  return most;
}

/** A map may be wider than there are experts, with -1 in the rest: vLLM pull request 14544 makes it of all slots. */
function checkWidth(
  maps: readonly (readonly (readonly unknown[])[])[],
  { width, experts, where }: { readonly width: number; readonly experts: number; readonly where: string },
): void {
  const beyond = maps.some((map) =>
    map.some((slotOf) => slotOf.some((slot, expert) => expert >= experts && slot !== -1)),
  );
  if (width >= experts && !beyond) return;
  const what = `its maps are of ${width} experts, the loads have ${experts}`;
  throw refuse(what, where, 'give a placement and loads of the same model');
}

function putExperts(
  placed: number[],
  slotOf: readonly unknown[],
  { start, name, where }: { readonly start: number; readonly name: string; readonly where: string },
): void {
  for (const [expert, slot] of slotOf.entries()) {
    if (slot === -1) continue;
    if (!isNatural(slot))
      throw refuse(
        `${name}: the slot of expert ${expert} is ${show(slot)}`,
        where,
        'give a slot from 0, or -1 for none',
      );
    if (placed[start + slot] !== -1) {
      const what = `${name}: experts ${placed[start + slot]} and ${expert} are both in its slot ${slot}`;
      throw refuse(what, where, 'give each expert a slot of its own');
    }
    placed[start + slot] = expert;
  }
}

function noteEmpty(rows: readonly (readonly number[])[]): string[] {
  const layers = [...rows.keys()].filter((row) => rows[row].includes(-1));
  if (layers.length === 0) return [];
  const slots = rows.reduce((sum, row) => sum + row.filter((expert) => expert === -1).length, 0);
  const what = `${slots} slots of ${nameLayers(layers)} hold nothing, as the map names no expert for them`;
  return [`${what}: a map cannot name an expert that is twice on a rank`];
}
