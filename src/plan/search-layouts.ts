import { formatCount, InputError } from '../base/index.js';
import type { ClusterConfig } from '../config/index.js';
import { isWithinLimits, type ScheduleName, scheduleNames } from '../schedule/index.js';
import { copiesOf, stagesPerRankOf } from './auto/index.js';
import { evaluateLayout, type Misfit } from './evaluate.js';
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
  /** The least that a rank would have to hold of those rejected for memory; infinite if none was. */
  readonly leastMissedBytes: number;
  /** The least of activations, and of what a chunk at work takes, in one of these; infinite where that is not known. */
  readonly leastChunkBytes: number;
}

/** Sequences of a microbatch that are tried. */
const microbatchSizes = [1, 2, 4, 8];
/** Stages a rank that `interleaved` is tried with. */
const interleavings = [2, 3, 4];
/** Longer schedules, in chunks, are left out: a search over many of them would take minutes. */
const mostChunks = 2 ** 16;
const mostRanks = 256;
/** Chunks of all layouts together that a search simulates: about a minute's worth. */
const mostSearchedChunks = 1e8;

/** What does not depend on experts, recomputation and multiprocessors: the layouts of one of these share a schedule. */
export interface Pipeline extends Pick<Layout, 'schedule' | 'pipeline' | 'data' | 'microbatchSize'> {
  /** For `interleaved`: the others have a number of their own. */
  readonly interleaving?: number;
}

type Setting = Pick<Layout, 'expert' | 'recomputation' | 'communicationSms'>;

/**
 * Predicts every layout of a model on all GPUs of a cluster: pipeline x expert x data ranks, sizes of microbatches, schedules, recomputation and
 * multiprocessors for communication. Those that cannot be are counted by the first reason that was found: sequences that do not divide over data
 * ranks and microbatches or data ranks over experts (`divisibility`), fewer layers than stages (`layers`), what the schedule does not take
 * (`limits`), schedules of more than 2^16 chunks or 256 ranks (`size`), memory. `onProgress` hears after each layout how many of all are done. Throws
 * `InputError` for a fixed count that divides nothing, and for a search over more than 10^8 chunks.
 */
export function searchLayouts(
  basis: CostBasis,
  request: PlanRequest,
  onProgress?: (done: number, layouts: number) => void,
): LayoutSearchResult {
  checkRequest(basis, request);
  const settings = listSettings(basis, request);
  const { pipelines, rejected } = sortOut(basis, request, settings.length);
  requireBounded(pipelines, settings, request);
  const layouts = pipelines.length * settings.length;
  const plans: Plan[] = [];
  const misfits: Misfit[] = [];
  const timers = new Map<string, StageTimer>();
  for (const [index, pipeline] of pipelines.entries()) {
    const shape = createShape(scheduleOf(pipeline, request));
    for (const [place, setting] of settings.entries()) {
      const found = evaluate(basis, completeLayout(pipeline, setting, shape), shape, request, timers);
      if (found === 'divisibility') rejected.divisibility++;
      else if ('neededBytes' in found) misfits.push(found);
      else plans.push(found);
      onProgress?.(index * settings.length + place + 1, layouts);
    }
  }
  const least = (bytesOf: (misfit: Misfit) => number | undefined): number =>
    misfits.reduce((lowest, misfit) => Math.min(lowest, bytesOf(misfit) ?? lowest), Number.POSITIVE_INFINITY);
  return {
    plans: rankPlans(plans),
    rejected: { ...rejected, memory: misfits.length },
    leastMissedBytes: least(({ neededBytes }) => neededBytes),
    leastChunkBytes: least(({ chunkBytes }) => chunkBytes),
  };
}

/**
 * The fastest first; of those that take the same but for rounding, the one with fewer stages a rank, then with less
 * memory.
 */
function rankPlans(plans: readonly Plan[]): Plan[] {
  const keyed = plans.map((plan) => ({
    plan,
    seconds: Number(plan.stepSeconds.toPrecision(9)),
    bytes: plan.peakMemoryBytes.reduce((most, bytes) => Math.max(most, bytes), 0),
  }));
  keyed.sort(
    (one, other) =>
      one.seconds - other.seconds || one.plan.stagesPerRank - other.plan.stagesPerRank || one.bytes - other.bytes,
  );
  return keyed.map(({ plan }) => plan);
}

/** The pipelines whose counts are possible; the others, `settings` layouts each, by the reason why they are not. */
function sortOut(basis: CostBasis, request: PlanRequest, settings: number) {
  const rejected: Record<Rejection, number> = { divisibility: 0, layers: 0, limits: 0, size: 0, memory: 0 };
  const pipelines = listPipelines(basis, request).filter((pipeline) => {
    const reason = refusePipeline(pipeline, request, countLayers(basis));
    if (reason !== undefined) rejected[reason] += settings;
    return reason === undefined;
  });
  return { pipelines, rejected };
}

/** Layers that stages are made of, prediction modules too. */
export function countLayers({ model }: CostBasis): number {
  return listParts(model).length - 2;
}

function checkRequest({ model, cluster }: CostBasis, { pipeline = 1, expert = 1, ...request }: PlanRequest): void {
  requireDivisor('--pipeline', pipeline, countGpus(cluster), 'GPUs');
  requireDivisor('--expert', expert, model.sizes.nRoutedExperts, 'routed experts');
  requireDivisor('--microbatch-size', request.microbatchSize ?? 1, request.sequencesPerStep, 'sequences of a step');
}

/** All GPUs of a cluster. */
export function countGpus({ nodes }: ClusterConfig): number {
  return nodes.count * nodes.gpus;
}

function requireDivisor(where: string, value: number, of: number, what: string): void {
  if (Number.isSafeInteger(value) && value >= 1 && of % value === 0) return;
  throw new InputError({ what: `${value} does not divide the ${of} ${what}`, where, mend: `use a divisor of ${of}` });
}

/** Everything but the experts' ranks has been found to fit. */
function completeLayout(
  { interleaving, ...pipeline }: Pipeline,
  setting: Setting,
  { schedule }: ScheduleShape,
): Layout {
  const stagesPerRank = schedule.stageToRank.length / schedule.ranks;
  return { ...pipeline, ...setting, stagesPerRank, microbatches: schedule.microbatches };
}

function evaluate(
  basis: CostBasis,
  layout: Layout,
  shape: ScheduleShape,
  { sequenceLength }: PlanRequest,
  timers: Map<string, StageTimer>,
): Plan | Misfit | 'divisibility' {
  const { microbatchSize, expert, recomputation, communicationSms } = layout;
  if (layout.data % expert !== 0) return 'divisibility';
  const size = { tokens: microbatchSize * sequenceLength, sequenceLength };
  const key = [microbatchSize, expert, recomputation, communicationSms].join();
  const timer = timers.get(key) ?? createStageTimer(basis, { ...size, expert, recomputation, communicationSms });
  timers.set(key, timer);
  return evaluateLayout(basis, layout, shape, { timer, size });
}

function scheduleOf({ schedule: name, pipeline, data, microbatchSize, interleaving }: Pipeline, request: PlanRequest) {
  const microbatches = request.sequencesPerStep / (data * microbatchSize);
  return {
    name,
    ranks: pipeline,
    microbatches,
    ...(interleaving === undefined ? {} : { stagesPerRank: interleaving }),
  };
}

/** Stages of one copy of the model. */
function countStages(pipeline: Pipeline, request: PlanRequest): number {
  const schedule = scheduleOf(pipeline, request);
  return (schedule.ranks * stagesPerRankOf(schedule)) / copiesOf(schedule);
}

function refusePipeline(pipeline: Pipeline, request: PlanRequest, layers: number): Rejection | undefined {
  const schedule = scheduleOf(pipeline, request);
  if (!Number.isInteger(schedule.microbatches)) return 'divisibility';
  const stages = countStages(pipeline, request);
  if (stages > layers) return 'layers';
  if (schedule.ranks > mostRanks || stages * schedule.microbatches > mostChunks) return 'size';
  return isWithinLimits(schedule) ? undefined : 'limits';
}

function requireBounded(pipelines: readonly Pipeline[], settings: readonly Setting[], request: PlanRequest): void {
  const chunks = pipelines.reduce((sum, pipeline) => {
    const fitting = settings.filter(({ expert }) => pipeline.data % expert === 0).length;
    return sum + fitting * countStages(pipeline, request) * scheduleOf(pipeline, request).microbatches;
  }, 0);
  if (chunks <= mostSearchedChunks) return;
  throw new InputError({
    what: `a search over ${formatCount(chunks)} chunks of all layouts, more than ${formatCount(mostSearchedChunks)}, takes too long`,
    mend: 'fix --schedule, --pipeline, --expert or --microbatch-size, or use fewer sequences',
  });
}

/** What a search tries of each count where nothing is fixed. */
export interface SearchedCounts {
  readonly pipelines: readonly number[];
  readonly experts: readonly number[];
  readonly microbatchSizes: readonly number[];
}

/** All pipelines that divide the GPUs and have layers for their stages, all that divides the routed experts, and a few sizes of a microbatch. */
export function searchedCounts(basis: CostBasis): SearchedCounts {
  return {
    pipelines: divisors(countGpus(basis.cluster), countLayers(basis)),
    experts: divisors(basis.model.sizes.nRoutedExperts),
    microbatchSizes,
  };
}

/** All that is searched, or what is fixed of it. */
export function listPipelines(basis: CostBasis, request: PlanRequest): Pipeline[] {
  const gpus = countGpus(basis.cluster);
  const counts = searchedCounts(basis);
  const pipelines = request.pipeline === undefined ? counts.pipelines : [request.pipeline];
  const sizes = request.microbatchSize === undefined ? counts.microbatchSizes : [request.microbatchSize];
  const names = request.schedule === undefined ? scheduleNames : [request.schedule];
  return pipelines.flatMap((pipeline) =>
    sizes.flatMap((microbatchSize) =>
      names.flatMap((schedule) =>
        (schedule === 'interleaved' ? interleavings : [undefined]).map((interleaving) => ({
          schedule,
          pipeline,
          data: gpus / pipeline,
          microbatchSize,
          ...(interleaving === undefined ? {} : { interleaving }),
        })),
      ),
    ),
  );
}

/** Multiprocessors up to the fewest that fill the links: more only take from computation. None where experts do not travel. */
function listSettings(basis: CostBasis, request: PlanRequest): Setting[] {
  const { allToAllSms } = basis.cluster.links;
  const shares = [0.6, 0.8, 1].map((share) => Math.ceil(share * allToAllSms));
  const sms = request.communicationSms === undefined ? [...new Set(shares)] : [request.communicationSms];
  const recomputed = request.recomputation === undefined ? recomputations : [request.recomputation];
  const experts = request.expert === undefined ? searchedCounts(basis).experts : [request.expert];
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
