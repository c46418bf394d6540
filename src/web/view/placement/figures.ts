import type { BalanceSolution } from '../../../balance/index.js';
import { formatPercent } from '../../../base/index.js';
import { type HeatMap, mapSolution } from '../../../draw/index.js';
import type { HeatGrid } from '../heat-map.js';
import type { PlacedLoads } from './place-loads.js';

/** The loads of GPUs as grids, layers as rows. */
export interface LoadMaps {
  readonly before: HeatGrid;
  readonly after: HeatGrid;
  /** For a picture file. */
  readonly maps: readonly [HeatMap, HeatMap];
}

/** GPU loads before and after, as multiples of the mean of their layer. */
export function mapLoads({ solution, layerNumbers }: Pick<PlacedLoads, 'solution' | 'layerNumbers'>): LoadMaps {
  const maps = mapSolution(solution, layerNumbers);
  return { before: gridOf(maps[0]), after: gridOf(maps[1]), maps };
}

function gridOf({ values }: HeatMap): HeatGrid {
  return { rows: values.length, columns: values[0]?.length ?? 0, values: Float64Array.from(values.flat()) };
}

/** How a layer's most loaded GPU does. */
export interface LayerRow {
  readonly layer: number;
  /** Largest GPU loads and the bound, as multiples of the mean. */
  readonly before: number;
  readonly after: number;
  readonly bound: number;
  /** Share above the bound; 0 where it is proven the least. */
  readonly gap: number;
}

/** `[layers]`; a layer without tokens is even. */
export function listLayers({ solution, layerNumbers }: Pick<PlacedLoads, 'solution' | 'layerNumbers'>): LayerRow[] {
  const { before, after, lowerBound } = solution;
  return layerNumbers.map((layer, row) => {
    const even = after.evenLoad[row] || 1;
    const [largest, bound] = [after.maxGpuLoad[row]!, lowerBound[row]!];
    return {
      layer,
      before: before.maxGpuLoad[row]! / even,
      after: largest / even,
      bound: bound / even,
      gap: largest === bound ? 0 : largest / bound - 1,
    };
  });
}

/** A figure with its name and what it is of. */
export interface Figure {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}

/**
 * Balance, and by how much the largest GPU loads fall: of several windows, on those that were not placed by, and then
 * on those that were. Each says which.
 */
export function listFigures(solution: BalanceSolution): readonly Figure[] {
  const { before, after, hasCurrent, heldOut, gap, windows } = solution;
  const first = hasCurrent ? 'now' : 'before';
  const number = (value: number): string => value.toFixed(4);
  const least = gap === 0 ? 'proven to be the least' : 'at most, of the least possible';
  if (heldOut === undefined) {
    const saved = before.windows.mean === 0 ? 0 : 1 - after.windows.mean / before.windows.mean;
    const note = `${first} ${number(before.balancedness.ratioOfSums)}; 1 is even; on the window it was placed by`;
    return [
      { name: 'Balancedness', value: number(after.balancedness.ratioOfSums), note },
      { name: 'Largest GPU loads', value: formatChange(saved), note: `against ${first}` },
      { name: 'Above the bound', value: formatPercent(gap, 3), note: least },
    ];
  }
  const { balancedness, gain, deepseek } = heldOut;
  const rival = deepseek === undefined ? '' : `; DeepSeek's EPLB ${number(deepseek.ratioOfSums)}`;
  return [
    {
      name: 'Balancedness on other windows',
      value: number(balancedness.value),
      note: `± ${number(balancedness.spread)}; ${first} ${number(heldOut.before.ratioOfSums)}${rival}; 1 is even`,
    },
    {
      name: 'Largest GPU loads on other windows',
      value: formatChange(gain.value),
      note: `± ${formatPercent(gain.spread)} against ${first}`,
    },
    {
      name: 'Balancedness on its own windows',
      value: number(after.balancedness.ratioOfSums),
      note: `each of the ${windows} windows it was placed by alone`,
    },
    { name: 'Above the bound on its own windows', value: formatPercent(gap, 3), note: `${least}, for all together` },
  ];
}

/** Of which windows the maps are, so that an even picture is not taken for what other windows will do. */
export function describeMaps({ hasCurrent, windows, heldOut }: BalanceSolution): string {
  const before = hasCurrent
    ? 'Now is the placement in use.'
    : 'Before is what the file says was in force, or else how engines begin: experts in order.';
  const tokens = "Tokens over the mean of the layer's GPUs";
  if (heldOut === undefined) return `${tokens}${windows === 1 ? '' : `, ${windows} windows together`}. ${before}`;
  const { value } = heldOut.balancedness;
  const others = `${(1 / value).toFixed(2)}x the mean (balancedness ${value.toFixed(4)})`;
  return [
    `${tokens}, the ${windows} windows together that it was placed by: it fits these.`,
    `On other windows the busiest GPU of a layer has ${others}.`,
    before,
  ].join(' ');
}

/** What is saved, as a change: `−12.0%`. */
function formatChange(saved: number): string {
  return `${saved < 0 ? '+' : '−'}${formatPercent(Math.abs(saved))}`;
}

/** An expert of a layer and where it lies. */
export interface ExpertRow {
  readonly expert: number;
  /** Tokens over the mean of the layer's experts. */
  readonly load: number;
  readonly replicas: number;
  /** Tokens of one replica over that mean. */
  readonly loadOfReplica: number;
  /** The GPU of each replica, ascending. */
  readonly gpus: readonly number[];
}

/** The experts of a layer (by its row) with most tokens, and what the placement makes of them. */
export function hottestExperts(
  { solution, expertLoad }: Pick<PlacedLoads, 'solution' | 'expertLoad'>,
  layer: number,
  most: number,
): ExpertRow[] {
  const { placement, machine, replicas } = solution;
  const { experts, slots } = placement;
  const loads = expertLoad.subarray(layer * experts, (layer + 1) * experts);
  const mean = loads.reduce((sum, load) => sum + load, 0) / experts || 1;
  const row = placement.physicalToLogical.subarray(layer * slots, (layer + 1) * slots);
  return [...loads.keys()]
    .sort((a, b) => loads[b]! - loads[a]! || a - b)
    .slice(0, most)
    .map((expert) => {
      const own = replicas[layer * experts + expert]!;
      const load = loads[expert]! / mean;
      return { expert, load, replicas: own, loadOfReplica: load / own, gpus: gpusOf(row, expert, machine) };
    });
}

function gpusOf(row: Int32Array, expert: number, { gpus, slotStarts }: BalanceSolution['machine']): number[] {
  return Array.from({ length: gpus }, (_, gpu) => gpu).flatMap((gpu) =>
    Array.from(
      row.subarray(slotStarts[gpu], slotStarts[gpu + 1]).filter((held) => held === expert),
      () => gpu,
    ),
  );
}
