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
  { rejected, leastMissedBytes }: LayoutSearchResult,
): string {
  const pipelines = listPipelines(basis, request);
  const { expert = 1 } = request;
  const shared = pipelines.filter(({ data }) => data % expert === 0);
  if (shared.length === 0) return adviseExpert(pipelines);
  if (rejected.memory > 0) {
    const { memoryGib } = basis.cluster.gpu;
    return (
      `the leanest layout needs at least ${formatBytes(leastMissedBytes)} a GPU, of ${memoryGib} GiB; ` +
      'use more GPUs or memory, shorter sequences, or fix fewer counts'
    );
  }
  if (rejected.limits > 0) return 'use more sequences, so that there are microbatches enough, or another --schedule';
  if (rejected.size > 0) return 'use fewer sequences or larger microbatches, in pipelines of up to 256 ranks';
  if (rejected.layers > 0) return `use a smaller --pipeline: ${countLayers(basis)} layers make no more stages`;
  return adviseSequences(shared, request);
}

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
