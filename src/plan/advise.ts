import { formatBytes } from '../base/index.js';
import type { CostBasis } from './part-segments.js';
import {
  countLayers,
  type LayoutSearchResult,
  listPipelines,
  type Pipeline,
  type PlanRequest,
} from './search-layouts.js';

/** What would help a search that found nothing: of its layouts, those that came nearest to a plan count. */
export function adviseSearch(
  basis: CostBasis,
  request: PlanRequest,
  { rejected, leastMissedBytes, leastChunkBytes }: LayoutSearchResult,
): string {
  const pipelines = listPipelines(basis, request);
  const { expert = 1 } = request;
  const shared = pipelines.filter(({ data }) => data % expert === 0);
  if (shared.length === 0) return adviseExpert(pipelines);
  if (rejected.memory > 0) return adviseMemory(basis.cluster.gpu, request, { leastMissedBytes, leastChunkBytes });
  if (rejected.limits > 0) return 'use more sequences, so that there are microbatches enough, or another --schedule';
  if (rejected.size > 0) return 'use fewer sequences or larger microbatches, in pipelines of up to 256 ranks';
  if (rejected.layers > 0) return `use a smaller --pipeline: ${countLayers(basis)} layers make no more stages`;
  return adviseSequences(shared, request);
}

/** More GPUs hold less of the model each, but a sequence is on one GPU of a stage, whole. */
function adviseMemory(
  { memoryGib, reservedGib }: CostBasis['cluster']['gpu'],
  request: PlanRequest,
  { leastMissedBytes, leastChunkBytes }: Pick<LayoutSearchResult, 'leastMissedBytes' | 'leastChunkBytes'>,
): string {
  const needs = `the leanest layout needs at least ${formatBytes(leastMissedBytes)} a GPU, of ${memoryGib} GiB`;
  const isOfSequence = Number.isFinite(leastChunkBytes) && leastChunkBytes > (memoryGib - reservedGib) * 2 ** 30;
  const means = isOfSequence
    ? `${formatBytes(leastChunkBytes)} or more of it for sequences, of which none is split over GPUs (there is no ` +
      'context parallelism): use shorter sequences or GPUs with more memory'
    : 'use more GPUs, GPUs with more memory or shorter sequences';
  const fixed = Object.entries(fixedFlags).flatMap(([key, flag]) =>
    request[key as keyof typeof fixedFlags] === undefined ? [] : [flag],
  );
  return `${needs}; ${means}${fixed.length === 0 ? '' : `, or leave out ${fixed.join(', ')}`}`;
}

/** The flags that fix what is searched otherwise. */
const fixedFlags = {
  schedule: '--schedule',
  pipeline: '--pipeline',
  expert: '--expert',
  microbatchSize: '--microbatch-size',
} as const satisfies Partial<Record<keyof PlanRequest, string>>;

/** The ranks that share the experts must divide the data ranks. */
function adviseExpert(pipelines: readonly Pipeline[]): string {
  const most = Math.max(...pipelines.map(({ data }) => data));
  return `use --expert that divides the data ranks (GPUs / pipeline), at most ${most}`;
}

/** Data ranks x sequences of a microbatch must divide the sequences of a step. */
function adviseSequences(pipelines: readonly Pipeline[], { sequencesPerStep: sequences }: PlanRequest): string {
  const least = Math.min(...pipelines.map(({ data, microbatchSize }) => data * microbatchSize));
  const below = sequences - (sequences % least);
  const nearest = (below === 0 ? [least] : [below, below + least]).join(' or ');
  return `use ${nearest} sequences, a multiple of ${least} (the fewest data ranks x sequences of a microbatch)`;
}
