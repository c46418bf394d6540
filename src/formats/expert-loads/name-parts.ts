import { compareNames } from './file-names.js';
import { joinLayers, joinWindows, type LoadsPart } from './join-loads.js';
import { listNumbers, plural, type ReadLoads, refuseLoads } from './recorded-loads.js';

/** Loads of a file, and its name. */
export interface FilePart extends LoadsPart {
  readonly name: string;
}

/** `layer_3`, `moe-layer3`, `model.layers.3`. */
const layerPattern = /(?<![a-z])((?:moe|mlp|decoder)?[_.-]?layers?[_.-]?)(\d{1,5})(?!\d)/i;
/** `ep0`, `gpu_1`: parts of what counted, but not which. */
const sharePattern = /(?<![a-z\d])((?:ep|dp|tp|gpu|cuda|npu|device|worker|node|host)[_.-]?)(\d{1,5})(?![a-z\d])/i;

interface NamedPart {
  readonly part: FilePart;
  readonly number: number;
  /** The path without the number: files of other numbers have the same. */
  readonly kind: string;
}

/**
 * The loads of files whose names differ in the number of a layer, side by side: each has one layer, `[experts]`, or
 * `[windows, experts]`. Undefined where names tell no layers, or only one. Throws `InputError` where a file has several
 * layers, or layers do not have the same windows.
 */
export function joinNamedLayers(parts: readonly FilePart[]): ReadLoads | undefined {
  const named = parseAll(parts, layerPattern);
  if (named === undefined || !parts.every(({ read }) => read.format === 'table')) return undefined;
  const groups = new Map<string, NamedPart[]>();
  for (const one of named) groups.set(one.kind, [...(groups.get(one.kind) ?? []), one]);
  const joined = [...groups]
    .sort(([a], [b]) => compareNames(a, b))
    .map(([, group]) => {
      const numbers = group.map(({ number }) => number);
      const twice = numbers.find((number, place) => numbers.indexOf(number) !== place);
      const { where } = group[0].part;
      if (twice !== undefined) return refuseLoads(`several files are of layer ${twice}`, where, 'give each layer once');
      checkExperts(group);
      return { where, read: joinLayers(group.map(takeLayer)) };
    });
  const layers = [...new Set(named.map(({ number }) => number))].sort((a, b) => a - b);
  const read = joinWindows(joined);
  return {
    ...read,
    notes: [`the names of the files number layers ${listNumbers(layers)}: put together`, ...read.notes],
  };
}

/** Layers that name only experts with tokens are filled up. */
function checkExperts([first, ...others]: readonly NamedPart[]): void {
  const { experts } = first.part.read.loads;
  for (const { part } of others) {
    if (part.read.labels?.isSparse === true || part.read.loads.experts === experts) continue;
    const what = `it has ${plural(part.read.loads.experts, 'expert')}, ${first.part.where} has ${experts}`;
    refuseLoads(what, part.where, 'give all layers the same number of experts');
  }
}

/** Its loads as those of the one layer that its name says. */
function takeLayer({ part: { read, where }, number }: NamedPart): LoadsPart {
  const { windows, layers, experts, counts } = read.loads;
  const isOther = read.labels !== undefined && layers === 1 && read.layerNumbers[0] !== number;
  if ((layers > 1 && (windows > 1 || read.labels !== undefined)) || isOther) {
    const has = layers === 1 ? `layer ${read.layerNumbers[0]}` : plural(layers, 'layer');
    const mend = 'give each layer a file of [experts] or [windows, experts], or name the files step_0, step_1, ...';
    return refuseLoads(`its name says layer ${number}, but it has ${has}`, where, mend);
  }
  const labels = { areModules: false, isSparse: false, ...read.labels };
  const layer = { ...read, layerNumbers: [number], labels };
  if (layers === 1) return { where, read: layer };
  const notes = [`the rows of each layer are taken as ${plural(layers, 'window')}`];
  return { where, read: { ...layer, loads: { windows: layers, layers: 1, experts, counts }, notes } };
}

/**
 * Throws `InputError` where names differ in the number of a GPU or of a rank of expert parallelism: nothing says whether
 * each counted all experts, or its own.
 */
export function refuseShares(parts: readonly FilePart[]): void {
  const named = parseAll(parts, sharePattern);
  if (named === undefined || new Set(named.map(({ kind }) => kind)).size === named.length) return;
  const mend =
    'name them rank_0, rank_1, ... to sum them, step_0, step_1, ... if they are windows, or put the experts of each side by side in one file';
  refuseLoads('the names of the files do not say whether each has all experts or some of them', parts[0].where, mend);
}

/** Undefined unless each name has a number, and not all the same. */
function parseAll(parts: readonly FilePart[], pattern: RegExp): readonly NamedPart[] | undefined {
  const named = parts.map((part) => {
    const folder = part.where.replace(/[^/\\]*$/, '');
    const number = Number(pattern.exec(part.name)?.[2]);
    return { part, number, kind: folder + part.name.replace(pattern, '$1*') };
  });
  const numbers = new Set(named.map(({ number }) => number));
  return numbers.size > 1 && !numbers.has(Number.NaN) ? named : undefined;
}
