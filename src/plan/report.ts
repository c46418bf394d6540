import { formatBytes, formatCount, formatPercent, formatSeconds } from '../base/index.js';
import { type ModelFlops, modelFlops } from '../config/index.js';
import { labelSchedule } from './auto/index.js';
import { knownError } from './calibration.js';
import type { Plan, StepBreakdown } from './layout.js';
import { countParameters } from './parameters.js';
import type { CostBasis } from './part-segments.js';
import type { ReadBasis } from './read-basis.js';
import { countGpus, type LayoutSearchResult, type PlanRequest } from './search-layouts.js';

/** What was searched, and what was found. */
export interface PlannedSearch extends ReadBasis {
  readonly request: Pick<PlanRequest, 'sequencesPerStep' | 'sequenceLength'>;
  readonly result: LayoutSearchResult;
}

/** What a plan's step says about a whole training. */
export interface PlanRates {
  /** Of the GPUs' BF16 peak, from 0 to 1. */
  readonly mfu: number;
  readonly tokensPerSecond: number;
  readonly gpuHoursPerTrillionTokens: number;
}

/** The rates of a plan. */
export function planRates({ basis, request }: Omit<PlannedSearch, 'result'>, { stepSeconds }: Plan): PlanRates {
  const { model, cluster } = basis;
  const gpus = countGpus(cluster);
  const tokensPerSecond = (request.sequencesPerStep * request.sequenceLength) / stepSeconds;
  const { trainingFlopsPerToken } = modelFlops(model.sizes, request.sequenceLength);
  return {
    mfu: (tokensPerSecond * trainingFlopsPerToken) / (gpus * cluster.gpu.bf16Tflops * 1e12),
    tokensPerSecond,
    gpuHoursPerTrillionTokens: (1e12 / tokensPerSecond / 3600) * gpus,
  };
}

/** A model's size and work, as plans show them. */
export interface ModelNumbers
  extends ReturnType<typeof countParameters>,
    Pick<ModelFlops, 'activeMatrixParameters' | 'trainingFlopsPerToken'> {
  readonly precision: CostBasis['model']['precision'];
}

/** Parameters and arithmetic of a model. */
export function describeModel({ model }: CostBasis, sequenceLength: number): ModelNumbers {
  const { activeMatrixParameters, trainingFlopsPerToken } = modelFlops(model.sizes, sequenceLength);
  return { ...countParameters(model), activeMatrixParameters, trainingFlopsPerToken, precision: model.precision };
}

/** A search for a person, a sentence a part. */
export interface SearchSummary {
  readonly model: string;
  readonly cluster: string;
  readonly step: string;
  /** Where the times come from. */
  readonly times: string;
  readonly layouts: string;
  /** How far predictions are known to be off, and which plans are no further apart. */
  readonly error: string;
}

/** A model and a cluster in words, known before anything is searched. */
export function describeBasis(
  basis: CostBasis,
  { sequenceLength }: Pick<PlanRequest, 'sequenceLength'>,
): Pick<SearchSummary, 'model' | 'cluster'> {
  const { main, prediction, activeMatrixParameters, trainingFlopsPerToken, precision } = describeModel(
    basis,
    sequenceLength,
  );
  const { nodes, gpu, links } = basis.cluster;
  const modules = prediction === 0 ? '' : ` and ${formatCount(prediction)} for multi-token prediction`;
  return {
    model:
      `${formatCount(main)} parameters${modules}, ${formatCount(activeMatrixParameters)} active in matrices, ` +
      `${formatFlops(trainingFlopsPerToken)} a token, ${precision.toUpperCase()}`,
    cluster:
      `${nodes.count} nodes x ${nodes.gpus} GPUs, ${gpu.memoryGib} GiB, ${gpu.bf16Tflops} TFLOP/s BF16, ` +
      `${links.insideGbPerS} GB/s inside a node, ${links.betweenGbPerS} GB/s between`,
  };
}

/** What was searched and how, in words. */
export function summarizeSearch(search: PlannedSearch): SearchSummary {
  const { basis, request, result } = search;
  const { sequencesPerStep, sequenceLength } = request;
  const rejected = Object.entries(result.rejected).filter(([, count]) => count > 0);
  return {
    ...describeBasis(basis, request),
    step: `${sequencesPerStep} sequences x ${sequenceLength} tokens = ${formatCount(sequencesPerStep * sequenceLength)} tokens`,
    times: describeTimes(search),
    layouts: `${result.plans.length} predicted; rejected: ${
      rejected.length === 0 ? 'none' : rejected.map(([reason, count]) => `${count} ${reason}`).join(', ')
    }`,
    error: describeError(search),
  };
}

/** `249.6 GFLOP`, `1.2 MFLOP`. */
function formatFlops(flops: number): string {
  return flops < 1e8 ? `${(flops / 1e6).toFixed(1)} MFLOP` : `${(flops / 1e9).toFixed(1)} GFLOP`;
}

/** Seconds of a step as plans show them, side by side: in milliseconds or less where they would begin with zeros. */
export function formatStepSeconds(seconds: number, digits = 3): string {
  return seconds === 0 || seconds >= 10 ** (1 - digits) ? `${seconds.toFixed(digits)} s` : formatSeconds(seconds);
}

/** How many of the plans, from the first, differ from it by no more than predictions are known to be off. */
export function countAlike({ basis, result }: Pick<PlannedSearch, 'basis' | 'result'>): number {
  const [first] = result.plans;
  if (first === undefined) return 0;
  const most = first.stepSeconds * (1 + knownError(basis.calibration));
  return result.plans.filter(({ stepSeconds }) => stepSeconds <= most).length;
}

function describeError(search: PlannedSearch): string {
  const error = formatPercent(knownError(search.basis.calibration));
  const known = `the one step that is known, of DeepSeek-V3 on 2,048 H800, was ${error} off its prediction`;
  const alike = countAlike(search);
  if (alike > 1) return `${known}: plans 1 to ${alike} are no further apart, and their order is not certain`;
  return search.result.plans.length > 1 ? `${known}: plan 1 leads by more` : known;
}

function describeTimes({ basis, calibrationFile }: ReadBasis): string {
  if (calibrationFile === 'none') return 'predicted from first principles, without calibration';
  const { forward, backwardInput, backwardWeight, overlapped, optimizer } = basis.calibration;
  const text = (factor: number) => factor.toFixed(3);
  return (
    `predicted, with factors fitted to ${calibrationFile}: forward ${text(forward)}, input gradient ${text(backwardInput)}, ` +
    `weight gradient ${text(backwardWeight)}, pairs ${text(overlapped)}, reduction and optimizer ${text(optimizer)}`
  );
}

/** A column of a table of plans. */
export interface PlanColumn {
  readonly name: string;
  readonly text: (plan: Plan, rates: PlanRates) => string;
}

/** The columns of a table of plans. */
export const planColumns = {
  schedule: { name: 'predicted plan', text: ({ schedule, stagesPerRank }) => labelSchedule(schedule, stagesPerRank) },
  pipeline: { name: 'pipeline', text: ({ pipeline }) => String(pipeline) },
  expert: { name: 'expert', text: ({ expert }) => String(expert) },
  data: { name: 'data', text: ({ data }) => String(data) },
  microbatches: {
    name: 'microbatches',
    text: ({ microbatches, microbatchSize }) => `${microbatches} x ${microbatchSize}`,
  },
  recomputation: { name: 'recomputation', text: ({ recomputation }) => recomputation },
  sms: { name: 'SMs', text: ({ communicationSms }) => String(communicationSms) },
  step: { name: 'step', text: ({ stepSeconds }) => formatStepSeconds(stepSeconds) },
  bubble: { name: 'bubble', text: ({ bubbleFraction }) => `${(100 * bubbleFraction).toFixed(1)}%` },
  exposed: {
    name: 'exposed',
    text: ({ exposedCommunicationSeconds }) => formatStepSeconds(exposedCommunicationSeconds, 2),
  },
  memory: { name: 'memory', text: ({ peakMemoryBytes }) => formatBytes(Math.max(...peakMemoryBytes)) },
  mfu: { name: 'MFU', text: (_, { mfu }) => `${(100 * mfu).toFixed(1)}%` },
  tokens: { name: 'tokens/s', text: (_, { tokensPerSecond }) => formatCount(tokensPerSecond) },
  gpuHours: {
    name: 'GPU h/T tokens',
    text: (_, { gpuHoursPerTrillionTokens }) => formatCount(gpuHoursPerTrillionTokens),
  },
} as const satisfies Readonly<Record<string, PlanColumn>>;

/** What each part of a step is, in the order in which they are told. */
export const breakdownWords: Readonly<Record<keyof StepBreakdown, string>> = {
  forward: 'forwards outside of pairs',
  backward: 'backwards outside of pairs',
  backwardWeight: 'weight gradients put off',
  overlapped: 'overlapped pairs',
  warmUp: 'idle: warm-up',
  waiting: 'idle: waiting for other ranks',
  messages: 'idle: messages on their way',
  coolDown: 'idle: cool-down',
  reduce: 'reduction of gradients',
  optimizer: 'optimizer',
};
