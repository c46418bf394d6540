/** A file that a rank wrote, as its name and records say. */
export interface RankFile {
  readonly path: string;
  readonly rank: number;
  /** By the rank's own clock, in seconds; undefined where its name has none. */
  readonly time: number | undefined;
  /** The forward passes that it counts; undefined where it does not say. */
  readonly passes: ReadonlySet<number> | undefined;
}

/** A name that ends in a time and a rank, `NAME_1747412345.12_3.pt`, or in a rank alone. */
const timedPattern = /^(?<start>.*?)(?<time>\d+(?:\.\d+)?)_(?<rank>\d{1,5})\.pt$/;
const plainPattern = /^(?<start>.*_)(?<rank>\d{1,5})\.pt$/;

/** What the name of a file of a recorder says; undefined for a name of another kind. */
export interface RankName {
  readonly start: string;
  readonly time: number | undefined;
  readonly rank: number;
}

/** Takes a name such as `expert_distribution_recorder_1747412345.12_3.pt` apart. */
export function parseRankName(name: string): RankName | undefined {
  const { start, time, rank } = (timedPattern.exec(name) ?? plainPattern.exec(name))?.groups ?? {};
  if (start === undefined || rank === undefined) return undefined;
  return { start, time: time === undefined ? undefined : Number(time), rank: Number(rank) };
}

/**
 * The files that ranks wrote at the same times, a list for each time, in the order of times and ranks. Clocks of ranks
 * differ, so that files belong together that count the same forward passes; where several do, as of a server that was
 * started again, those nearest in time.
 */
export function groupRankFiles(files: readonly RankFile[]): readonly (readonly RankFile[])[] {
  const groups: RankFile[][] = [];
  for (let rest = files; rest.length > 0; ) {
    // The rank with most files says how many times there are.
    const anchors = largest(groupByRank(rest));
    const made = anchors.map((anchor) => [anchor]);
    const taken = new Set(anchors);
    for (const { file, group } of sortPairs(rest, anchors)) {
      if (taken.has(file) || made[group].some(({ rank }) => rank === file.rank)) continue;
      made[group].push(file);
      taken.add(file);
    }
    groups.push(...made);
    rest = rest.filter((file) => !taken.has(file));
  }
  const sorted = groups.map((group) => group.sort((a, b) => a.rank - b.rank));
  return sorted.sort((a, b) => timeOf(a[0]) - timeOf(b[0]) || (a[0].path < b[0].path ? -1 : 1));
}

/** Clocks of servers differ by less, in seconds. */
export const farApart = 600;

interface Pair {
  readonly file: RankFile;
  readonly group: number;
  readonly distance: number;
}

/** Each file with each anchor that it may belong to, the nearest first. */
function sortPairs(files: readonly RankFile[], anchors: readonly RankFile[]): readonly Pair[] {
  const pairs = files.flatMap((file) =>
    anchors.flatMap((anchor, group) => {
      const distance = Math.abs(timeOf(file) - timeOf(anchor));
      if (file.rank === anchor.rank || distance > farApart || !mayBelong(file, anchor)) return [];
      return [{ file, group, distance }];
    }),
  );
  return pairs.sort((a, b) => a.distance - b.distance);
}

function mayBelong({ passes: a }: RankFile, { passes: b }: RankFile): boolean {
  if (a === undefined || b === undefined || a.size === 0 || b.size === 0) return true;
  const [few, many] = a.size < b.size ? [a, b] : [b, a];
  let looked = 0;
  for (const pass of few) {
    if (many.has(pass)) return true;
    looked += 1;
    if (looked > mostLooked) return false;
  }
  return false;
}

/** Files of one time have nearly all passes in common. */
const mostLooked = 4096;

function timeOf({ time = 0 }: RankFile): number {
  return time;
}

function groupByRank(files: readonly RankFile[]): ReadonlyMap<number, RankFile[]> {
  const ranks = new Map<number, RankFile[]>();
  for (const file of files) {
    const known = ranks.get(file.rank);
    if (known === undefined) ranks.set(file.rank, [file]);
    else known.push(file);
  }
  return ranks;
}

function largest(ranks: ReadonlyMap<number, RankFile[]>): readonly RankFile[] {
  const [first, ...rest] = [...ranks].sort(([a], [b]) => a - b);
  return rest.reduce((most, [, files]) => (files.length > most.length ? files : most), first[1]);
}

/** The numbers from 0 to the largest, or below `ranks`, that are not among those given. */
export function listMissing(given: readonly number[], ranks = 0): readonly number[] {
  const known = new Set(given);
  const count = Math.min(Math.max(ranks, ...given.map((rank) => rank + 1)), mostRanks);
  return Array.from({ length: count }, (_, rank) => rank).filter((rank) => !known.has(rank));
}

const mostRanks = 2 ** 16;
