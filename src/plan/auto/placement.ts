import type { Schedule } from '../../schedule/index.js';

/** Where the stages of a model lie: its chains and the rank of each stage. */
export interface Placement {
  readonly name: string;
  readonly ranks: number;
  readonly pipelines: Schedule['pipelines'];
  readonly stageToRank: readonly number[];
}

/** How a search may lay the stages out; `loopedN` puts stage s on rank s modulo the ranks, N times around. */
export const placementNames = ['one', 'dual', 'v', 'looped2', 'looped4'] as const;
export type PlacementName = (typeof placementNames)[number];

/** The placement of that name on `ranks` ranks; `undefined` where it does not exist. Both copies of `dual` are whole models, fed from opposite ends. */
export function placeStages(name: PlacementName, ranks: number): Placement | undefined {
  switch (name) {
    case 'one':
      return placeLooped('one stage a rank', ranks, 1);
    case 'dual':
      return ranks % 2 === 0 ? placeDual(ranks) : undefined;
    case 'v':
      return {
        name: 'two stages a rank in a V',
        ranks,
        pipelines: [count(2 * ranks)],
        stageToRank: count(2 * ranks).map((stage) => Math.min(stage, 2 * ranks - 1 - stage)),
      };
    case 'looped2':
      return ranks > 1 ? placeLooped('two stages a rank, looped', ranks, 2) : undefined;
    case 'looped4':
      return ranks > 1 ? placeLooped('four stages a rank, looped', ranks, 4) : undefined;
    default:
      return name satisfies never;
  }
}

function placeDual(ranks: number): Placement {
  const stages = count(ranks);
  return {
    name: 'two copies from both ends',
    ranks,
    pipelines: [stages, stages.map((stage) => ranks + stage)],
    stageToRank: [...stages, ...stages.toReversed()],
  };
}

/** `stagesPerRank` stages a rank, in turn. */
export function placeLooped(name: string, ranks: number, stagesPerRank: number): Placement {
  const stages = count(ranks * stagesPerRank);
  return { name, ranks, pipelines: [stages], stageToRank: stages.map((stage) => stage % ranks) };
}

function count(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

/** How stages lie, in words. */
export function describePlacement({ ranks, pipelines, stageToRank }: Omit<Placement, 'name'>): string {
  const own = JSON.stringify([pipelines, stageToRank]);
  const known = placementNames
    .map((name) => placeStages(name, ranks))
    .find((placement) => own === JSON.stringify([placement?.pipelines, placement?.stageToRank]));
  return known?.name ?? `${stageToRank.length / ranks} stages a rank`;
}
