import type { Action } from './action.js';

/**
 * What each rank does, in which order: plain data that is generated, checked, simulated, drawn, exported and run.
 */
export interface Schedule {
  readonly name: string;
  readonly ranks: number;
  /** Of all pipelines together. Each pipeline has an equal share, numbered from 0. */
  readonly microbatches: number;
  /** The chains of stages that a microbatch goes through; each stage is in one chain. DualPipe has two, one for each copy of the model. */
  readonly pipelines: readonly (readonly number[])[];
  readonly stageToRank: readonly number[];
  /** `[rank][position]` */
  readonly actions: readonly (readonly Action[])[];
}

/** The most chunks (stages x microbatches of one pipeline) that a schedule may have, so that one fits in memory. */
export const mostChunks = 2 ** 21;

/** The most ranks of a schedule. */
export const mostRanks = 4096;

/** How many microbatches go through each chain of stages. */
export function microbatchesPerPipeline(schedule: Pick<Schedule, 'microbatches' | 'pipelines'>): number {
  return schedule.microbatches / schedule.pipelines.length;
}

/** `[0, 1, ..., length - 1]` shifted by `start`. */
export function range(length: number, start = 0): number[] {
  return Array.from({ length }, (_, index) => start + index);
}
