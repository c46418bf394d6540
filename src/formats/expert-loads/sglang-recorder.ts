import type { Placement } from '../../balance/index.js';
import type { FileTree } from '../file-tree.js';
import { isNumberTensor } from '../number-tensor.js';
import { type CountedSlots, countRanks } from './local-slots.js';
import { addToExperts, makePlacement } from './placed-counts.js';
import { farApart, groupRankFiles, listMissing, parseRankName, type RankFile } from './rank-files.js';
import {
  joinWindows,
  listNumbers,
  makeLoads,
  plural,
  type ReadLoads,
  type ReadOptions,
  refuseLoads,
} from './recorded-loads.js';
import { describeSglang } from './sglang.js';
import { trimWarmupWindows } from './warm-up.js';

/** What is summed over the files of all ranks. */
interface Passes {
  /** `[layers, experts]` for each forward pass, by its number. */
  readonly counts: Map<number, Float64Array>;
  /** How many files count each pass. */
  readonly ranks: Map<number, number>;
  /** Where each file counts tokens. */
  readonly slots: CountedSlots[];
  placement?: Placement;
}

/** Where recordings lie, and how a file is read. */
export interface RecordingFiles {
  readonly files: FileTree;
  readonly readFile: (path: string) => unknown;
}

/** The files that the ranks of a server wrote at one time. */
export interface Recording {
  readonly members: readonly RankFile[];
  /** Ranks that files of other times are of. */
  readonly ranks: number;
}

/** Whether a `.pt` holds the records of a `per_pass` or `per_token` recording. */
export function hasRecords(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return value instanceof Map && value.has('records');
}

/**
 * The recordings that the files at `paths` belong to, in the order of their times. SGLang's ranks each write a file of
 * their own, `NAME_<time>_<rank>.pt`, with the time of their own clock: those beside `paths` are looked into as well,
 * and belong together where they count the same forward passes.
 */
export function findRecordings(paths: readonly string[], { files, readFile }: RecordingFiles): readonly Recording[] {
  const given = new Set(paths);
  const folders = new Map<string, Set<string>>();
  for (const path of paths) {
    const { folder, name } = files.split(path);
    folders.set(folder, (folders.get(folder) ?? new Set()).add(name));
  }
  let ranks = 0;
  // Servers may each have written into a folder of their own.
  const scanned = [...folders].flatMap(([folder, names]) => {
    const pathOf = (name: string) =>
      paths.find((path) => sameFile(files, path, folder, name)) ?? files.join(folder, name);
    const found = findNear(names, files.list(folder));
    ranks = Math.max(ranks, found.ranks);
    return found.near.map((name) => scanFile(readFile(pathOf(name)), pathOf(name), name));
  });
  return groupRankFiles(scanned)
    .filter((members) => members.some(({ path }) => given.has(path)))
    .map((members) => ({ members, ranks }));
}

function sameFile(files: FileTree, path: string, folder: string, name: string): boolean {
  const parts = files.split(path);
  return parts.folder === folder && parts.name === name;
}

/** Files that may belong to those named, and how many ranks all files of their kind are of. */
function findNear(
  names: ReadonlySet<string>,
  all: readonly string[],
): { readonly near: readonly string[]; readonly ranks: number } {
  const known = [...names].flatMap((name) => parseRankName(name) ?? []);
  const near = new Set(names);
  let ranks = 0;
  for (const name of all) {
    const own = parseRankName(name);
    const kin = own === undefined ? [] : known.filter(({ start }) => start === own.start);
    if (own === undefined || kin.length === 0) continue;
    ranks = Math.max(ranks, own.rank + 1);
    const isNear = kin.some(
      ({ time }) => (time === undefined) === (own.time === undefined) && distance(time, own.time) <= farApart,
    );
    if (isNear) near.add(name);
  }
  return { near: [...near], ranks };
}

function distance(a = 0, b = 0): number {
  return Math.abs(a - b);
}

function scanFile(content: unknown, path: string, name: string): RankFile {
  if (!hasRecords(content)) return refuseLoads('it has no records as the files of other ranks', path);
  const records: unknown = content.get('records');
  if (!Array.isArray(records)) return refuseLoads('records is no list', path);
  const named = parseRankName(name);
  const passes = new Set<number>();
  let rank: unknown;
  for (const record of records as unknown[]) {
    if (!(record instanceof Map)) continue;
    rank ??= record.get('rank');
    const pass: unknown = record.get('forward_pass_id');
    if (typeof pass === 'number') passes.add(pass);
  }
  const known = typeof rank === 'number' && Number.isSafeInteger(rank) && rank >= 0 ? rank : named?.rank;
  return { path, rank: known ?? 0, time: named?.time, passes };
}

/**
 * SGLang's `per_pass` and `per_token` recordings: physical counts `[layers, slots]` of each forward pass, of which each
 * rank's file has its own, summed for each pass. Throws `InputError`.
 * Source: sglang, eplb/expert_distribution.py and eplb/eplb_simulator/reader.py (0.5.23).
 */
export function readRecording(
  { members, ranks }: Recording,
  readFile: (path: string) => unknown,
  { trimWarmup }: ReadOptions,
): ReadLoads {
  const passes: Passes = { counts: new Map(), ranks: new Map(), slots: [] };
  for (const { path, rank } of members) {
    const content = readFile(path);
    if (!hasRecords(content)) return refuseLoads('it has no records as the files of other ranks', path);
    addRecords(passes, content, rank, path);
  }
  const { placement, counts } = passes;
  const [{ path }] = members;
  if (placement === undefined || counts.size === 0) return refuseLoads('it has no records', path);
  const ids = [...counts.keys()].sort((a, b) => a - b);
  const windows = ids.flatMap((id) => counts.get(id) ?? []);
  const { kept, notes } = trimWarmupWindows(makeLoads(joinWindows(windows), placement, path), trimWarmup);
  return { ...describeSglang(kept, [...describeRanks(members, passes, ranks), ...notes]), placement };
}

function describeRanks(members: readonly RankFile[], passes: Passes, ranks: number): readonly string[] {
  const missing = listMissing(
    members.map(({ rank }) => rank),
    Math.max(ranks, countRanks(passes.slots, passes.placement?.slots ?? 0)),
  );
  const fewer = [...passes.ranks.values()].filter((count) => count < members.length).length;
  return [
    members.length === 1
      ? 'only the file of one rank is here: the counts of other ranks are not in it'
      : `the files of ${plural(members.length, 'rank')} were summed`,
    ...describeMissing(missing),
    ...(fewer === 0
      ? []
      : [
          `${fewer} of ${plural(passes.counts.size, 'forward pass', 'forward passes')} lack a rank, whose counts are not in them`,
        ]),
  ];
}

/** A line for a person where files of ranks are missing. */
export function describeMissing(ranks: readonly number[]): readonly string[] {
  if (ranks.length === 0) return [];
  const one = ranks.length === 1;
  return [
    `there is no file of ${one ? 'rank' : 'ranks'} ${listNumbers(ranks)}: ${one ? 'its' : 'their'} counts are not in it`,
  ];
}

function addRecords(passes: Passes, file: ReadonlyMap<unknown, unknown>, rank: number, where: string): void {
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
  const own = new Set<number>();
  const counted = { rank, first: placement.slots, last: -1 };
  for (const [index, record] of (records as unknown[]).entries())
    own.add(addRecord(passes, record, placement, { index, where, counted }));
  passes.slots.push(counted);
  for (const id of own) passes.ranks.set(id, (passes.ranks.get(id) ?? 0) + 1);
}

/** Adds the counts of a record, and returns the number of its pass. */
function addRecord(
  passes: Passes,
  record: unknown,
  placement: Placement,
  {
    index,
    where,
    counted,
  }: { readonly index: number; readonly where: string; counted: { first: number; last: number } },
): number {
  const { layers, experts, slots } = placement;
  const refuse: (what: string) => never = (what) => refuseLoads(`record ${index}: ${what}`, where);
  if (!(record instanceof Map)) return refuse('it is no dict');
  const id: unknown = record.get('forward_pass_id');
  const tokens: unknown = record.get('global_physical_count');
  if (typeof id !== 'number' || !Number.isSafeInteger(id)) return refuse('forward_pass_id is no whole number');
  if (!isNumberTensor(tokens)) return refuse('global_physical_count is no tensor');
  const { shape } = tokens;
  if (shape.length !== 2 || shape[0] !== layers || shape[1] !== slots)
    refuse(`global_physical_count has the shape [${shape}], the placement [${layers}, ${slots}]`);
  const numbers = tokens.read();
  const bad = numbers.findIndex((count) => !(count >= 0 && count <= Number.MAX_SAFE_INTEGER));
  if (bad >= 0) refuse(`layer ${Math.floor(bad / slots)}, slot ${bad % slots} has ${numbers[bad]} tokens`);
  const sums = passes.counts.get(id) ?? new Float64Array(layers * experts);
  passes.counts.set(id, sums);
  addToExperts(sums, numbers, placement);
  for (let next = 0; next < numbers.length; next++) {
    if (numbers[next] === 0) continue;
    counted.first = Math.min(counted.first, next % slots);
    counted.last = Math.max(counted.last, next % slots);
  }
  return id;
}
