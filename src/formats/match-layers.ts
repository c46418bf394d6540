import { InputError } from '../base/index.js';
import type { LoadsInput } from './loads-input.js';
import { joinRanges, nameLayers } from './placements/layout.js';
import type { RecordedPlacement } from './placements/types.js';

/** The layers of loads, and which of them have tokens. */
export interface LayersOfLoads extends Pick<LoadsInput, 'recorded' | 'layerNumbers' | 'layerOffset'> {
  /** `[layers]` */
  readonly hasTokens: readonly boolean[];
}

/** Which row of a placement is that of each layer of the loads; undefined where it has none and needs none. */
interface MatchedLayers {
  readonly rows: readonly (number | undefined)[];
  readonly notes: readonly string[];
}

/** Layers of both sides with numbers that count the same. */
interface SameNumbers {
  /** `[layers of the loads]` */
  readonly ofLoads: readonly number[];
  /** `[layers of the placement]` */
  readonly ofPlacement: readonly number[];
  readonly notes: readonly string[];
}

/**
 * Matches the rows of a placement and of loads by the numbers of their layers. Throws `InputError` that names the layer
 * which the placement does not have, or asks for the offset where the two count differently.
 */
export function matchLayers(recorded: RecordedPlacement, loads: LayersOfLoads, where: string): MatchedLayers {
  if (recorded.isOfEveryLayer === true) return { rows: loads.layerNumbers.map(() => 0), notes: [] };
  const { ofLoads, ofPlacement, notes } = findSameNumbers(recorded, loads, where);
  const rowOf = new Map(ofPlacement.map((layer, row) => [layer, row]));
  const rows = ofLoads.map((layer) => rowOf.get(layer));
  const missing = ofLoads.filter((_, row) => rows[row] === undefined);
  const needed = ofLoads.filter((_, row) => rows[row] === undefined && loads.hasTokens[row]);
  if (needed.length > 0 || missing.length === rows.length) {
    const what = `it has no ${nameLayers(needed.length > 0 ? needed : missing)}, of which there are loads`;
    const mend = loads.recorded.layerNumbering === recorded.layerNumbering ? sameModel : askOffset(recorded, loads);
    throw new InputError({ what: `${what}: it has ${nameLayers(ofPlacement)}`, where, mend });
  }
  const known = new Set(ofLoads);
  const others = ofPlacement.filter((layer) => !known.has(layer));
  return { rows, notes: [...notes, ...noteMissing(missing, where), ...noteOthers(others, where)] };
}

function findSameNumbers(recorded: RecordedPlacement, loads: LayersOfLoads, where: string): SameNumbers {
  const { layerOffset, layerNumbers } = loads;
  const isAbsolute = loads.recorded.layerNumbering === 'absolute';
  if (loads.recorded.layerNumbering === recorded.layerNumbering)
    return { ofLoads: loads.recorded.layerNumbers, ofPlacement: recorded.layerNumbers, notes: [] };
  if (layerOffset === undefined) {
    const inferred = isAbsolute ? inferNumbers(recorded, loads, where) : undefined;
    if (inferred !== undefined) return inferred;
    throw new InputError({ what: nameNumberings(recorded, loads), where, mend: askOffset(recorded, loads) });
  }
  const ofPlacement = isAbsolute ? recorded.layerNumbers.map((layer) => layer + layerOffset) : recorded.layerNumbers;
  return { ofLoads: layerNumbers, ofPlacement, notes: [] };
}

/** A placement that counts only layers with experts is of the layers with tokens, where these are as many. */
function inferNumbers(recorded: RecordedPlacement, loads: LayersOfLoads, where: string): SameNumbers | undefined {
  const used = loads.layerNumbers.filter((_, row) => loads.hasTokens[row]);
  const ordinals = recorded.layerNumbers;
  if (used.length !== ordinals.length || !ordinals.every((layer, row) => layer === row)) return undefined;
  const what = `${nameLayers(ordinals)} of ${where} ${ordinals.length === 1 ? 'is' : 'are'} taken for`;
  const note = `${what} ${nameLayers(used)} of the model, where the loads have tokens`;
  return { ofLoads: loads.layerNumbers, ofPlacement: used, notes: [note] };
}

/** The layers of the side that counts only those with experts, and of the other. */
function splitNumbers(
  recorded: RecordedPlacement,
  { recorded: { layerNumbers, layerNumbering }, hasTokens }: LayersOfLoads,
) {
  return layerNumbering === 'moe'
    ? { ordinals: layerNumbers, numbers: recorded.layerNumbers }
    : { ordinals: recorded.layerNumbers, numbers: layerNumbers.filter((_, row) => hasTokens[row]) };
}

function nameNumberings(recorded: RecordedPlacement, loads: LayersOfLoads): string {
  const { ordinals, numbers } = splitNumbers(recorded, loads);
  const [counting, counted] =
    loads.recorded.layerNumbering === 'moe'
      ? ['the loads count', 'the placement counts']
      : ['the placement counts', 'the loads count'];
  const all = `${counted} all layers of the model (${joinRanges(numbers)})`;
  return `${counting} only layers with experts (${joinRanges(ordinals)}), ${all}`;
}

const sameModel = 'give a placement and loads of the same model';

/** How the two are brought together: with the offsets that would fit. */
function askOffset(recorded: RecordedPlacement, loads: LayersOfLoads): string {
  const { ordinals, numbers } = splitNumbers(recorded, loads);
  const isOfLoads = loads.recorded.layerNumbering === 'moe';
  const shifts = isOfLoads ? findShifts(ordinals, numbers) : findShifts(numbers, ordinals).map((shift) => 0 - shift);
  const offsets = shifts.filter((shift) => shift >= 0);
  const canInfer = !isOfLoads && numbers.length === ordinals.length;
  if (offsets.length === 0)
    return canInfer ? 'leave out --layer-offset' : `${sameModel}: no offset brings them together`;
  const best = Math.max(...offsets);
  const ask = "say with --layer-offset which is the model's first layer with experts";
  const others = offsets.filter((offset) => offset !== best).toSorted((a, b) => a - b);
  if (others.length === 0) return `${ask}: only ${best} fits${best === 0 ? ', for a model without dense layers' : ''}`;
  const how = `brings the ${isOfLoads ? 'last' : 'first'} layers of both together`;
  return `${ask}: ${best} ${how}, ${joinRanges(others)} would fit too`;
}

/** The shifts that bring each of `numbers` to one of `among`; both ascend. */
function findShifts(numbers: readonly number[], among: readonly number[]): number[] {
  const known = new Set(among);
  const shifts = among.map((layer) => layer - (numbers[0] ?? 0));
  return shifts.filter((shift) => numbers.every((layer) => known.has(layer + shift)));
}

function noteMissing(layers: readonly number[], where: string): string[] {
  if (layers.length === 0) return [];
  const [have, they] = layers.length === 1 ? ['has', 'it is'] : ['have', 'they are'];
  return [`${nameLayers(layers)} ${have} no tokens and no row in ${where}: ${they} taken to have no experts`];
}

function noteOthers(layers: readonly number[], where: string): string[] {
  if (layers.length === 0) return [];
  return [`${nameLayers(layers)} of ${where} ${layers.length === 1 ? 'is' : 'are'} not in the loads: left out`];
}
