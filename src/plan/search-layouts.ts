import { InputError } from '../base/index.js';
import type { ClusterConfig } from '../config/index.js';
import { isWithinLimits, type ScheduleName, scheduleNames } from '../schedule/index.js';
import { evaluateLayout } from './evaluate.js';
import type { Layout, Plan } from './layout.js';
import { listParts } from './parameters.js';
import type { CostBasis } from './part-segments.js';
import { createShape, type ScheduleShape } from './shape.js';
import { createStageTimer, type StageTimer } from './stage-times.js';
import { type Recomputation, recomputations } from './work.js';

/** What a step computes, and what of its layout is fixed already. */
export interface PlanRequest {
  readonly sequencesPerStep: number;
  readonly sequenceLength: number;
  readonly schedule?: ScheduleName;
  readonly pipeline?: number;
  readonly expert?: number;
  readonly microbatchSize?: number;
  readonly recomputation?: Recomputation;
  readonly communicationSms?: number;
}

/** Why layouts were left out. */
export type Rejection = 'divisibility' | 'layers' | 'limits' | 'size' | 'memory';

/** What a search found. */
export interface LayoutSearchResult {
  /** The fastest first. */
  readonly plans: readonly Plan[];
  readonly rejected: Readonly<Record<Rejection, number>>;
}

/** Sequences of a microbatch that are tried. */
const microbatchSizes = [1, 2, 4, 8];
/** Stages a rank that `interleaved` is tried with. */
const interleavings = [2, 3, 4];
/** Longer schedules, in chunks, are left out: a search over many of them would take minutes. */
const mostChunks = 2 ** 16;
const mostRanks = 256;

/** What does not depend on experts, recomputation and multiprocessors: the layouts of one of these share a schedule. */
interface Pipeline extends Pick<Layout, 'schedule' | 'pipeline' | 'data' | 'microbatchSize'> {
  /** Undefined: the schedule's own number. */
  readonly stagesPerRank: number | undefined;
}

type Setting = Pick<Layout, 'expert' | 'recomputation' | 'communicationSms'>;

/**
 * Predicts every layout of a model on all GPUs of a cluster: pipeline x expert x data ranks, sizes of microbatches, schedules, recomputation and
 * multiprocessors for communication. Those that cannot be are counted by the first reason that was found: sequences that do not divide over data
 * ranks and microbatches or data ranks over experts (`divisibility`), fewer layers than stages (`layers`), what the schedule does not take
 * (`limits`), schedules of more than 2^16 chunks or 256 ranks (`size`), memory. Throws `InputError` for a fixed count that divides nothing.
 */
export function searchLayouts(basis: CostBasis, request: PlanRequest): LayoutSearchResult {
  checkRequest(basis, request);
  const rejected: Record<Rejection, number> = { divisibility: 0, layers: 0, limits: 0, size: 0, memory: 0 };
  const plans: Plan[] = [];
  const timers = new Map<string, StageTimer>();
  const settings = listSettings(basis, request);
  const layers = listParts(basis.model).length - 2;
  for (const pipeline of listPipelines(basis.cluster, request, layers)) {
    const shape = findShape(pipeline, request.sequencesPerStep, layers);
    if (typeof shape === 'string') {
      rejected[shape] += settings.length;
      continue;
    }
    for (const setting of settings) {
      const plan = evaluate(basis, completeLayout(pipeline, setting, shape), shape, request, timers);
      if (typeof plan === 'string') rejected[plan]++;
      else plans.push(plan);
    }
  }
  plans.sort((a, b) => a.stepSeconds - b.stepSeconds);
  return { plans, rejected };
}

function checkRequest({ model, cluster }: CostBasis, { pipeline = 1, expert = 1, ...request }: PlanRequest): void {
  const gpus = cluster.nodes.count * cluster.nodes.gpus;
  requireDivisor('--pipeline', pipeline, gpus, 'GPUs');
  requireDivisor('--expert', expert, model.sizes.nRoutedExperts, 'routed experts');
  requireDivisor('--microbatch-size', request.microbatchSize ?? 1, request.sequencesPerStep, 'sequences of a step');
}

function requireDivisor(where: string, value: number, of: number, what: string): void {
  if (Number.isSafeInteger(value) && value >= 1 && of % value === 0) return;
  throw new InputError({ what: `${value} does not divide the ${of} ${what}`, where, mend: `use a divisor of ${of}` });
}

/** Everything but the experts' ranks has been found to fit. */
function completeLayout(pipeline: Pipeline, setting: Setting, { schedule }: ScheduleShape): Layout {
  const stagesPerRank = schedule.stageToRank.length / schedule.ranks;
  return { ...pipeline, ...setting, stagesPerRank, microbatches: schedule.microbatches };
}

function evaluate(
  basis: CostBasis,
  layout: Layout,
  shape: ScheduleShape,
  { sequenceLength }: PlanRequest,
  timers: Map<string, StageTimer>,
): Plan | Rejection {
  const { microbatchSize, expert, recomputation, communicationSms } = layout;
  if (layout.data % expert !== 0) return 'divisibility';
  const size = { tokens: microbatchSize * sequenceLength, sequenceLength };
  const key = [microbatchSize, expert, recomputation, communicationSms].join();
  const timer = timers.get(key) ?? createStageTimer(basis, { ...size, expert, recomputation, communicationSms });
  timers.set(key, timer);
  return evaluateLayout(basis, layout, shape, { timer, size }) ?? 'memory';
}

function findShape(pipeline: Pipeline, sequences: number, layers: number): ScheduleShape | Rejection {
  const { schedule: name, pipeline: ranks, stagesPerRank } = pipeline;
  const microbatches = sequences / (pipeline.data * pipeline.microbatchSize);
  if (!Number.isInteger(microbatches)) return 'divisibility';
  if (ranks * (stagesPerRank ?? 1) > layers) return 'layers';
  if (ranks > mostRanks || ranks * (stagesPerRank ?? 1) * microbatches > mostChunks) return 'size';
  const request = { name, ranks, microbatches, ...(stagesPerRank === undefined ? {} : { stagesPerRank }) };
  if (!isWithinLimits(request)) return 'limits';
  const shape = createShape(request);
  return (shape.schedule.pipelines[0]?.length ?? 0) > layers ? 'layers' : shape;
}

function listPipelines({ nodes }: ClusterConfig, request: PlanRequest, layers: number): Pipeline[] {
  const gpus = nodes.count * nodes.gpus;
  const pipelines = request.pipeline === undefined ? divisors(gpus, layers) : [request.pipeline];
  const sizes = request.microbatchSize === undefined ? microbatchSizes : [request.microbatchSize];
  const names = request.schedule === undefined ? scheduleNames : [request.schedule];
  return pipelines.flatMap((pipeline) =>
    sizes.flatMap((microbatchSize) =>
      names.flatMap((schedule) =>
        (schedule === 'interleaved' ? interleavings : [undefined]).map((stagesPerRank) => {
          return { schedule, pipeline, stagesPerRank, data: gpus / pipeline, microbatchSize };
        }),
      ),
    ),
  );
}

/** Multiprocessors up to the fewest that fill the links: more only take from computation. None where experts do not travel. */
function listSettings({ model, cluster }: CostBasis, request: PlanRequest): Setting[] {
  const { allToAllSms } = cluster.links;
  const shares = [0.6, 0.8, 1].map((share) => Math.ceil(share * allToAllSms));
  const sms = request.communicationSms === undefined ? [...new Set(shares)] : [request.communicationSms];
  const recomputed = request.recomputation === undefined ? recomputations : [request.recomputation];
  const experts = request.expert === undefined ? divisors(model.sizes.nRoutedExperts) : [request.expert];
  return experts.flatMap((expert) =>
    recomputed.flatMap((recomputation) =>
      (expert === 1 ? [0] : sms).map((communicationSms) => ({ expert, recomputation, communicationSms })),
    ),
  );
}

/** Divisors of `value` up to `most`. */
function divisors(value: number, most = value): number[] {
  return Array.from({ length: Math.min(value, most) }, (_, index) => index + 1).filter((one) => value % one === 0);
}
