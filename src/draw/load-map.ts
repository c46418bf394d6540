import { type BalanceSolution, describeWindows, type Machine, type Measurement, toRows } from '../balance/index.js';
import type { HeatMap } from './heat-scale.js';

/** The GPU loads of a placement as multiples of the even load, a row a layer, with the number of each row's layer. */
export function mapGpuLoads(
  title: string,
  { gpuLoad, evenLoad }: Measurement,
  { gpus }: Machine,
  layerNumbers: readonly number[],
): HeatMap {
  return {
    title,
    values: toRows(gpuLoad, gpus).map((row, layer) => row.map((load) => load / (evenLoad[layer] || 1))),
    rowLabels: layerNumbers.map((layer) => `layer ${layer}`),
    columnName: 'GPU',
  };
}

/** The GPU loads before (or now) and after, on the windows by which it was placed. */
export function mapSolution(solution: BalanceSolution, layerNumbers: readonly number[]): readonly [HeatMap, HeatMap] {
  const { before, after, machine, hasCurrent, windows } = solution;
  const ofOwn = windows === 1 ? '' : `, the ${windows} windows it was placed by together`;
  return [
    mapGpuLoads(`${hasCurrent ? 'now' : 'before'}${describeWindows(solution)}`, before, machine, layerNumbers),
    mapGpuLoads(`after${ofOwn}`, after, machine, layerNumbers),
  ];
}
