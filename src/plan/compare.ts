import { DoubletrackError, InputError } from '../base/index.js';
import { mostChunks, mostRanks, requireCount, type Schedule } from '../schedule/index.js';
import { type Costs, simulate } from '../simulate/index.js';
import {
  copiesOf,
  countParts,
  cutCosts,
  hasLists,
  listVariants,
  type PlacementName,
  type ScheduleSearchRequest,
  searchSchedule,
  stagesPerRankOf,
  tryVariant,
  type Variant,
} from './auto/index.js';

/** What to compare schedules for. */
export interface CompareRequest {
  /** At equal devices: of every schedule. Also the shares of the model that activations and parameters are counted in. */
  readonly ranks: number;
  /** A step, of all pipelines together: the same for every schedule. */
  readonly microbatches: number;
  /** Of the model: with lists, of as many parts as they have entries, of which a stage takes a run; with numbers, of one rank's share, 1 / ranks of the model. */
  readonly costs: Costs;
  /** At equal stages: of every schedule. Default: `ranks`. */
  readonly stages?: number;
  /** Changed orders that `auto` tries for a row; 0 leaves it at list scheduling. Default: 4,000, or fewer for large schedules, so that it takes seconds. */
  readonly iterations?: number;
  /** Called before each row. */
  onRow?(name: string): void;
}

/** A schedule's figures. */
export interface ComparedSchedule {
  readonly name: string;
  /** Of all copies of the model. */
  readonly stagesPerRank: number;
  readonly ranks: number;
  /** Of one copy of the model. */
  readonly stages: number;
  readonly makespan: number;
  readonly bubble: number;
  /** The rank that holds most, in shares of the model: 1 is 1 / `request.ranks` of it. */
  readonly parameters: number;
  /** The most chunks alive on a rank, each counted as the share of the model that its stage is. */
  readonly peakActivations: number;
  /** The most memory of a rank, where the costs have memory. */
  readonly peakMemory?: number;
  /** Messages between ranks in a step, both ways, and of them those that the busiest rank sends. */
  readonly messages: number;
  readonly messagesSent: number;
  /** Of all messages, in the unit of the costs' message size; without one, in microbatches' activations at a stage's boundary. */
  readonly volume: number;
  readonly note?: string;
}

/** A row that there is no schedule for, and why. */
export interface RefusedSchedule {
  readonly name: string;
  readonly stagesPerRank: number;
  readonly refusal: string;
}

/** A row of a comparison. */
export type ComparedRow = ComparedSchedule | RefusedSchedule;

/** Both ways of comparing, which people confuse: the same devices, or the same stages. */
export interface Comparison {
  readonly ranks: number;
  readonly microbatches: number;
  /** Every schedule on `ranks` ranks, the model cut into as many stages as it has there. */
  readonly equalDevices: readonly ComparedRow[];
  readonly stages: number;
  /** Every schedule with `stages` stages, on as many ranks as that takes. */
  readonly equalStages: readonly ComparedRow[];
}

const mostIterations = 4000;

/** Parts of all the orders that a row tries by default, at one stage a rank. */
const mostParts = 2e7;

/** Interleaved with these numbers of stages a rank is compared. */
const interleavedChoices = [2, 4];

interface Frame {
  readonly request: CompareRequest;
  readonly parts: number;
}

/**
 * All schedules side by side, at equal devices and at equal stages. What a schedule's limits forbid becomes a row that says so. Throws `InputError` for counts and costs that are none.
 */
export function compareSchedules(request: CompareRequest): Comparison {
  const { ranks, microbatches, costs, stages = ranks } = request;
  // More than schedules may have would be a table of nothing but refusals.
  requireCount('ranks', ranks, mostRanks);
  requireCount('microbatches', microbatches, Math.floor(mostChunks / ranks));
  requireCount('stages', stages, Math.min(mostRanks, Math.floor(mostChunks / microbatches)));
  const frame = { request, parts: countParts(costs, ranks) };
  requireCosts(frame);
  const variants = listVariants(interleavedChoices);
  return {
    ranks,
    microbatches,
    equalDevices: [...variants.map((variant) => compareVariant(frame, variant, ranks)), searchAtDevices(frame)],
    stages,
    equalStages: [
      ...variants.map((variant) => compareAtStages(frame, variant, stages)),
      ...searchAtStages(frame, stages),
    ],
  };
}

/** Bad costs are an error, not a note in every row. */
function requireCosts({ request, parts }: Frame): void {
  const whole = {
    name: 'check',
    ranks: 1,
    microbatches: 1,
    pipelines: [count(parts)],
    stageToRank: count(parts).fill(0),
  };
  simulate({ ...whole, actions: [[]], microbatches: 0 }, cutCosts(request.costs, parts, whole));
}

function compareVariant(frame: Frame, variant: Variant, ranks: number): ComparedRow {
  frame.request.onRow?.(variant.name);
  const tried = tryVariant(variant, ranks, frame.request.microbatches);
  const { name, stagesPerRank } = tried;
  if (tried.schedule === undefined) return { name, stagesPerRank, refusal: tried.refusal };
  return describe(frame, name, tried.schedule);
}

function compareAtStages(frame: Frame, variant: Variant, stages: number): ComparedRow {
  const perRank = stagesPerRankOf(variant) / copiesOf(variant);
  if (stages % perRank !== 0) {
    const nearest = [stages - (stages % perRank), stages - (stages % perRank) + perRank].filter((value) => value > 0);
    const refusal = `${stages} stages do not divide into ${perRank} a rank: use ${nearest.join(' or ')}`;
    return { name: variant.name, stagesPerRank: stagesPerRankOf(variant), refusal };
  }
  return compareVariant(frame, variant, stages / perRank);
}

/** The figures of a schedule; a row with the reason where the costs cannot be cut into its stages. */
function describe({ request, parts }: Frame, name: string, schedule: Schedule): ComparedRow {
  const { ranks, pipelines, stageToRank } = schedule;
  const stages = pipelines[0]!.length;
  const stagesPerRank = stageToRank.length / ranks;
  try {
    const costs = cutCosts(request.costs, parts, schedule);
    const { makespan, bubble, peakActivations, memory } = simulate(schedule, costs);
    const share = request.ranks / stages;
    return {
      name,
      stagesPerRank,
      ranks,
      stages,
      makespan,
      bubble,
      parameters: share * Math.max(...countByRank(schedule, () => 1)),
      peakActivations: share * Math.max(...peakActivations),
      ...(memory !== undefined && { peakMemory: Math.max(...memory.peak) }),
      ...countMessages(schedule, request.costs),
      ...(pipelines.length > 1 && { note: 'two copies of the model, whose gradients pairs of ranks sum' }),
    };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { name, stagesPerRank, refusal: error.message };
  }
}

/** `[rank]`: the sum of something over a rank's stages. */
function countByRank({ ranks, stageToRank }: Schedule, amount: (stage: number) => number): number[] {
  const sums = new Array<number>(ranks).fill(0);
  for (const [stage, rank] of stageToRank.entries()) sums[rank]! += amount(stage);
  return sums;
}

/** Each microbatch passes each boundary between ranks once forward and once back; the stage before it sends the one, the stage after it the other. */
function countMessages(schedule: Schedule, { message }: Costs) {
  const { pipelines, stageToRank, microbatches } = schedule;
  const neighbours = new Map<number, number>();
  for (const pipeline of pipelines) {
    for (const [place, stage] of pipeline.entries()) {
      const around = [pipeline[place - 1], pipeline[place + 1]];
      const remote = around.filter((other) => other !== undefined && stageToRank[other] !== stageToRank[stage]);
      neighbours.set(stage, remote.length);
    }
  }
  const sent = countByRank(schedule, (stage) => neighbours.get(stage)!).map(
    (boundaries) => (boundaries * microbatches) / pipelines.length,
  );
  const messages = sent.reduce((sum, own) => sum + own, 0);
  return { messages, messagesSent: Math.max(...sent), volume: messages * (message?.size ?? 1) };
}

/** `auto` on all ranks; where the costs have lists, with each number of stages that they can be cut into. */
function searchAtDevices(frame: Frame): ComparedRow {
  const { request, parts } = frame;
  const { ranks, costs } = request;
  const cuts = hasLists(costs) ? [1, 2, 4, parts / ranks].map((perRank) => perRank * ranks) : [ranks];
  const fitting = [...new Set(cuts)].filter((cut) => Number.isInteger(parts / cut));
  if (fitting.length === 0) {
    const refusal = `${parts} parts of the model do not divide over ${ranks} ranks: list a multiple of ${ranks}`;
    return { name: 'auto', stagesPerRank: 1, refusal };
  }
  const rows = fitting.map((cut) => searchRow(frame, { ranks, stages: cut }));
  return rows.reduce((best, row) => (makespanOf(row) < makespanOf(best) ? row : best));
}

function makespanOf(row: ComparedRow): number {
  return 'refusal' in row ? Number.POSITIVE_INFINITY : row.makespan;
}

/** `auto` with one stage a rank, and with two. */
function searchAtStages(frame: Frame, stages: number): ComparedRow[] {
  const choices: readonly [number, readonly PlacementName[]][] = [
    [1, ['one', 'dual']],
    [2, ['v', 'looped2']],
  ];
  return choices
    .filter(([perRank]) => stages % perRank === 0)
    .map(([perRank, placements]) => searchRow(frame, { ranks: stages / perRank, stages, placements }));
}

interface SearchedRow {
  readonly ranks: number;
  readonly stages: number;
  readonly placements?: readonly PlacementName[];
}

function searchRow(frame: Frame, { ranks, stages, placements }: SearchedRow): ComparedRow {
  const { request, parts } = frame;
  const { microbatches, costs } = request;
  const affordable = Math.floor(mostParts / (3 * ranks * microbatches));
  const iterations = request.iterations ?? Math.min(mostIterations, affordable);
  request.onRow?.('auto');
  // The search takes lists by stage, and numbers by rank.
  const cut = count(hasLists(costs) ? stages : ranks);
  try {
    const search: ScheduleSearchRequest = {
      ranks,
      microbatches,
      costs: cutCosts(costs, parts, { pipelines: [cut], stageToRank: cut }),
      iterations,
      ...(placements !== undefined && { placements }),
    };
    const { schedule } = searchSchedule(search);
    return describe(frame, 'auto', schedule);
  } catch (error) {
    if (!(error instanceof DoubletrackError)) throw error;
    return { name: 'auto', stagesPerRank: stages / ranks, refusal: error.message };
  }
}

function count(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
