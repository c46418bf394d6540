import type { Costs } from '../simulate/index.js';
import type { Layout } from './layout.js';
import { chunkActivations, rankParameters, type Sharing } from './memory.js';
import { listParts, type PartKind, type RankParameters } from './parameters.js';
import type { CostBasis } from './part-segments.js';
import type { ActionCount, ScheduleShape } from './shape.js';
import type { StageTimer } from './stage-times.js';
import type { ChunkSize } from './work.js';

/** A layout cut into stages. */
export interface StagedLayout {
  readonly layout: Layout;
  readonly shape: ScheduleShape;
  readonly size: ChunkSize;
  /** `[place in a pipeline]` */
  readonly parts: readonly (readonly PartKind[])[];
  /** `[rank][stage of the rank]` */
  readonly partsByRank: readonly (readonly (readonly PartKind[])[])[];
  /** `[rank]` */
  readonly parameters: readonly RankParameters[];
  readonly sharing: Sharing;
}

/** How many ranks share what a rank holds. */
export function sharingOf({ data, expert }: Layout, copies: number): Sharing {
  return { layers: data * copies, experts: (data / expert) * copies };
}

/** Cuts the model into stages, at the ends in its list of parts. */
export function cutIntoStages(
  { model }: CostBasis,
  layout: Layout,
  shape: ScheduleShape,
  { ends, size }: { readonly ends: readonly number[]; readonly size: ChunkSize },
): StagedLayout {
  const { schedule, placeOfStage } = shape;
  const all = listParts(model);
  const parts = ends.map((end, stage) => all.slice(ends[stage - 1] ?? 0, end));
  const partsByRank: (readonly PartKind[])[][] = Array.from({ length: schedule.ranks }, () => []);
  for (const [stage, rank] of schedule.stageToRank.entries()) {
    partsByRank[rank]?.push(parts[placeOfStage[stage] as number] as readonly PartKind[]);
  }
  return {
    layout,
    shape,
    size,
    parts,
    partsByRank,
    parameters: partsByRank.map((stagesOfRank) => rankParameters(model, stagesOfRank, layout.expert)),
    sharing: sharingOf(layout, schedule.pipelines.length),
  };
}

/** Seconds and bytes by stage of a schedule, and of pairs by `[stage of the forward][stage of the backward]`. */
export interface ListedCosts extends Costs {
  readonly forward: readonly number[];
  readonly backwardInput: readonly number[];
  readonly backwardWeight: readonly number[];
  readonly overlapped?: readonly (readonly (number | null)[])[];
}

/** What the schedule of a layout is simulated with. */
export function stageCosts({ model, cluster }: CostBasis, staged: StagedLayout, timer: StageTimer): ListedCosts {
  const { layout, shape, size, parts } = staged;
  const { placeOfStage } = shape;
  const ofPlace = parts.map((stage) => timer.chunk(stage));
  const activations = parts.map((stage) => chunkActivations(model, stage, size, layout.recomputation));
  const byStage = <T>(list: readonly T[]): T[] => placeOfStage.map((place) => list[place] as T);
  const isInside = layout.data < cluster.nodes.gpus;
  const { links } = cluster;
  const pairs = pairTimes(staged, timer);
  return {
    forward: byStage(ofPlace.map(({ forward }) => forward.seconds)),
    backwardInput: byStage(ofPlace.map(({ backwardInput }) => backwardInput.seconds)),
    backwardWeight: byStage(ofPlace.map(({ backwardWeight }) => backwardWeight.seconds)),
    ...(pairs === undefined ? {} : { overlapped: pairs }),
    p2p: 0,
    message: {
      latency: (isInside ? links.insideLatencyUs : links.betweenLatencyUs) / 1e6,
      bandwidth: (isInside ? links.insideGbPerS : links.betweenGbPerS) * 1e9,
      size: 2 * size.tokens * model.sizes.hiddenSize,
    },
    memory: { activationsUntilWeight: byStage(activations) },
  };
}

/** `[stage of the forward][stage of the backward]`, for the pairs that the schedule has. */
function pairTimes(staged: StagedLayout, timer: StageTimer): (number | null)[][] | undefined {
  const { counts, placeOfStage } = staged.shape;
  const pairs = counts.filter(({ kind }) => kind === 'overlap');
  if (pairs.length === 0) return undefined;
  const table = placeOfStage.map(() => new Array<number | null>(placeOfStage.length).fill(null));
  for (const pair of pairs)
    (table[pair.stage] as (number | null)[])[pair.partner] = timePair(staged, timer, pair).seconds;
  return table;
}

/** Time of a pair of two stages of the schedule. */
export function timePair(
  { shape, parts }: StagedLayout,
  timer: StageTimer,
  { stage, partner }: ActionCount,
): ReturnType<StageTimer['pair']> {
  const partsOf = (index: number) => parts[shape.placeOfStage[index] as number] as readonly PartKind[];
  return timer.pair(partsOf(stage), partsOf(partner));
}
