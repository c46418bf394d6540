import { type ExpertLoads, normalizeWindows } from '../balance/index.js';
import { InputError } from '../base/index.js';
import type { RecordedLoads } from './expert-loads/recorded-loads.js';
import type { LayerNumbering } from './placements/types.js';

/** Loads with the number of each row's layer. */
export interface LoadsInput {
  readonly recorded: RecordedLoads;
  readonly loads: ExpertLoads;
  /** `[layers]`, ascending. */
  readonly layerNumbers: readonly number[];
  /** What these numbers count: all layers of the model where the file does so, or where the offset is known. */
  readonly layerNumbering: LayerNumbering;
  /** The model's first layer with experts, after which all have some; undefined where nobody said it, which is not 0. */
  readonly layerOffset: number | undefined;
  /** Whether windows follow each other in time; those with names are domains of text. */
  readonly isTimed: boolean;
}

/**
 * Loads as they are placed: with windows of the same number of tokens where `normalize` is asked, and layers that count
 * from `layerOffset` where a file counts only those with experts.
 */
export function prepareLoads(
  recorded: RecordedLoads,
  {
    normalize = false,
    layerOffset,
  }: { readonly normalize?: boolean | undefined; readonly layerOffset?: number | undefined },
): LoadsInput {
  const { layerNumbers, layerNumbering } = recorded;
  const isShifted = layerNumbering === 'moe' && layerOffset !== undefined;
  return {
    recorded,
    loads: normalize ? normalizeWindows(recorded.loads) : recorded.loads,
    layerNumbers: isShifted ? layerNumbers.map((layer) => layer + layerOffset) : layerNumbers,
    layerNumbering: isShifted ? 'absolute' : layerNumbering,
    layerOffset,
    isTimed: recorded.windowNames === undefined,
  };
}

/**
 * The rows of the loads whose layers have experts: all of a file that counts only those, those from the offset on where
 * it is known, and else those with tokens, as every token passes through every layer. Throws `InputError` where a layer
 * before the offset has tokens, or none comes after it.
 */
export function findExpertRows(input: LoadsInput): readonly number[] {
  const { recorded, layerNumbers, layerOffset } = input;
  const all = [...layerNumbers.keys()];
  if (recorded.layerNumbering === 'moe') return all;
  const hasTokens = findRowsWithTokens(input.loads);
  if (layerOffset === undefined) return hasTokens.includes(true) ? all.filter((row) => hasTokens[row]) : all;
  const early = layerNumbers.find((layer, row) => layer < layerOffset && hasTokens[row]);
  if (early !== undefined) {
    throw new InputError({
      what: `layer ${early} of the loads has tokens, so that the first layer with experts is not ${layerOffset}`,
      mend: `use --layer-offset ${early}${early === 0 ? '' : ' or less'}`,
    });
  }
  const rows = all.filter((row) => layerNumbers[row] >= layerOffset);
  if (rows.length > 0) return rows;
  throw new InputError({
    what: `the last layer of the loads is ${layerNumbers.at(-1)}, so that the first with experts is not ${layerOffset}`,
    mend: `use --layer-offset ${layerNumbers.at(-1)} or less`,
  });
}

/** `[layers]`: whether any window has tokens there. */
export function findRowsWithTokens({ layers, experts, counts }: ExpertLoads): readonly boolean[] {
  const hasTokens = new Array<boolean>(layers).fill(false);
  for (const [position, count] of counts.entries()) {
    if (count > 0) hasTokens[Math.floor(position / experts) % layers] = true;
  }
  return hasTokens;
}
