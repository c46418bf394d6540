import { formatBytes, formatCount } from '../base/index.js';
import { type ClusterConfig, modelFlops, type PlanningModel } from '../config/index.js';
import { type Calibration, countParameters, type LayoutSearchResult, labelSchedule, type Plan } from '../plan/index.js';
import { formatTable } from './table.js';

/** What was searched and found, for the printers. */
export interface PrintedSearch {
  readonly model: PlanningModel;
  readonly cluster: ClusterConfig;
  readonly calibration: Calibration;
  /** Its path, or `none`. */
  readonly calibrationFile: string;
  readonly result: LayoutSearchResult;
  readonly sequencesPerStep: number;
  readonly sequenceLength: number;
  /** How many plans to print. */
  readonly top: number;
}

const gibibyte = 2 ** 30;

/** What a plan's step says about a whole training. */
function rates({ model, cluster, sequencesPerStep, sequenceLength }: PrintedSearch, { stepSeconds }: Plan) {
  const gpus = cluster.nodes.count * cluster.nodes.gpus;
  const tokensPerSecond = (sequencesPerStep * sequenceLength) / stepSeconds;
  const { trainingFlopsPerToken } = modelFlops(model.sizes, sequenceLength);
  return {
    mfu: (tokensPerSecond * trainingFlopsPerToken) / (gpus * cluster.gpu.bf16Tflops * 1e12),
    tokensPerSecond,
    gpuHoursPerTrillionTokens: (1e12 / tokensPerSecond / 3600) * gpus,
  };
}

/** The contract's JSON, ends in a line break. */
export function printJson(search: PrintedSearch): string {
  const { result, calibration, calibrationFile, top } = search;
  const { plans, rejected } = result;
  const document = {
    plans: plans.slice(0, top).map((plan) => planJson(search, plan)),
    rejected,
    predictedLayouts: plans.length,
    model: describeNumbers(search),
    calibration: calibrationFile === 'none' ? null : calibration,
  };
  return `${JSON.stringify(document)}\n`;
}

function planJson(search: PrintedSearch, plan: Plan) {
  const { peakMemoryBytes, breakdown, memory, ...rest } = plan;
  const toGib = (bytes: number) => round(bytes / gibibyte);
  return {
    ...roundAll(rest),
    peakMemoryGiB: peakMemoryBytes.map(toGib),
    ...roundAll(rates(search, plan)),
    breakdownSeconds: roundAll(breakdown),
    memoryGiB: Object.fromEntries(Object.entries(memory).map(([part, bytes]) => [part, toGib(bytes)])),
  };
}

function describeNumbers({ model, sequenceLength }: PrintedSearch) {
  const { activeMatrixParameters, trainingFlopsPerToken } = modelFlops(model.sizes, sequenceLength);
  return { ...countParameters(model), activeMatrixParameters, trainingFlopsPerToken, precision: model.precision };
}

/** Six digits are more than a prediction has. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}

function roundAll<T extends object>(values: T): T {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, typeof value === 'number' ? round(value) : (value as unknown)]),
  ) as T;
}

/** For a person; ends in a line break. */
export function printText(search: PrintedSearch): string {
  const { result, top } = search;
  const [best] = result.plans;
  const shown = result.plans.slice(0, top);
  return [
    ...summaryLines(search),
    '',
    formatTable([planHeader, ...shown.map((plan) => planRow(search, plan))]),
    ...(best === undefined ? [] : bestLines(best)),
    '',
  ].join('\n');
}

function summaryLines(search: PrintedSearch): string[] {
  const { cluster, result, sequencesPerStep, sequenceLength } = search;
  const { main, prediction, activeMatrixParameters, trainingFlopsPerToken, precision } = describeNumbers(search);
  const { nodes, gpu, links } = cluster;
  const modules = prediction === 0 ? '' : ` and ${formatCount(prediction)} for multi-token prediction`;
  const rejected = Object.entries(result.rejected).filter(([, count]) => count > 0);
  return [
    `model    ${formatCount(main)} parameters${modules}, ${formatCount(activeMatrixParameters)} active in matrices, ` +
      `${(trainingFlopsPerToken / 1e9).toFixed(1)} GFLOP a token, ${precision.toUpperCase()}`,
    `cluster  ${nodes.count} nodes x ${nodes.gpus} GPUs, ${gpu.memoryGib} GiB, ${gpu.bf16Tflops} TFLOP/s BF16, ` +
      `${links.insideGbPerS} GB/s inside a node, ${links.betweenGbPerS} GB/s between`,
    `step     ${sequencesPerStep} sequences x ${sequenceLength} tokens = ${formatCount(sequencesPerStep * sequenceLength)} tokens`,
    calibrationLine(search),
    `layouts  ${result.plans.length} predicted; rejected: ${
      rejected.length === 0 ? 'none' : rejected.map(([reason, count]) => `${count} ${reason}`).join(', ')
    }`,
  ];
}

function calibrationLine({ calibration, calibrationFile }: PrintedSearch): string {
  if (calibrationFile === 'none') return 'times    predicted from first principles, without calibration';
  const { forward, backwardInput, backwardWeight, overlapped, optimizer } = calibration;
  const text = (factor: number) => factor.toFixed(3);
  return (
    `times    predicted, with factors fitted to ${calibrationFile}: forward ${text(forward)}, input gradient ${text(backwardInput)}, ` +
    `weight gradient ${text(backwardWeight)}, pairs ${text(overlapped)}, reduction and optimizer ${text(optimizer)}`
  );
}

const planHeader = [
  'predicted plan',
  'pipeline',
  'expert',
  'data',
  'microbatches',
  'recomputation',
  'SMs',
  'step',
  'bubble',
  'exposed',
  'memory',
  'MFU',
  'tokens/s',
  'GPU h/T tokens',
];

function planRow(search: PrintedSearch, plan: Plan): string[] {
  const { mfu, tokensPerSecond, gpuHoursPerTrillionTokens } = rates(search, plan);
  return [
    labelSchedule(plan.schedule, plan.stagesPerRank),
    String(plan.pipeline),
    String(plan.expert),
    String(plan.data),
    `${plan.microbatches} x ${plan.microbatchSize}`,
    plan.recomputation,
    String(plan.communicationSms),
    `${plan.stepSeconds.toFixed(3)} s`,
    `${(100 * plan.bubbleFraction).toFixed(1)}%`,
    `${plan.exposedCommunicationSeconds.toFixed(2)} s`,
    formatBytes(Math.max(...plan.peakMemoryBytes)),
    `${(100 * mfu).toFixed(1)}%`,
    formatCount(tokensPerSecond),
    formatCount(gpuHoursPerTrillionTokens),
  ];
}

/** Where the best plan's time and memory go. */
function bestLines({ breakdown, memory, stepSeconds, layersByStage, exposedCommunicationSeconds }: Plan): string[] {
  const timeRows = [
    ['forwards outside of pairs', breakdown.forward],
    ['backwards outside of pairs', breakdown.backward],
    ['weight gradients put off', breakdown.backwardWeight],
    ['overlapped pairs', breakdown.overlapped],
    ['idle: warm-up', breakdown.warmUp],
    ['idle: waiting for other ranks', breakdown.waiting],
    ['idle: messages on their way', breakdown.messages],
    ['idle: cool-down', breakdown.coolDown],
    ['reduction of gradients', breakdown.reduce],
    ['optimizer', breakdown.optimizer],
  ] as const;
  const seconds = timeRows.map(([what, time]) => [
    what,
    `${time.toFixed(3)} s`,
    `${((100 * time) / stepSeconds).toFixed(1)}%`,
  ]);
  const bytes = Object.entries(memory).map(([part, amount]) => [part, formatBytes(amount as number)]);
  return [
    `the first plan: where the ${stepSeconds.toFixed(3)} s go (predicted, mean of the ranks)`,
    formatTable(seconds),
    `of it ${exposedCommunicationSeconds.toFixed(3)} s wait for all-to-alls and messages`,
    '',
    'memory of its fullest rank (predicted)',
    formatTable(bytes),
    `layers of its stages: ${layersByStage.join(' ')}`,
  ];
}
