import type { RunSpec } from '../runtime/index.js';
import type { Timeline } from '../schedule/index.js';
import { type Costs, simulate } from '../simulate/index.js';
import type { TrainingResult } from './run.js';

/** What a run comes to. */
export interface RunSummary {
  readonly steps: number;
  readonly lossFirst: number;
  readonly lossLast: number;
  readonly validationLoss: number | undefined;
  /** Of the median step. */
  readonly tokensPerSecond: number;
  /** Shares of the time of all steps, by rank: computing, communication that nothing hid and idle time sum to 1. */
  readonly ranks: readonly {
    readonly compute: number;
    /** The communication lane at work, hidden or not. */
    readonly communication: number;
    readonly exposedCommunication: number;
    readonly idle: number;
  }[];
  /** Idle share of all ranks that the schedule has by the simulator, with the last step's own times of forward and backward; a prediction. */
  readonly predictedBubble: number;
  /** Idle share of all ranks in the last step's pipeline. */
  readonly measuredBubble: number;
}

/** Sums up a run of at least one step. */
export function summarizeRun({ steps, timeline, spec }: TrainingResult): RunSummary {
  const total = steps.reduce((sum, { seconds }) => sum + seconds, 0);
  const share = (pick: (metrics: (typeof steps)[number]) => readonly number[], rank: number) =>
    steps.reduce((sum, metrics) => sum + pick(metrics)[rank], 0) / total;
  const rates = steps.map(({ tokensPerSecond }) => tokensPerSecond).sort((a, b) => a - b);
  return {
    steps: steps.length,
    lossFirst: steps[0].loss,
    lossLast: steps[steps.length - 1].loss,
    validationLoss: steps.findLast(({ validationLoss }) => validationLoss !== undefined)?.validationLoss,
    tokensPerSecond: rates[rates.length >> 1],
    ranks: steps[0].computeSeconds.map((_, rank) => ({
      compute: share(({ computeSeconds }) => computeSeconds, rank),
      communication: share(({ communicationSeconds }) => communicationSeconds, rank),
      exposedCommunication: share(({ exposedCommunicationSeconds }) => exposedCommunicationSeconds, rank),
      idle: share(({ idleSeconds }) => idleSeconds, rank),
    })),
    predictedBubble: simulate(spec.schedule, measureCosts(spec, timeline)).bubble,
    measuredBubble: measureBubble(timeline),
  };
}

/** Mean time of each kind of work of each stage in a recorded step. */
function measureCosts({ schedule, expert }: RunSpec, timeline: Timeline): Costs {
  const stages = schedule.stageToRank.length;
  const chunks = (expert * schedule.microbatches) / schedule.pipelines.length;
  const sums = {
    forward: new Array<number>(stages).fill(0),
    backwardInput: new Array<number>(stages).fill(0),
    backwardWeight: new Array<number>(stages).fill(0),
  };
  for (const { kind, start, end, chunks: works } of timeline.ranks.flat()) {
    if (kind !== 'forward' && kind !== 'backwardInput' && kind !== 'backwardWeight') continue;
    for (const { stage } of works) sums[kind][stage] += end - start;
  }
  const mean = (values: readonly number[]) => values.map((value) => Math.max(value / chunks, 1e-9));
  return {
    forward: mean(sums.forward),
    backwardInput: mean(sums.backwardInput),
    backwardWeight: mean(sums.backwardWeight),
    p2p: 0,
  };
}

function measureBubble({ ranks }: Timeline): number {
  const events = ranks.flat().filter(({ lane }) => lane === 'compute');
  const start = Math.min(...events.map((event) => event.start));
  const end = Math.max(...events.map((event) => event.end));
  const busy = events.reduce((sum, event) => sum + event.end - event.start, 0);
  return 1 - busy / ((end - start) * ranks.length);
}
