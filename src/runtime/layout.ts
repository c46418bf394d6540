import type { Schedule } from '../schedule/index.js';

/** How the ranks of a run are numbered: those that share experts of one pipeline rank follow one another. */
export interface Layout {
  readonly schedule: Schedule;
  /** Ranks that share the experts of each pipeline rank. */
  readonly expert: number;
}

/** All ranks: pipeline x expert. */
export function countRanks({ schedule, expert }: Layout): number {
  return schedule.ranks * expert;
}

/** Where a rank stands: which ranks of the schedule it works as, and which share of the experts and of the data it has. */
export function locateRank(
  { expert }: Layout,
  rank: number,
): { readonly pipelineRank: number; readonly expertRank: number } {
  return { pipelineRank: Math.floor(rank / expert), expertRank: rank % expert };
}

export function rankAt({ expert }: Layout, pipelineRank: number, expertRank: number): number {
  return pipelineRank * expert + expertRank;
}

/** Physical slots of each rank, of every layer: each of the ranks that share the experts holds as many. */
export function slotsOfRank({
  expert,
  placement,
}: Layout & { readonly placement: { readonly slots: number } }): number {
  return placement.slots / expert;
}

/** The ranks that run the same program on data of their own and share the experts, ascending. */
export function expertGroup(layout: Layout, rank: number): number[] {
  const { pipelineRank } = locateRank(layout, rank);
  return Array.from({ length: layout.expert }, (_, expertRank) => rankAt(layout, pipelineRank, expertRank));
}

/** The ranks that hold the same parameters as this one, ascending: `expert` those of routed experts, `shared` all others. */
export function holders(layout: Layout, rank: number, kind: 'shared' | 'expert'): number[] {
  const { schedule, expert } = layout;
  const { pipelineRank, expertRank } = locateRank(layout, rank);
  const copies = schedule.pipelines.length === 2 ? [pipelineRank, schedule.ranks - 1 - pipelineRank] : [pipelineRank];
  const shares = kind === 'expert' ? [expertRank] : Array.from({ length: expert }, (_, index) => index);
  return copies.flatMap((copy) => shares.map((share) => rankAt(layout, copy, share))).sort((a, b) => a - b);
}
