import { formatBytes, formatSeconds } from '../base/index.js';
import { drawHeatMapText, type TextHeatMap } from '../draw/index.js';
import type { BalanceSummary } from '../train/index.js';
import { hasColor } from './output.js';

/** A multiple of a mean: `1.43x`. */
export const times = (multiple: number): string => `${multiple.toFixed(2)}x`;

/** How evenly a run's ranks worked, as a picture of at most `width` columns and as sentences. */
export function formatBalance(summary: BalanceSummary, width: number): string {
  const { rankImbalance: rows, computingImbalance: computing, expertImbalance: experts, replicas } = summary;
  const ofComputing =
    computing === undefined ? '' : `; computing time ${times(computing.start)} -> ${times(computing.end)}`;
  return [
    drawHeatMapText([heatMapOf(summary)], { width, color: hasColor() }),
    `slowest rank ${times(rows.start)} the mean work at the start, ${times(rows.end)} at the end (rows of its experts)${ofComputing}`,
    `experts themselves: most used ${times(experts.start)} the mean at the start, ${times(experts.end)} at the end`,
    ...(replicas === undefined ? [] : formatReplicas(replicas)),
  ].join('\n');
}

function heatMapOf({ loadMap }: BalanceSummary): TextHeatMap {
  const { firstStep, lastStep, stepsPerColumn, loads, moved } = loadMap;
  const each = stepsPerColumn === 1 ? '' : `, ${stepsPerColumn} a column`;
  return {
    title: "load of each rank over the run, in rows over the ranks' mean",
    values: loads,
    rowLabels: loads.map((_, rank) => `rank ${rank}`),
    columnName: stepsPerColumn === 1 ? 'step' : 'column',
    axis: firstStep === lastStep ? `step ${firstStep}` : `steps ${firstStep}-${lastStep}${each}`,
    words: { rowName: 'rank', mean: 'the mean of the ranks that share experts' },
    marks: { label: 'moved', columns: moved, meaning: 'replicas moved' },
  };
}

function formatReplicas(replicas: NonNullable<BalanceSummary['replicas']>): string[] {
  const { decisions, decisionsThatMove, moves, bytes, exposedSeconds, exposedShare } = replicas;
  const { computedGainSeconds: gain, secondsPerRow } = replicas;
  const what = moves === 0 ? 'no replicas' : `${moves} replica${moves === 1 ? '' : 's'} (${formatBytes(bytes)})`;
  const share = `${(100 * exposedShare).toFixed(1)}%`;
  const when = `in ${decisionsThatMove} of ${decisions} decision${decisions === 1 ? '' : 's'}`;
  return [
    `moved ${what} ${when}; ${formatSeconds(exposedSeconds)} exposed, ${share} of the run`,
    ...(gain === undefined
      ? []
      : [
          `gain, computed and not measured: ${formatSeconds(gain)} of the slowest rank's computing, against the placement at the start, from each step's counts at ${formatSeconds(secondsPerRow)} a row`,
        ]),
  ];
}
