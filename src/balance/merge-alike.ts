import { type ExpertLoads, pickWindows, shareTokens } from './loads.js';

/** Windows that are compared with each other; what is beyond them goes to the group that is nearest. */
const MOST_COMPARED = 128;

/** Groups of windows that are alike, and for each how many windows are in it. */
export interface MergedWindows {
  /** `[groups, layers, experts]`: sums of the windows of each group. */
  readonly loads: ExpertLoads;
  /** `[groups]`. */
  readonly sizes: readonly number[];
}

/**
 * At most `most` windows: more are summed in groups of windows that are alike, by the shares of tokens that experts get, so
 * that what differs stays apart whatever its order in time. J. H. Ward, "Hierarchical grouping to optimize an objective
 * function", JASA 1963: again and again those two groups become one that lose least by it.
 */
export function mergeAlike(loads: ExpertLoads, most: number): MergedWindows {
  const { windows } = loads;
  if (windows <= most) return { loads, sizes: new Array<number>(windows).fill(1) };
  const shares = shareTokens(loads);
  const compared = spread(windows, Math.min(windows, Math.max(most, MOST_COMPARED)));
  const groups = joinNearest(shares, compared, most);
  for (const window of listOthers(windows, compared)) groups[findNearest(shares, groups, window)].members.push(window);
  const size = loads.layers * loads.experts;
  const counts = new Float64Array(most * size);
  for (const [group, { members }] of groups.entries()) {
    const own = pickWindows(loads, members).counts;
    for (let i = 0; i < own.length; i++) counts[group * size + (i % size)] += own[i];
  }
  return { loads: { ...loads, windows: most, counts }, sizes: groups.map(({ members }) => members.length) };
}

/** So many of the windows, as evenly spread as they can be. */
function spread(windows: number, kept: number): number[] {
  return Array.from({ length: kept }, (_, index) => Math.floor((index * windows) / kept));
}

function listOthers(windows: number, picked: readonly number[]): number[] {
  const known = new Set(picked);
  return Array.from({ length: windows }, (_, window) => window).filter((window) => !known.has(window));
}

/** Windows, and the mean of their shares. */
interface Group {
  readonly members: number[];
  readonly mean: Float64Array;
}

function joinNearest(shares: ExpertLoads, windows: readonly number[], most: number): Group[] {
  const size = shares.layers * shares.experts;
  const groups: (Group | undefined)[] = windows.map((window) => ({
    members: [window],
    mean: shares.counts.slice(window * size, (window + 1) * size),
  }));
  const losses = groups.map((group, i) => groups.slice(0, i).map((other) => lossOf(group, other)));
  for (let left = windows.length; left > most; left--) {
    const [a, b] = findLeast(losses);
    groups[a] = joinGroups(groups[a], groups[b]);
    groups[b] = undefined;
    for (const [other, group] of groups.entries()) {
      const loss = group === undefined ? Number.POSITIVE_INFINITY : lossOf(groups[a], group);
      if (other < a) losses[a][other] = loss;
      if (other > a) losses[other][a] = loss;
      if (other < b) losses[b][other] = Number.POSITIVE_INFINITY;
      if (other > b) losses[other][b] = Number.POSITIVE_INFINITY;
    }
  }
  return groups.filter((group) => group !== undefined);
}

/** What the sum of squared distances from the groups' means grows by if two become one. */
function lossOf(a: Group | undefined, b: Group | undefined): number {
  if (a === undefined || b === undefined) return Number.POSITIVE_INFINITY;
  const weight = (a.members.length * b.members.length) / (a.members.length + b.members.length);
  return weight * squaredDistance(a.mean, b.mean, 0);
}

function squaredDistance(mean: Float64Array, values: Float64Array, start: number): number {
  let distance = 0;
  for (let i = 0; i < mean.length; i++) distance += (mean[i] - values[start + i]) ** 2;
  return distance;
}

/** Row and column of the least of a triangle. */
function findLeast(losses: readonly (readonly number[])[]): [number, number] {
  let best: [number, number] = [1, 0];
  for (const [row, values] of losses.entries()) {
    for (const [column, loss] of values.entries()) if (loss < losses[best[0]][best[1]]) best = [row, column];
  }
  return best;
}

function joinGroups(a: Group | undefined, b: Group | undefined): Group | undefined {
  if (a === undefined || b === undefined) return a;
  const share = a.members.length / (a.members.length + b.members.length);
  return {
    members: [...a.members, ...b.members],
    mean: a.mean.map((value, i) => share * value + (1 - share) * b.mean[i]),
  };
}

function findNearest({ counts }: ExpertLoads, groups: readonly Group[], window: number): number {
  const distances = groups.map(({ mean }) => squaredDistance(mean, counts, window * mean.length));
  return distances.indexOf(Math.min(...distances));
}
