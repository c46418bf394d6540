import { divideByGroupMeans, measureImbalance } from '../balance/index.js';
import type { StepMetrics } from '../formats/index.js';

/** Means over the first and the last tenth of the run. */
interface Change {
  readonly start: number;
  readonly end: number;
}

/** How evenly the ranks of a run that share experts worked. Imbalances are multiples of the mean: 1 is even. */
export interface BalanceSummary {
  /** The slowest rank by the rows that its experts computed, and by the time for which its computing thread had a core. */
  readonly rankImbalance: Change;
  readonly computingImbalance?: Change;
  /** The most used expert, whatever rank it lies on. */
  readonly expertImbalance: Change;
  readonly loadMap: LoadMap;
  /** Only if there were decisions or moves. */
  readonly replicas?: ReplicaSummary;
}

/** Loads of ranks over time. */
interface LoadMap {
  readonly firstStep: number;
  readonly lastStep: number;
  /** The last column may have fewer. */
  readonly stepsPerColumn: number;
  /** `[ranks][columns]`: a rank's rows over the mean of the ranks that it shares experts with; 0 where none of them has experts. */
  readonly loads: readonly (readonly number[])[];
  /** `[columns]`: whether replicas moved. */
  readonly moved: readonly boolean[];
}

/** What moving replicas cost and brought. */
interface ReplicaSummary {
  readonly decisions: number;
  readonly decisionsThatMove: number;
  readonly moves: number;
  readonly bytes: number;
  /** Migration that nothing hid, and its share of the time of all steps. */
  readonly exposedSeconds: number;
  readonly exposedShare: number;
  /**
   * Computing time that the slowest rank was spared against the placement at the start: computed, not measured. Absent where the steps do not say what that
   * placement would have given.
   */
  readonly computedGainSeconds?: number;
  /** With which it is computed: time of the experts over their rows, of all steps. */
  readonly secondsPerRow: number;
}

/** The most columns of a `LoadMap`. */
const MOST_COLUMNS = 60;

/**
 * Sums up how evenly a run of at least one step was spread over its ranks.
 *
 * @param expert ranks that share experts
 */
export function summarizeBalance(steps: readonly StepMetrics[], expert: number): BalanceSummary {
  const computing = steps.flatMap(({ computeCpuSeconds }) =>
    computeCpuSeconds === undefined ? [] : [computeCpuSeconds],
  );
  const replicas = summarizeReplicas(steps);
  return {
    rankImbalance: compareEnds(
      steps.map(({ rankLoads }) => rankLoads),
      (loads) => measureImbalance(loads, expert),
    ),
    ...(computing.length === steps.length && {
      computingImbalance: compareEnds(computing, (times) => measureImbalance(times, expert)),
    }),
    expertImbalance: compareEnds(
      steps.map(({ balancedness }) => balancedness),
      (values) => values.length / sum(values),
    ),
    loadMap: mapLoads(steps, expert),
    ...(replicas !== undefined && { replicas }),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function compareEnds<Value>(values: readonly Value[], measure: (some: readonly Value[]) => number): Change {
  const tenth = Math.max(1, Math.round(values.length / 10));
  return { start: measure(values.slice(0, tenth)), end: measure(values.slice(-tenth)) };
}

function mapLoads(steps: readonly StepMetrics[], expert: number): LoadMap {
  const stepsPerColumn = Math.ceil(steps.length / MOST_COLUMNS);
  const columns = Array.from({ length: Math.ceil(steps.length / stepsPerColumn) }, (_, column) =>
    steps.slice(column * stepsPerColumn, (column + 1) * stepsPerColumn),
  );
  const byColumn = columns.map((some) => {
    const rows = steps[0].rankLoads.map((_, rank) => sum(some.map(({ rankLoads }) => rankLoads[rank])));
    return divideByGroupMeans(rows, expert);
  });
  return {
    firstStep: steps[0].step,
    lastStep: steps[steps.length - 1].step,
    stepsPerColumn,
    loads: steps[0].rankLoads.map((_, rank) => byColumn.map((loads) => loads[rank])),
    moved: columns.map((some) => some.some(({ moves }) => moves > 0)),
  };
}

function summarizeReplicas(steps: readonly StepMetrics[]): ReplicaSummary | undefined {
  const decisions = steps.flatMap(({ decision }) => decision ?? []);
  const migrations = steps.flatMap(({ migration }) => migration ?? []);
  const moves = sum(steps.map((step) => step.moves));
  if (decisions.length === 0 && moves === 0) return undefined;
  const exposedSeconds = sum(migrations.map((migration) => migration.exposedSeconds));
  const secondsPerRow = measureSecondsPerRow(steps);
  const computedGainSeconds = computeGain(steps, secondsPerRow);
  return {
    decisions: decisions.length,
    decisionsThatMove: decisions.filter((decision) => decision.moves > 0).length,
    moves,
    bytes: sum(migrations.map(({ bytes }) => bytes)),
    exposedSeconds,
    exposedShare: exposedSeconds / sum(steps.map(({ seconds }) => seconds)),
    ...(computedGainSeconds !== undefined && { computedGainSeconds }),
    secondsPerRow,
  };
}

/** Time for which threads had a core, where the system tells: with fewer cores than ranks experts take longer than they compute. */
function measureSecondsPerRow(steps: readonly StepMetrics[]): number {
  const seconds = sum(steps.flatMap(({ expertCpuSeconds, expertSeconds }) => expertCpuSeconds ?? expertSeconds));
  const rows = sum(steps.flatMap(({ rankLoads }) => rankLoads));
  return rows === 0 ? 0 : seconds / rows;
}

/** Of the steps after the first move: until then the placement is that of the start. */
function computeGain(steps: readonly StepMetrics[], secondsPerRow: number): number | undefined {
  const first = steps.findIndex(({ moves }) => moves > 0);
  const moved = first < 0 ? [] : steps.slice(first + 1);
  const spared = moved.flatMap(({ unmovedRankLoads, rankLoads }) =>
    unmovedRankLoads === undefined ? [] : [Math.max(...unmovedRankLoads) - Math.max(...rankLoads)],
  );
  return spared.length === moved.length ? secondsPerRow * sum(spared) : undefined;
}
