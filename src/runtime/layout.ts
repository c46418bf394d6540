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

/** What the ranks of a run hold together: routed experts, the embedding that is the head too, and all else. */
export type HeldKind = 'shared' | 'expert' | 'tied';

/**
 * The ranks that hold the same parameters of a kind as this one, ascending; of `tied` all that hold the first stage or
 * the last.
 */
export function holders(layout: Layout, rank: number, kind: HeldKind): number[] {
  const { schedule, expert } = layout;
  if (kind === 'tied') {
    const edges = schedule.pipelines.flatMap((stages) => [stages[0], stages[stages.length - 1]]);
    const pipelineRanks = [...new Set(edges.map((stage) => schedule.stageToRank[stage]))].sort((a, b) => a - b);
    return pipelineRanks.flatMap((one) => expertGroup(layout, rankAt(layout, one, 0)));
  }
  const { pipelineRank, expertRank } = locateRank(layout, rank);
  const copies = schedule.pipelines.length === 2 ? [pipelineRank, schedule.ranks - 1 - pipelineRank] : [pipelineRank];
  const shares = kind === 'expert' ? [expertRank] : Array.from({ length: expert }, (_, index) => index);
  return copies.flatMap((copy) => shares.map((share) => rankAt(layout, copy, share))).sort((a, b) => a - b);
}
