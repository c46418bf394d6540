import type { ExpertLoads } from '../../balance/index.js';
import { hasTokens, listNumbers, numberLayers, type RecordedLoads, type TableLabels } from './recorded-loads.js';

/** Layers as the keys of a table number them. */
export interface LayerKeys {
  /** `[keys]`: the number of each key's layer. */
  readonly numbers: readonly number[];
  readonly areModules: boolean;
  /** Whether they are nothing but numbers, which may as well number something else. */
  readonly areBare: boolean;
}

const mostLayers = 2 ** 16;
/** `3`, `layer_3`, `Layer 3`, `moe_layer3`, `L3`. */
const layerPattern =
  /^(?:(?:moe|mlp|decoder)?[ _.-]?(?:layer|block|blk|l)s?[ _.-]?(?:id|idx|index)?[ _.-]?)?(\d{1,6})$/i;
/** `model.layers.3.mlp.experts`, `transformer.h.3.ffn`. */
const modulePattern = /(?:^|[./])(?:layers|h|blocks|blk)[./](\d{1,6})(?:[./]|$)/;
/** `step_100`, `window 3`, `forward_pass_id=7`. */
const windowPattern =
  /^(?:global[ _.-]?)?(?:step|window|iter|iteration|forward|forward[ _.-]?pass|pass|batch|time|epoch|dump|interval)s?[ _.-]?(?:id|idx)?[ _.=-]?(\d{1,15})$/i;
/** `rank_0`, `gpu3`. */
const rankPattern = /^(?:(?:ep|dp|tp|global|local)[ _.-]?)?(?:rank|gpu|npu|device|worker|node)s?[ _.-]?(\d{1,6})$/i;

/**
 * The layers that the keys of a dict, or labels of rows, name; undefined where one of them names none, or two the same.
 */
export function parseLayerKeys(keys: readonly string[]): LayerKeys | undefined {
  const numbers = keys.map((key) => Number(layerPattern.exec(key.trim())?.[1] ?? modulePattern.exec(key)?.[1]));
  if (keys.length === 0 || !numbers.every((number) => number < mostLayers)) return undefined;
  if (new Set(numbers).size !== numbers.length) return undefined;
  return {
    numbers,
    areModules: keys.some((key) => modulePattern.test(key)),
    areBare: keys.every((key) => /^\s*\d+\s*$/.test(key)),
  };
}

/** The numbers in keys such as `step_100`, one for each key; undefined where one of them is none. */
export function parseWindowKeys(keys: readonly string[]): readonly number[] | undefined {
  return parseAll(keys, windowPattern);
}

/** The numbers in keys such as `rank_0`, as `parseWindowKeys`. */
export function parseRankKeys(keys: readonly string[]): readonly number[] | undefined {
  return parseAll(keys, rankPattern);
}

function parseAll(keys: readonly string[], pattern: RegExp): readonly number[] | undefined {
  const numbers = keys.map((key) => Number(pattern.exec(key.trim())?.[1]));
  return keys.length > 0 && !numbers.some(Number.isNaN) ? numbers : undefined;
}

/** What the numbers of a table's layers count, with a line for a person where that was assumed. */
export function nameLayers(
  { layerNumbers: numbers, loads }: Pick<RecordedLoads, 'layerNumbers' | 'loads'>,
  labels: TableLabels | undefined,
): Pick<RecordedLoads, 'layerNumbering' | 'notes'> {
  if (labels?.areModules === true) return { layerNumbering: 'absolute', notes: [] };
  if (numbers.every((number, row) => number === row)) {
    const dense = countEmptyLayers(loads);
    if (dense > 0 && dense < numbers.length) {
      const what = dense === 1 ? 'the first layer has' : `the first ${dense} layers have`;
      const note = `${what} no tokens, as those without experts: taken as all layers of the model`;
      return { layerNumbering: 'absolute', notes: [note] };
    }
    if (labels === undefined) return { layerNumbering: 'moe', notes: [] };
    const what = numbers.length === 1 ? 'its one layer is 0' : `its layers are 0 to ${numbers.length - 1}`;
    return { layerNumbering: 'moe', notes: [`${what}: taken as those with experts, in their order`] };
  }
  const shown = isRun(numbers) ? `${numbers[0]} to ${numbers.at(-1)}` : listNumbers(numbers);
  const what = numbers.length === 1 ? `its one layer is ${shown}` : `its layers are ${shown}`;
  if (numbers.length > 1 && numbers.every((number, row) => number === row + 1)) {
    const note = `warning: ${what}, numbered from 1: layer 0 is taken as dense; number them from 0 if they are counted from 1`;
    return { layerNumbering: 'absolute', notes: [note] };
  }
  return { layerNumbering: 'absolute', notes: [`${what}: taken as the model's own numbers`] };
}

/** A line for a person where a table's experts may be numbered from 1: only expert 0 has no tokens in any layer. */
export function warnOfFirstExpert({ experts, counts }: ExpertLoads): readonly string[] {
  const sums = new Float64Array(experts);
  for (const [place, count] of counts.entries()) sums[place % experts] += count;
  if (experts < 3 || sums.lastIndexOf(0) !== 0) return [];
  return ['warning: expert 0 has no tokens, and all others have: number experts from 0 if they are counted from 1'];
}

/** Layers from the first one in which no window has tokens; each token goes through all layers with experts. */
function countEmptyLayers(loads: ExpertLoads): number {
  const { windows, layers } = loads;
  for (let layer = 0; layer < layers; layer++) {
    for (let window = 0; window < windows; window++) if (hasTokens(loads, window, layer)) return layer;
  }
  return layers;
}

function isRun(numbers: readonly number[]): boolean {
  return numbers.length > 2 && numbers.every((number, row) => number === numbers[0] + row);
}

/** The order that sorts numbers. */
export function orderOf(numbers: readonly number[]): readonly number[] {
  return [...numberLayers(numbers.length)].sort((a, b) => numbers[a] - numbers[b]);
}
