import { type Costs, type Simulation, simulate } from '../simulate/index.js';
import type { Layout, Plan, StepBreakdown } from './layout.js';
import { chunkActivations, rankParameters, type Sharing, stateMemory, workingMemory } from './memory.js';
import { listParts, type PartKind, type RankParameters } from './parameters.js';
import type { CostBasis } from './part-segments.js';
import type { ActionCount, ScheduleShape } from './shape.js';
import type { StageTimer } from './stage-times.js';
import { type Tail, tailSeconds } from './tail.js';
import type { ChunkSize } from './work.js';

const gibibyte = 2 ** 30;

/** A layout cut into stages. */
interface StagedLayout {
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

/** A layout that does not fit into memory. */
export interface Misfit {
  /** At least so much its fullest rank would have to hold. */
  readonly neededBytes: number;
}

/** Predicts a layout: cuts the model into stages, simulates its schedule, adds what follows it; or says that it does not fit into memory. */
export function evaluateLayout(
  basis: CostBasis,
  layout: Layout,
  shape: ScheduleShape,
  { timer, size }: { readonly timer: StageTimer; readonly size: ChunkSize },
): Plan | Misfit {
  const { memoryGib, reservedGib } = basis.cluster.gpu;
  const limit = memoryGib * gibibyte;
  const least = leastBytes(basis, layout, shape.schedule.pipelines.length);
  if (least > limit) return { neededBytes: least };
  const staged = cutIntoStages(basis, layout, shape, timer, size);
  const states = staged.parameters.map((one) => stateMemory(one, basis.model.precision, staged.sharing));
  const held = states.map(({ parameters, gradients, optimizer }) => parameters + gradients + optimizer);
  const working = staged.partsByRank.map((stages) => workingMemory(basis.model, stages, size, layout.recomputation));
  const fixed = held.map((bytes, rank) => bytes + (working[rank] as number) + reservedGib * gibibyte);
  // Most layouts that do not fit show it before they are simulated.
  const mostFixed = Math.max(...fixed);
  if (mostFixed > limit) return { neededBytes: mostFixed };
  const simulation = simulate(shape.schedule, stageCosts(basis, staged, timer));
  const activations = simulation.memory?.byPart.activations ?? [];
  const peakMemoryBytes = fixed.map((bytes, rank) => bytes + (activations[rank] ?? 0));
  const most = Math.max(...peakMemoryBytes);
  if (most > limit) return { neededBytes: most };
  const fullest = peakMemoryBytes.indexOf(most);
  const state = states[fullest] as (typeof states)[number];
  return {
    ...layout,
    ...predictTime(basis, staged, timer, simulation),
    peakMemoryBytes,
    memory: {
      ...state,
      activations: activations[fullest] as number,
      working: working[fullest] as number,
      reserved: reservedGib * gibibyte,
    },
    layersByStage: staged.parts.map((kinds) => kinds.filter((kind) => kind !== 'embedding' && kind !== 'head').length),
  };
}

/** What a rank holds without activations, were all the same: less than the fullest does, and known before anything is cut or simulated. */
function leastBytes({ model, cluster }: CostBasis, layout: Layout, copies: number): number {
  const whole = rankParameters(model, [listParts(model)], layout.expert);
  const { parameters, gradients, optimizer } = stateMemory(whole, model.precision, sharingOf(layout, copies));
  return cluster.gpu.reservedGib * gibibyte + (copies * (parameters + gradients + optimizer)) / layout.pipeline;
}

function sharingOf({ data, expert }: Layout, copies: number): Sharing {
  return { layers: data * copies, experts: (data / expert) * copies };
}

function cutIntoStages(
  { model }: CostBasis,
  layout: Layout,
  shape: ScheduleShape,
  timer: StageTimer,
  size: ChunkSize,
): StagedLayout {
  const { schedule, placeOfStage } = shape;
  const isPaired = shape.counts.some(({ kind }) => kind === 'overlap');
  const all = listParts(model);
  const stages = schedule.pipelines[0]?.length ?? 1;
  const ends = timer.split(stages, isPaired);
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

function stageCosts({ model, cluster }: CostBasis, staged: StagedLayout, timer: StageTimer): Costs {
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

function timePair({ shape, parts }: StagedLayout, timer: StageTimer, { stage, partner }: ActionCount) {
  const partsOf = (index: number) => parts[shape.placeOfStage[index] as number] as readonly PartKind[];
  return timer.pair(partsOf(stage), partsOf(partner));
}

function predictTime(basis: CostBasis, staged: StagedLayout, timer: StageTimer, simulation: Simulation) {
  const { layout, shape, parameters, sharing } = staged;
  const { ranks } = shape.schedule;
  const mean = (list: readonly number[]) => list.reduce((sum, time) => sum + time, 0) / ranks;
  const { idleByCause: idle } = simulation;
  const { seconds, exposed } = sumActions(staged, timer);
  const tails = parameters.map((one) =>
    tailSeconds(basis.cluster, basis.model.precision, one, { sharing, data: layout.data, expert: layout.expert }),
  );
  const tail = longestTail(tails, basis.calibration.optimizer);
  const breakdown: StepBreakdown = {
    forward: seconds.forward / ranks,
    backward: (seconds.backward + seconds.backwardInput) / ranks,
    backwardWeight: seconds.backwardWeight / ranks,
    overlapped: seconds.overlap / ranks,
    warmUp: mean(idle.warmUp),
    waiting: mean(idle.waiting),
    messages: mean(idle.exposedCommunication),
    coolDown: mean(idle.coolDown),
    ...tail,
  };
  const stepSeconds = simulation.makespan + tail.reduce + tail.optimizer;
  return {
    stepSeconds,
    bubbleFraction: mean(simulation.idle) / stepSeconds,
    exposedCommunicationSeconds: exposed / ranks + breakdown.messages,
    breakdown,
  };
}

/** Time in each kind of action and in their all-to-alls that nothing hides, all ranks together. */
function sumActions(staged: StagedLayout, timer: StageTimer) {
  const seconds = { forward: 0, backward: 0, backwardInput: 0, backwardWeight: 0, overlap: 0 };
  let exposed = 0;
  for (const action of staged.shape.counts) {
    const one = timeAction(staged, timer, action);
    seconds[action.kind] += action.count * one.seconds;
    exposed += action.count * one.exposed;
  }
  return { seconds, exposed };
}

function timeAction(staged: StagedLayout, timer: StageTimer, action: ActionCount) {
  if (action.kind === 'overlap') return timePair(staged, timer, action);
  const place = staged.shape.placeOfStage[action.stage] as number;
  const chunk = timer.chunk(staged.parts[place] as readonly PartKind[]);
  if (action.kind !== 'backward') return chunk[action.kind];
  const { backwardInput, backwardWeight } = chunk;
  return {
    seconds: backwardInput.seconds + backwardWeight.seconds,
    exposed: backwardInput.exposed + backwardWeight.exposed,
  };
}

/** All ranks end a step together: the one with the longest tail counts. */
function longestTail(tails: readonly Tail[], factor: number): Tail {
  const longest = tails.reduce((a, b) => (b.reduce + b.optimizer > a.reduce + a.optimizer ? b : a));
  return { reduce: factor * longest.reduce, optimizer: factor * longest.optimizer };
}
