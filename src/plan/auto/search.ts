import { InputError, WorkError } from '../../base/index.js';
import { checkSchedule, mostRanks, requireCount, type Schedule } from '../../schedule/index.js';
import { type Costs, simulate } from '../../simulate/index.js';
import { countParts, cutCosts, hasLists } from './cut.js';
import { createRun, runOrder } from './evaluate.js';
import { type Candidate, compareCandidates, type ImprovementOptions, improveCandidates } from './improve-candidates.js';
import { listSchedule } from './list-schedule.js';
import { labelSchedule, listVariants, tryVariant } from './named.js';
import { orderOf, scheduleOf } from './orders.js';
import {
  describePlacement,
  type Placement,
  type PlacementName,
  placeLooped,
  placementNames,
  placeStages,
} from './placement.js';
import { type Cap, chunkMemory, createProblem, lowerBound, type Problem, pairSaving } from './problem.js';
import { listRules } from './rules.js';

/** What to search a schedule for. */
export interface ScheduleSearchRequest extends ImprovementOptions {
  readonly ranks: number;
  /** Of all pipelines together. */
  readonly microbatches: number;
  /**
   * Of the model, not of a schedule's stages: with lists, of as many stages as they have entries, and the schedule keeps that number; with numbers alone, of one rank's share of the model, and
   * the search cuts it: with two stages a rank, each takes half.
   */
  readonly costs: Costs;
  /** The most chunks alive on a rank: with lists, of the stages that they describe; with numbers, of a rank's share, so that half a share counts half. */
  readonly activationCap?: number;
  /** The most that a rank may hold, in the unit of the costs' memory. Instead of `activationCap`. */
  readonly memoryCap?: number;
  /** Where stages may lie, of named schedules too. Default: everywhere that the number of stages allows. */
  readonly placements?: readonly PlacementName[];
}

/** What a named schedule takes under the same costs, or why it is out. */
export interface NamedResult {
  readonly name: string;
  readonly stagesPerRank: number;
  readonly makespan?: number;
  readonly refusal?: string;
}

/** What a search found, and what it was made from. */
export interface ScheduleSearchResult {
  /** Named `auto`. It passes `checkSchedule` and keeps within the memory. */
  readonly schedule: Schedule;
  /** Of the schedule's own stages, as `simulate` takes them. */
  readonly costs: Costs;
  readonly makespan: number;
  /** No schedule on the placements that were tried takes less. */
  readonly bound: number;
  readonly placement: string;
  /** What it was made from, and what that took. */
  readonly start: { readonly name: string; readonly makespan: number };
  readonly named: readonly NamedResult[];
  /** The least of the named schedules; undefined if none is allowed. */
  readonly bestNamed: { readonly name: string; readonly makespan: number } | undefined;
}

/** The most chunks of a rank's share that are searched: the work grows with them. */
const mostShares = 2 ** 15;

/** Steps of tokens that list scheduling may take: seconds. */
const listWork = 6e6;

/**
 * Searches an order of computation for given costs, and never gives a worse one than the best named schedule that is allowed, since those are where it starts from, together with what list scheduling
 * makes by some hundred rules on each placement; local improvement changes the best of them. The same request gives the same schedule.
 * Throws `InputError` for costs and counts that do not fit together, `WorkError` if nothing keeps within the memory.
 */
export function searchSchedule(request: ScheduleSearchRequest): ScheduleSearchResult {
  requireSize(request);
  const parts = countParts(request.costs, request.ranks);
  const named = timeNamed(request, parts);
  const problems = createProblems(request, parts, named.candidates);
  const candidates = [...named.candidates, ...listSchedules(problems)].sort(compareCandidates);
  if (candidates.length === 0) throw nothingFits(request, problems);
  const bound = Math.min(...problems.map(lowerBound));
  const { start, best } = improveCandidates(request, candidates, bound);
  const schedule = scheduleOf(best.problem, best.order);
  const [issue] = checkSchedule(schedule);
  if (issue !== undefined)
    throw new WorkError({ what: `the search made a schedule that does not check: ${issue.message}` });
  const [bestNamed] = named.candidates.toSorted(compareCandidates);
  return {
    schedule,
    costs: best.problem.costs,
    makespan: simulate(schedule, best.problem.costs).makespan,
    bound,
    placement: best.problem.placement.name,
    start: { name: start.name, makespan: start.makespan },
    named: named.results,
    bestNamed: bestNamed === undefined ? undefined : { name: bestNamed.name, makespan: bestNamed.makespan },
  };
}

function requireSize({ ranks, microbatches, iterations = 0 }: ScheduleSearchRequest): void {
  requireCount('ranks', ranks, mostRanks);
  requireCount('microbatches', microbatches, mostShares);
  if (ranks * microbatches > mostShares) {
    throw new InputError({
      what: `auto cannot search ${ranks} ranks x ${microbatches} microbatches`,
      mend: `use at most ${Math.floor(mostShares / ranks)} microbatches, or a named schedule`,
    });
  }
  if (!Number.isSafeInteger(iterations) || iterations < 0) {
    throw new InputError({ what: `iterations cannot be ${iterations}`, mend: 'use a whole number from 0' });
  }
}

function readCap({ activationCap, memoryCap, costs }: ScheduleSearchRequest, chunk: number): Cap | undefined {
  if (activationCap !== undefined && memoryCap !== undefined) {
    throw new InputError({ what: 'a cap of chunks and a cap of memory are given together', mend: 'give one of them' });
  }
  const cap = activationCap ?? memoryCap;
  if (cap === undefined) return undefined;
  if (!(cap > 0)) throw new InputError({ what: `a cap of ${cap} leaves no room`, mend: 'use a number above 0' });
  if (memoryCap !== undefined && costs.memory === undefined) {
    throw new InputError({
      what: 'a cap of memory needs costs with memory',
      mend: 'cap the live chunks, or add memory to the costs',
    });
  }
  return activationCap === undefined ? { amount: cap } : { chunks: cap, chunk };
}

function timeNamed(request: ScheduleSearchRequest, parts: number): { results: NamedResult[]; candidates: Candidate[] } {
  const { ranks, microbatches, costs } = request;
  const isFixed = hasLists(costs);
  const candidates: Candidate[] = [];
  const variants = listVariants(isFixed ? [parts / ranks].filter((count) => count > 1) : [2, 4]);
  const results = variants.map((variant): NamedResult => {
    const { schedule, refusal, ...rest } = tryVariant(variant, ranks, microbatches);
    if (schedule === undefined) return { ...rest, refusal };
    const stages = schedule.stageToRank.length / schedule.pipelines.length;
    if (isFixed && stages !== parts) return { ...rest, refusal: `it has ${stages} stages, the costs list ${parts}` };
    if (!isPlaced(request, schedule)) return { ...rest, refusal: 'its stages lie elsewhere' };
    const problem = poseProblem(request, parts, schedule);
    const order = orderOf(problem, schedule);
    const run = createRun(problem);
    const makespan = runOrder(run, order);
    if (makespan === Number.POSITIVE_INFINITY) return { ...rest, refusal: describeNeed(request, problem, schedule) };
    const name = labelSchedule(rest.name, rest.stagesPerRank);
    candidates.push({ problem, name, order, makespan, peak: Math.max(...run.peak) });
    return { ...rest, makespan };
  });
  return { results, candidates };
}

/** How much more memory a schedule needs than the cap allows. */
function describeNeed(
  { activationCap }: ScheduleSearchRequest,
  { costs, untilWeight }: Problem,
  schedule: Schedule,
): string {
  const { peakActivations, memory } = simulate(schedule, costs);
  if (activationCap === undefined) return `it needs a memory of ${Math.max(...(memory?.peak ?? []))}`;
  return `it has up to ${Math.max(...peakActivations) * untilWeight[0]!} chunks alive on a rank`;
}

/** Whether a schedule lies where the request allows. */
function isPlaced({ ranks, placements }: ScheduleSearchRequest, { pipelines, stageToRank }: Schedule): boolean {
  if (placements === undefined) return true;
  const own = JSON.stringify([pipelines, stageToRank]);
  return placements.some((name) => {
    const placement = placeStages(name, ranks);
    return placement !== undefined && own === JSON.stringify([placement.pipelines, placement.stageToRank]);
  });
}

/** The problem of a placement, with the costs and memory of its stages. */
function poseProblem(
  request: ScheduleSearchRequest,
  parts: number,
  { ranks, pipelines, stageToRank }: Omit<Placement, 'name'>,
): Problem {
  const layout = { ranks, pipelines, stageToRank };
  const placement = { ...layout, name: describePlacement(layout) };
  const cap = readCap(request, parts / pipelines[0]!.length);
  return createProblem(placement, request.microbatches, cutCosts(request.costs, parts, placement), cap);
}

/** One problem for each placement that is allowed and on which nothing named lies that is the same. */
function createProblems(request: ScheduleSearchRequest, parts: number, named: readonly Candidate[]): Problem[] {
  const { ranks, microbatches, costs, placements = placementNames } = request;
  const isFixed = hasLists(costs);
  const listed = placements.flatMap((name) => placeStages(name, ranks) ?? []);
  const perRank = parts / ranks;
  if (isFixed && Number.isInteger(perRank) && ![1, 2, 4].includes(perRank)) {
    listed.push(placeLooped(`${perRank} stages a rank, looped`, ranks, perRank));
  }
  const fitting = listed.filter(
    ({ pipelines }) =>
      microbatches % pipelines.length === 0 && (!isFixed || (pipelines[0] as readonly number[]).length === parts),
  );
  if (fitting.length === 0 && named.length === 0) {
    if (!isFixed) {
      throw new InputError({
        what: `${placements.join(', ')} cannot be searched on ${ranks} ranks with ${microbatches} microbatches`,
        mend: 'dual needs even numbers of both, looped2 and looped4 need two ranks: allow another placement',
      });
    }
    throw new InputError({
      what: `costs of ${parts} stages do not divide over ${ranks} ranks`,
      mend: `give lists with a multiple of ${ranks} entries`,
    });
  }
  return fitting.map((placement) => poseProblem(request, parts, placement));
}

/** What the rules make on each placement, each makespan once. */
function listSchedules(problems: readonly Problem[]): Candidate[] {
  return problems.flatMap((problem) => {
    const { placement, stages, microbatches, stagesOf } = problem;
    const hasPairs = stagesOf.some((own) => own.some((a) => own.some((b) => pairSaving(problem, a, b) > 0)));
    const most = Math.max(6, Math.floor(listWork / problems.length / (3 * stages * microbatches)));
    const run = createRun(problem);
    const byMakespan = new Map<number, Candidate>();
    for (const rule of listRules(placement.ranks, hasPairs).slice(0, most)) {
      const order = listSchedule(problem, rule);
      const makespan = order === undefined ? Number.POSITIVE_INFINITY : runOrder(run, order);
      if (order === undefined || makespan === Number.POSITIVE_INFINITY) continue;
      const name = `list scheduling, ${placement.name}`;
      const candidate = { problem, name, order, makespan, peak: Math.max(...run.peak) };
      const known = byMakespan.get(makespan);
      if (known === undefined || candidate.peak < known.peak) byMakespan.set(makespan, candidate);
    }
    return [...byMakespan.values()];
  });
}

function nothingFits(
  { ranks, microbatches, activationCap, memoryCap }: ScheduleSearchRequest,
  problems: readonly Problem[],
): WorkError {
  const cap = activationCap ?? memoryCap ?? Number.POSITIVE_INFINITY;
  const needs = problems.map((problem) =>
    Math.max(
      ...problem.stagesOf.map((own, rank) =>
        own.reduce((sum, stage) => sum + chunkMemory(problem, stage), cap - problem.budget[rank]!),
      ),
    ),
  );
  return new WorkError({
    what: `no schedule of ${ranks} ranks and ${microbatches} microbatches keeps within ${cap}`,
    mend: `allow at least ${Math.min(...needs)}`,
  });
}
