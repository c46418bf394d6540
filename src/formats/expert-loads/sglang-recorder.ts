import type { Placement } from '../../balance/index.js';
import type { FileTree } from '../file-tree.js';
import { isNumberTensor } from '../number-tensor.js';
import { addToExperts, makePlacement } from './placed-counts.js';
import { joinWindows, makeLoads, plural, type ReadOptions, type RecordedLoads, refuseLoads } from './recorded-loads.js';
import { describeSglang } from './sglang.js';
import { trimWarmupWindows } from './warm-up.js';

/** What is summed over the files of all ranks. */
interface Passes {
  /** `[layers, experts]` for each forward pass, by its number. */
  readonly counts: Map<number, Float64Array>;
  placement?: Placement;
}

/** A file of a recording, where it lies, and how another one there is read. */
interface RecordFile {
  readonly files: FileTree;
  readonly path: string;
  readonly readFile: (path: string) => unknown;
}

/** Whether a `.pt` holds the records of a `per_pass` or `per_token` recording. */
export function hasRecords(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return value instanceof Map && value.has('records');
}

/**
 * SGLang's `per_pass` and `per_token` recordings: physical counts `[layers, slots]` for each forward pass. Every rank writes a file of its own,
 * `NAME_<time>_<rank>.pt`, so those beside `path` are read with `readFile` as well, and summed for each pass. Throws `InputError`.
 * Source: sglang, expert_distribution.py.
 */
export function readSglangRecords(
  value: ReadonlyMap<unknown, unknown>,
  { files, path, readFile }: RecordFile,
  { trimWarmup }: ReadOptions,
): RecordedLoads {
  const passes: Passes = { counts: new Map() };
  const siblings = findSiblings(files, path);
  for (const file of siblings) {
    const content = file === path ? value : readFile(file);
    if (!hasRecords(content)) return refuseLoads('it has no records as the files of other ranks', file);
    addRecords(passes, content, file);
  }
  const { placement } = passes;
  if (placement === undefined || passes.counts.size === 0) return refuseLoads('it has no records', path);
  const ids = [...passes.counts.keys()].sort((a, b) => a - b);
  const counts = joinWindows(ids.map((id) => passes.counts.get(id)!));
  const { kept, notes } = trimWarmupWindows(makeLoads(counts, placement, path), trimWarmup);
  const ranks =
    siblings.length === 1
      ? 'only the file of one rank is here: the counts of other ranks are not in it'
      : `the files of ${plural(siblings.length, 'rank')} were summed`;
  return { ...describeSglang(kept, [ranks, ...notes]), placement };
}

/** The files of all ranks of one recording, in the order of ranks; only `path` where its name is not of that kind. */
function findSiblings(files: FileTree, path: string): readonly string[] {
  const { folder, name } = files.split(path);
  const recording = /^(?<recording>.+_)\d{1,5}\.pt$/.exec(name)?.groups?.recording;
  if (recording === undefined) return [path];
  const rankOf = (file: string) =>
    file.startsWith(recording) ? /^(\d{1,5})\.pt$/.exec(file.slice(recording.length))?.[1] : undefined;
  return files
    .list(folder)
    .filter((file) => rankOf(file) !== undefined)
    .sort((a, b) => Number(rankOf(a)) - Number(rankOf(b)))
    .map((file) => (file === name ? path : files.join(folder, file)));
}

function addRecords(passes: Passes, file: ReadonlyMap<unknown, unknown>, where: string): void {
  const records: unknown = file.get('records');
  const map: unknown = file.get('last_physical_to_logical_map');
  if (!Array.isArray(records)) refuseLoads('records is no list', where);
  if (!isNumberTensor(map) || map.shape.length !== 2 || map.shape.includes(0))
    refuseLoads('last_physical_to_logical_map is no tensor [layers, slots]', where);
  const placement = makePlacement(map.read(), map.shape as [number, number], where);
  const first = passes.placement ?? placement;
  if (placement.layers !== first.layers || placement.experts !== first.experts) {
    const [here, there] = [placement, first].map(({ layers, experts }) => `${layers} layers of ${experts} experts`);
    refuseLoads(`it has ${here}, the file of another rank ${there}`, where);
  }
  passes.placement = first;
  for (const [index, record] of (records as unknown[]).entries()) addRecord(passes, record, placement, index, where);
}

function addRecord(passes: Passes, record: unknown, placement: Placement, index: number, where: string): void {
  const { layers, experts, slots } = placement;
  const refuse: (what: string) => never = (what) => refuseLoads(`record ${index}: ${what}`, where);
  if (!(record instanceof Map)) refuse('it is no dict');
  const id: unknown = record.get('forward_pass_id');
  const tokens: unknown = record.get('global_physical_count');
  if (typeof id !== 'number' || !Number.isSafeInteger(id)) refuse('forward_pass_id is no whole number');
  if (!isNumberTensor(tokens)) refuse('global_physical_count is no tensor');
  const { shape } = tokens;
  if (shape.length !== 2 || shape[0] !== layers || shape[1] !== slots)
    refuse(`global_physical_count has the shape [${shape}], the placement [${layers}, ${slots}]`);
  const numbers = tokens.read();
  const bad = numbers.findIndex((count) => !(count >= 0 && count <= Number.MAX_SAFE_INTEGER));
  if (bad >= 0) refuse(`layer ${Math.floor(bad / slots)}, slot ${bad % slots} has ${numbers[bad]} tokens`);
  const sums = passes.counts.get(id) ?? new Float64Array(layers * experts);
  passes.counts.set(id, sums);
  addToExperts(sums, numbers, placement);
}
