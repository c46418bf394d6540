import type { FileTree } from '../file-tree.js';
import { parseJson } from '../json.js';
import { asNumberTensor, readSafetensorsFrom, type TensorEntry, type TensorIndex } from '../safetensors-read.js';
import { decodeUtf8 } from '../utf8.js';
import { listMissing } from './rank-files.js';
import {
  isRecord,
  listNumbers,
  makeLoads,
  plural,
  type ReadLoads,
  type ReadOptions,
  refuseLoads,
} from './recorded-loads.js';
import { describeMissing } from './sglang-recorder.js';
import { trimWarmupWindows } from './warm-up.js';

/**
 * The number of a rank's file; undefined for files of other names, which hold what single tokens chose, or what was
 * chosen together.
 */
export function rankOfStatistics(name: string): number | undefined {
  const rank = /^rank(\d{1,6})\.safetensors$/.exec(name)?.[1];
  return rank === undefined ? undefined : Number(rank);
}

/**
 * The statistics folder of TensorRT-LLM (`EXPERT_STATISTIC_PATH`), or those of several servers: `meta_info.json`, and
 * for each rank a `rank<r>.safetensors` whose tensors `<iteration>_<layer>` hold whole numbers `[experts]`. Each is
 * summed over the ranks that have it, a window is an iteration, layers have the model's numbers. Iterations that lack a
 * layer, as the last of a server that was stopped, are left out where others are whole. Throws `InputError`.
 * Source: TensorRT-LLM, tensorrt_llm/_torch/expert_statistic.py and examples/wide_ep/ep_load_balancer/utils.py.
 */
export function readTensorRtStatistics(
  files: FileTree,
  folders: readonly string[],
  { trimWarmup }: ReadOptions,
): ReadLoads {
  const [folder] = folders;
  const meta = readMeta(files, folders);
  const found = folders.flatMap((one) =>
    files.list(one).flatMap((name) => {
      const rank = rankOfStatistics(name);
      return rank === undefined ? [] : [{ rank, path: files.join(one, name) }];
    }),
  );
  const ranks = found.map(({ rank }) => rank);
  const indexes = found.sort((a, b) => a.rank - b.rank).map(({ path }) => readSafetensorsFrom(files, path));
  if (indexes.length === 0) return refuseLoads('it has no rank0.safetensors', folder, 'copy the files of all ranks');
  const keys = listKeys(indexes, folder);
  for (const index of indexes) checkShapes(index, meta.experts);
  const { counts, lacking } = sumOverRanks(indexes, keys, meta.experts);
  const loads = makeLoads(counts, { layers: keys.layers.length, experts: meta.experts }, folder);
  const { kept, notes } = trimWarmupWindows(loads, trimWarmup);
  return {
    format: 'tensorrt-llm',
    loads: kept,
    layerNumbers: keys.layers,
    layerNumbering: 'absolute',
    notes: [
      `the files of ${plural(ranks.length, 'rank')} were summed`,
      ...describeMissing(listMissing(ranks, meta.ranks)),
      ...describeLacking(lacking),
      ...describeCut(keys.cut),
      ...notes,
    ],
  };
}

function describeLacking(tensors: number): readonly string[] {
  if (tensors === 0) return [];
  return [`${plural(tensors, 'tensor')} not in the files of all ranks: summed over those that have them`];
}

function describeCut(iterations: readonly number[]): readonly string[] {
  if (iterations.length === 0) return [];
  const which = `${iterations.length === 1 ? 'iteration' : 'iterations'} ${listNumbers(iterations)}`;
  return [`${which} left out: ${iterations.length === 1 ? 'it lacks' : 'they lack'} a layer`];
}

interface Meta {
  readonly experts: number;
  /** Of expert parallelism, where newer versions say so. */
  readonly ranks: number;
}

function readMeta(files: FileTree, folders: readonly string[]): Meta {
  const path = folders.map((folder) => files.join(folder, 'meta_info.json')).find(files.has);
  if (path === undefined) {
    const mend = "copy it from the EXPERT_STATISTIC_PATH of rank 0's server, or give that folder too";
    return refuseLoads('the folder has no meta_info.json', folders[0], mend);
  }
  const meta = parseJson(decodeUtf8(files.read(path, { maxBytes: 2 ** 20 }), path), path);
  const { num_experts: experts, ep_size: ranks } = isRecord(meta) ? meta : {};
  if (!isCount(experts)) return refuseLoads('num_experts is no whole number from 1', path);
  return { experts, ranks: isCount(ranks) && ranks <= mostRanks ? ranks : 0 };
}

const mostRanks = 2 ** 16;

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

interface Keys {
  readonly iterations: readonly number[];
  readonly layers: readonly number[];
  /** Iterations that lack a layer. */
  readonly cut: readonly number[];
}

/**
 * In the order of their numbers; some rank must have a tensor for each pair, which also bounds what is allocated for
 * them.
 */
function listKeys(indexes: readonly TensorIndex[], folder: string): Keys {
  const layersOf = new Map<number, Set<number>>();
  for (const { tensors, where } of indexes) {
    for (const name of tensors.keys()) {
      const [, iteration, layer] = /^(\d{1,15})_(\d{1,6})$/.exec(name) ?? [];
      if (iteration === undefined || layer === undefined)
        return refuseLoads(`tensor ${JSON.stringify(name.slice(0, 40))} is no <iteration>_<layer>`, where);
      layersOf.set(Number(iteration), (layersOf.get(Number(iteration)) ?? new Set()).add(Number(layer)));
    }
  }
  const sort = (numbers: Iterable<number>) => [...new Set(numbers)].sort((a, b) => a - b);
  const layers = sort([...layersOf.values()].flatMap((one) => [...one]));
  if (layers.length === 0) return refuseLoads('its files have no tensor', folder, 'record some iterations');
  const all = sort(layersOf.keys());
  const isWhole = (iteration: number) => layersOf.get(iteration)?.size === layers.length;
  const iterations = all.filter(isWhole);
  if (iterations.length > 0) return { iterations, layers, cut: all.filter((iteration) => !isWhole(iteration)) };
  const missing = layers.find((layer) => layersOf.get(all[0])?.has(layer) !== true);
  return refuseLoads(`iteration ${all[0]} has no layer ${missing}, which another has`, folder, 'record it again');
}

/** What meta_info.json claims is held against the files before anything is allocated for it. */
function checkShapes({ tensors, where }: TensorIndex, experts: number): void {
  for (const [name, { shape, dtype }] of tensors) {
    if (!/^(?:[IU]\d+)$/.test(dtype))
      refuseLoads(`tensor '${name}' is of ${dtype}`, where, 'give the counts, of whole numbers');
    if (shape.length !== 1 || shape[0] !== experts)
      refuseLoads(`tensor '${name}' has the shape [${shape}], meta_info.json says [${experts}]`, where);
  }
}

/** `[iterations, layers, experts]`, and how many of the tensors some ranks lack. */
function sumOverRanks(
  indexes: readonly TensorIndex[],
  { iterations, layers }: Keys,
  experts: number,
): { readonly counts: Float64Array; readonly lacking: number } {
  const counts = new Float64Array(iterations.length * layers.length * experts);
  const ranksOf = new Uint32Array(iterations.length * layers.length);
  for (const { tensors, where } of indexes) {
    let row = 0;
    for (const iteration of iterations) {
      for (const layer of layers) {
        const tensor = tensors.get(`${iteration}_${layer}`);
        const sums = counts.subarray(row * experts, (row + 1) * experts);
        if (tensor !== undefined) addTensor(sums, tensor, { iteration, layer, where });
        ranksOf[row++] += tensor === undefined ? 0 : 1;
      }
    }
  }
  return { counts, lacking: ranksOf.filter((ranks) => ranks < indexes.length).length };
}

function addTensor(
  sums: Float64Array,
  tensor: TensorEntry,
  { iteration, layer, where }: { readonly iteration: number; readonly layer: number; readonly where: string },
): void {
  for (const [expert, count] of asNumberTensor(tensor).read().entries()) {
    if (!(count >= 0))
      refuseLoads(`the load of iteration ${iteration}, layer ${layer}, expert ${expert} is ${count}`, where);
    sums[expert] += count;
  }
}
