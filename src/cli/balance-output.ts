import type {
  Machine,
  Migration,
  MoveCost,
  PlacedExperts,
  Placement,
  PlacementPolicy,
  PlacementStrategy,
  RobustObjective,
} from '../balance/index.js';
import { formatSeconds } from '../base/index.js';
import { drawHeatMapSvg } from '../draw/index.js';
import type { PlacementFormat } from '../formats/index.js';
import type { LoadsInput, SourceFlags } from './balance-input.js';
import {
  drawHeatMaps,
  formatMeasures,
  gapOf,
  heatMapOf,
  type Measurement,
  placementJson,
  toRows,
} from './balance-report.js';

export interface BalanceFlags extends SourceFlags {
  readonly groups: number;
  readonly strategy: PlacementStrategy | 'auto';
  readonly policy: PlacementPolicy;
  readonly current?: string;
  readonly maxMoves?: number;
  readonly moveCost?: number;
  readonly interval?: number;
  readonly robust?: RobustObjective;
  readonly traffic?: number;
  readonly seed: number;
  readonly iterations?: number;
  readonly budget?: number;
  readonly format?: PlacementFormat;
  readonly out?: string;
  readonly svg?: string;
  readonly json?: boolean;
}

/** All that a run of `balance` came to. */
export interface BalanceResult {
  readonly flags: BalanceFlags;
  readonly input: LoadsInput;
  readonly machine: Machine;
  readonly placed: PlacedExperts;
  readonly placement: Placement;
  readonly migration: Migration | undefined;
  readonly hasCurrent: boolean;
  readonly before: Measurement;
  readonly after: Measurement;
  /** What keeping each group on one node comes to, beside routes. */
  readonly grouped: Measurement | undefined;
  readonly lowerBound: Float64Array;
  readonly seconds: number;
}

/** What moves cost, if the flags say so. */
export function costOf({ moveCost, interval }: BalanceFlags): MoveCost | undefined {
  return moveCost === undefined || interval === undefined
    ? undefined
    : { secondsPerMove: moveCost, intervalSeconds: interval };
}

/** The picture of the loads before and after for a report. */
export function drawBalanceSvg(result: BalanceResult): string {
  return drawHeatMapSvg(drawMaps(result), describe(result));
}

function drawMaps({ input, machine, before, after, hasCurrent }: BalanceResult) {
  return [
    heatMapOf(hasCurrent ? 'now' : 'before', before, machine, input.layerNumbers),
    heatMapOf('after', after, machine, input.layerNumbers),
  ];
}

function describe({ input, machine, flags, placed }: BalanceResult): string {
  const { loads } = input;
  const windows = loads.windows === 1 ? '' : `, ${loads.windows} windows`;
  const used = machine.isUsed.reduce((sum, value) => sum + value, 0);
  const gpus = used === machine.gpus ? `${used} GPUs` : `${used} of ${machine.gpus} GPUs`;
  const nodes = machine.nodes === 1 ? '' : ` on ${machine.nodes} nodes`;
  return `${loads.layers} layers of ${loads.experts} experts in ${machine.slots} slots of ${gpus}${nodes}${windows}; policy ${flags.policy}, ${placed.strategy} (${placed.reason})`;
}

/** For a person: what was done, the picture, the measures, and whether to move. */
export function formatBalanceText(result: BalanceResult): string {
  const { before, after, grouped, lowerBound, hasCurrent, seconds } = result;
  const titles = [hasCurrent ? 'now' : 'before', 'after', ...(grouped === undefined ? [] : ['groups on nodes'])];
  const gap = gapOf(after.maxGpuLoad, lowerBound);
  const proof =
    gap === 0
      ? 'proven to be the least that is possible'
      : `at most ${(100 * gap).toFixed(3)}% above the least that is possible`;
  return [
    `${describe(result)}\n`,
    drawHeatMaps(drawMaps(result)),
    formatMeasures(titles, [before, after, ...(grouped === undefined ? [] : [grouped])]),
    `The largest GPU loads are ${proof}. Placed in ${formatSeconds(seconds)}.\n`,
    ...formatVerdict(result),
  ].join('\n');
}

/** "move 37 replicas, gain 6.2% per step, pays back in 41 s", or not. */
function formatVerdict({ migration, flags }: BalanceResult): string[] {
  if (migration === undefined) return [];
  const { moves, gain, whole } = migration;
  const cost = costOf(flags);
  const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
  const replicas = (count: number): string => `${count} replica${count === 1 ? '' : 's'}`;
  if (cost === undefined) return [`Move ${replicas(moves)}, gain ${percent(gain)} per step.\n`];
  if (moves > 0) {
    const payback = (moves * cost.secondsPerMove) / gain;
    return [`Move ${replicas(moves)}, gain ${percent(gain)} per step, pays back in ${formatSeconds(payback)}.\n`];
  }
  const spent = formatSeconds(whole.moves * cost.secondsPerMove);
  const gained = formatSeconds(Math.max(0, whole.gain) * cost.intervalSeconds);
  return [
    `Do not move: the best placement takes ${replicas(whole.moves)}, ${spent}, and would gain ${percent(whole.gain)} per step, ${gained} until the next rebalance.\n`,
  ];
}

/** The JSON document, as a line. */
export function formatBalanceJson(result: BalanceResult): string {
  const { placement, machine, placed, migration, before, after, grouped, lowerBound, input, seconds, flags } = result;
  const cost = costOf(flags);
  const verdict = migration && {
    moves: migration.moves,
    gain: migration.gain,
    ...(cost === undefined
      ? {}
      : {
          isWorthIt: migration.moves > 0,
          paybackSeconds: migration.moves === 0 ? null : (migration.moves * cost.secondsPerMove) / migration.gain,
        }),
    whole: migration.whole,
  };
  const document = {
    ...placementJson(placement, machine, input.layerNumbers),
    gpuLoad: toRows(after.gpuLoad, machine.gpus),
    balancedness: after.balancedness,
    lowerBound: [...lowerBound],
    maxGpuLoad: [...after.maxGpuLoad],
    gap: gapOf(after.maxGpuLoad, lowerBound),
    moves: migration?.moves ?? 0,
    duplicates: after.duplicates,
    seconds,
    strategy: placed.strategy,
    reason: placed.reason,
    ...(after.nodeBalancedness === undefined ? {} : { nodeBalancedness: after.nodeBalancedness }),
    windows: { count: input.loads.windows, ...after.windows },
    before: { balancedness: before.balancedness, maxGpuLoad: [...before.maxGpuLoad], windows: before.windows },
    ...(verdict === undefined ? {} : { migration: verdict }),
    ...(after.spread === undefined
      ? {}
      : {
          traffic: {
            before: before.spread,
            after: after.spread,
            ...(grouped?.spread === undefined ? {} : { groups: grouped.spread }),
          },
        }),
    notes: input.recorded.notes,
  };
  return `${JSON.stringify(document)}\n`;
}
