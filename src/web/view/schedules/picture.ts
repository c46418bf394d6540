import { DoubletrackError, InputError, type Problem } from '../../../base/index.js';
import { labelSchedule } from '../../../plan/index.js';
import { generateSchedule, type Schedule } from '../../../schedule/index.js';
import {
  type Costs,
  type MemoryCosts,
  type MemoryCurve,
  memoryCurve,
  type Simulation,
  simulate,
  simulatedLanes,
} from '../../../simulate/index.js';
import { type IndexedTimeline, indexLanes } from '../timeline/index-timeline.js';
import { stageCosts } from './costs.js';
import { type ChosenCounts, requestOf } from './fit.js';
import type { ChosenSchedule, ShareTimes, StageTimes } from './state.js';

/** A schedule with costs of its own stages. */
interface CostedSchedule {
  readonly schedule: Schedule;
  readonly costs: Costs;
}

/** All that is shown of a schedule. */
export interface SchedulePicture extends CostedSchedule {
  readonly name: string;
  readonly simulation: Simulation;
  readonly indexed: IndexedTimeline;
  /** `[rank]`: the most activations alive at a time, counted in microbatches of one rank's share of the model. */
  readonly peakActivations: readonly number[];
}

/** The most chunks of a picture: more would keep a browser busy for seconds. */
export const mostPictureChunks = 2 ** 17;

/** From this many chunks on a picture is not made anew with every step of a slider. */
export const manyChunks = 2 ** 15;

/** Chunks that a schedule has; of one that is yet to be generated, at least as many. */
export function countChunks({ name, stagesPerRank }: ChosenSchedule, { ranks, microbatches }: ChosenCounts): number {
  return ranks * microbatches * (name === 'interleaved' ? stagesPerRank : 2);
}

/** The chosen schedule. Throws `InputError` that says what fits, where its counts do not, or where it is too large to be shown. */
function generateChosen(chosen: ChosenSchedule, counts: ChosenCounts): Schedule {
  requireDrawable(countChunks(chosen, counts));
  return generateSchedule({ ...requestOf(chosen), ...counts });
}

/** Throws `InputError` for more chunks than a picture can have. */
export function requireDrawable(chunks: number): void {
  if (chunks <= mostPictureChunks) return;
  throw new InputError({
    what: `${chunks} chunks are too many for the page`,
    mend: `use fewer ranks or microbatches, for at most ${mostPictureChunks} chunks, or the command line`,
  });
}

/** Simulates a schedule; `unit` is that of its costs. Throws as `simulate`. */
function makePicture({ schedule, costs }: CostedSchedule, unit: IndexedTimeline['unit']): SchedulePicture {
  const simulation = simulate(schedule, costs);
  const stagesPerRank = schedule.stageToRank.length / schedule.ranks;
  return {
    schedule,
    costs,
    name: labelSchedule(schedule.name, stagesPerRank),
    simulation,
    indexed: indexLanes(simulatedLanes(schedule, simulation), { unit, ranks: schedule.ranks }),
    peakActivations: simulation.peakActivations.map((chunks) => chunks * shareOfChunk(schedule)),
  };
}

/** How much of one rank's share of the model a stage is: half of it where one copy of the model has two stages a rank. */
function shareOfChunk({ ranks, pipelines }: Schedule): number {
  return ranks / (pipelines[0]?.length ?? ranks);
}

/** The activations of a rank over time, counted as in `peakActivations`. */
export function activationCurve({ schedule, simulation }: SchedulePicture, rank: number): MemoryCurve {
  const memory: MemoryCosts = { activationsUntilWeight: shareOfChunk(schedule) };
  return memoryCurve(schedule, simulation, memory, Math.min(rank, schedule.ranks - 1));
}

/** A picture, or why there is none. */
export type PictureResult =
  | { readonly picture: SchedulePicture; readonly problem?: undefined }
  | { readonly problem: Problem; readonly picture?: undefined };

/** What a picture is made of: a schedule that is chosen or opened, for given times, or one that was searched, with its costs. */
export type PictureSource =
  | { readonly chosen: ChosenSchedule; readonly counts: ChosenCounts }
  | { readonly schedule: Schedule; readonly costs?: Costs };

/** Makes a picture; what does not fit together becomes its problem. */
export function tryPicture(source: PictureSource, times: ShareTimes | StageTimes): PictureResult {
  try {
    const schedule = 'chosen' in source ? generateChosen(source.chosen, source.counts) : source.schedule;
    const costs = ('costs' in source ? source.costs : undefined) ?? stageCosts(times, schedule);
    return { picture: makePicture({ schedule, costs }, times.kind === 'stages' ? 'seconds' : 'units') };
  } catch (error) {
    if (error instanceof DoubletrackError) return { problem: error.problem };
    throw error;
  }
}
