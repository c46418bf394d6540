import type { FileTree } from '../file-tree.js';
import { parseJson } from '../json.js';
import { readIntegerTensor, readSafetensorsFrom, type TensorIndex } from '../safetensors-read.js';
import { decodeUtf8 } from '../utf8.js';
import { isRecord, makeLoads, plural, type ReadOptions, type RecordedLoads, refuseLoads } from './recorded-loads.js';
import { trimWarmupWindows } from './warm-up.js';

/**
 * The statistics folder of TensorRT-LLM (`EXPERT_STATISTIC_PATH`): `meta_info.json`, and for each rank a `rank<r>.safetensors` whose tensors `<iteration>_<layer>`
 * hold int32 `[experts]`. Ranks are summed, a window is an iteration, layers have the model's numbers. Throws `InputError`.
 * Source: TensorRT-LLM, examples/wide_ep/ep_load_balancer.
 */
export function readTensorRtStatistics(files: FileTree, folder: string, { trimWarmup }: ReadOptions): RecordedLoads {
  const experts = readExperts(files, folder);
  const ranks = listRanks(files, folder).map((name) => readSafetensorsFrom(files, files.join(folder, name)));
  const first = ranks[0];
  if (first === undefined) return refuseLoads('it has no rank0.safetensors', folder);
  const { iterations, layers } = listKeys(first);
  // What meta_info.json claims is held against the file before anything is allocated for it.
  for (const [name, { shape }] of first.tensors) {
    if (shape.length !== 1 || shape[0] !== experts)
      return refuseLoads(`tensor '${name}' has the shape [${shape}], meta_info.json says [${experts}]`, first.where);
  }
  const counts = new Float64Array(iterations.length * layers.length * experts);
  for (const rank of ranks) addRank(counts, rank, { iterations, layers, experts });
  const loads = makeLoads(counts, { layers: layers.length, experts }, folder);
  const { kept, notes } = trimWarmupWindows(loads, trimWarmup);
  return {
    format: 'tensorrt-llm',
    loads: kept,
    layerNumbers: layers,
    layerNumbering: 'absolute',
    notes: [`the files of ${plural(ranks.length, 'rank')} were summed`, ...notes],
  };
}

function readExperts(files: FileTree, folder: string): number {
  const path = files.join(folder, 'meta_info.json');
  if (!files.has(path)) {
    const mend = 'name a file, the folder of EXPERT_STATISTIC_PATH, or the loads folder of a training run';
    return refuseLoads('the folder has no meta_info.json', folder, mend);
  }
  const meta = parseJson(decodeUtf8(files.read(path, { maxBytes: 2 ** 20 }), path), path);
  const experts = isRecord(meta) ? meta.num_experts : undefined;
  if (typeof experts === 'number' && Number.isSafeInteger(experts) && experts > 0) return experts;
  return refuseLoads('num_experts is no whole number from 1', path);
}

/** Files of other names hold what single tokens chose, or what was chosen together. */
function listRanks(files: FileTree, folder: string): readonly string[] {
  const rankOf = (name: string) => Number(/^rank(\d{1,6})\.safetensors$/.exec(name)?.[1]);
  return files
    .list(folder)
    .filter((name) => rankOf(name) >= 0)
    .sort((a, b) => rankOf(a) - rankOf(b));
}

interface Keys {
  readonly iterations: readonly number[];
  readonly layers: readonly number[];
}

/** In the order of their numbers; there must be a tensor for each pair, which also bounds what is allocated for them. */
function listKeys({ tensors, where }: TensorIndex): Keys {
  const pairs = [...tensors.keys()].map((name) => {
    const [, iteration, layer] = /^(\d{1,15})_(\d{1,6})$/.exec(name) ?? [];
    if (iteration !== undefined && layer !== undefined) return [Number(iteration), Number(layer)] as const;
    return refuseLoads(`tensor ${JSON.stringify(name.slice(0, 40))} is no <iteration>_<layer>`, where);
  });
  const sort = (numbers: readonly number[]) => [...new Set(numbers)].sort((a, b) => a - b);
  const iterations = sort(pairs.map(([iteration]) => iteration));
  const layers = sort(pairs.map(([, layer]) => layer));
  if (pairs.length === 0) return refuseLoads('it has no tensor', where);
  for (const iteration of iterations) {
    for (const layer of layers) {
      if (!tensors.has(`${iteration}_${layer}`))
        return refuseLoads(`iteration ${iteration} has no layer ${layer}, which another has`, where);
    }
  }
  return { iterations, layers };
}

function addRank(
  counts: Float64Array,
  rank: TensorIndex,
  { iterations, layers, experts }: Keys & { experts: number },
): void {
  const expected = iterations.length * layers.length;
  if (rank.tensors.size !== expected)
    refuseLoads(`it has ${rank.tensors.size} tensors, another rank has ${expected}`, rank.where);
  let next = 0;
  for (const iteration of iterations) {
    for (const layer of layers) {
      const numbers = readIntegerTensor(rank, `${iteration}_${layer}`);
      const place = `iteration ${iteration}, layer ${layer}`;
      if (numbers.length !== experts)
        refuseLoads(`${place} has ${numbers.length} experts, meta_info.json says ${experts}`, rank.where);
      for (const [expert, count] of numbers.entries()) {
        if (count < 0) refuseLoads(`the load of ${place}, expert ${expert} is ${count}`, rank.where);
        counts[next++]! += count;
      }
    }
  }
}
