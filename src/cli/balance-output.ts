import {
  type BalanceSolution,
  describeGap,
  describeHeldOut,
  describeMoves,
  describeSolution,
  type MoveCost,
  type PlacementPolicy,
  type PlacementStrategy,
  tabulateSolution,
} from '../balance/index.js';
import { formatSeconds } from '../base/index.js';
import { drawHeatMapSvg, mapSolution } from '../draw/index.js';
import type { PlacementFormat } from '../formats/index.js';
import type { SourceFlags } from './balance-input.js';
import { drawHeatMaps, formatMeasures } from './balance-report.js';

export interface BalanceFlags extends SourceFlags {
  readonly groups: number;
  readonly strategy: PlacementStrategy | 'auto';
  readonly policy: PlacementPolicy;
  readonly current?: string;
  readonly maxMoves?: number;
  readonly moveCost?: number;
  readonly interval?: number;
  readonly robust?: 'none' | 'mean' | 'worst';
  readonly traffic?: number;
  readonly seed: number;
  readonly iterations?: number;
  readonly budget?: number;
  readonly format?: PlacementFormat;
  readonly out?: string;
  readonly svg?: string;
  readonly json?: boolean;
}

/** What moves cost, if the flags say so. */
export function costOf({ moveCost, interval }: BalanceFlags): MoveCost | undefined {
  return moveCost === undefined || interval === undefined
    ? undefined
    : { secondsPerMove: moveCost, intervalSeconds: interval };
}

/** The picture of the loads before and after for a report. */
export function drawBalanceSvg(solution: BalanceSolution, layerNumbers: readonly number[]): string {
  return drawHeatMapSvg(mapSolution(solution, layerNumbers), describeSolution(solution));
}

/** For a person: what was done, the picture, the measures, and whether to move. */
export function formatBalanceText(
  solution: BalanceSolution,
  layerNumbers: readonly number[],
  cost: MoveCost | undefined,
): string {
  const { verdict, gap, seconds, windows, objective } = solution;
  const heldOut = describeHeldOut(solution);
  const together = windows === 1 ? '' : ' of these windows together';
  // The bound is of the sum, and of what may move anywhere.
  const isBounded = (windows === 1 || objective === 'sum') && verdict === undefined;
  const bound = isBounded ? `The largest GPU loads${together} are ${describeGap(gap)}. ` : '';
  return [
    `${describeSolution(solution)}\n`,
    drawHeatMaps(mapSolution(solution, layerNumbers)),
    formatMeasures(tabulateSolution(solution)),
    ...(heldOut.length === 0 ? [] : [`${heldOut.join('\n')}\n`]),
    `${bound}Placed in ${formatSeconds(seconds)}.\n`,
    ...(verdict === undefined ? [] : [`${describeMoves(verdict, cost)}\n`]),
  ].join('\n');
}
