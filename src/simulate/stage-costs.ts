import { InputError } from '../base/index.js';
import type { ChunkKind } from '../schedule/index.js';
import { type Costs, longestTime, messageTime, type PairTime, requireWithin, spreadOverStages } from './costs.js';
import { type ActionCost, type ChunkSegments, chunkCost, pairCost } from './segment-costs.js';

/** What an action on one chunk takes, as tables. */
export interface ChunkTable {
  /** `[stages]` */
  readonly time: Float64Array;
  /** `[stages]`: the part of it in which the rank waits for communication within the chunk. */
  readonly exposed: Float64Array;
}

/** Costs for the stages of a schedule. */
export interface StageCosts {
  readonly chunks: Readonly<Record<ChunkKind, ChunkTable>>;
  /** What an overlapped pair takes, by the stages of its forward and of its backward. */
  readonly pair: (forwardStage: number, backwardStage: number) => ActionCost;
  /** Of one message. */
  readonly p2p: number;
}

/**
 * Spreads costs over `stages`. Throws `InputError` if a time is not a number from 0 to `longestTime`, a list has not one entry a stage, segments do
 * not fit their lists, or the contention is no share.
 */
export function costsByStage(costs: Costs, stages: number): StageCosts {
  const p2p = messageTime(costs);
  if (costs.segments !== undefined) return { ...costsOfSegments(costs.segments, stages, costs.contention ?? 0), p2p };
  const spread = (name: 'forward' | 'backwardInput' | 'backwardWeight'): ChunkTable => ({
    time: spreadOverStages(name, costs[name], { stages, most: longestTime }),
    exposed: new Float64Array(stages),
  });
  const [forward, backwardInput, backwardWeight] = [
    spread('forward'),
    spread('backwardInput'),
    spread('backwardWeight'),
  ];
  const backward = {
    time: backwardInput.time.map((time, stage) => time + (backwardWeight.time[stage] as number)),
    exposed: backwardInput.exposed,
  };
  const chunks = { forward, backward, backwardInput, backwardWeight };
  const given = costs.overlapped === undefined ? undefined : pairTimes(costs.overlapped, stages);
  const sum = (forwardStage: number, backwardStage: number) =>
    (forward.time[forwardStage] as number) + (backward.time[backwardStage] as number);
  const pair = (forwardStage: number, backwardStage: number): ActionCost => ({
    time: given?.(forwardStage, backwardStage) ?? sum(forwardStage, backwardStage),
    exposed: 0,
  });
  return { chunks, pair, p2p };
}

function pairTimes(times: PairTime, stages: number): (forwardStage: number, backwardStage: number) => number | null {
  if (!isMatrix(times)) {
    const table = spreadOverStages('overlapped', times, { stages, most: longestTime });
    return (forwardStage) => table[forwardStage] as number;
  }
  const isSquare = times.length === stages && times.every((row) => row.length === stages);
  if (!isSquare) {
    throw new InputError({
      what: `overlapped is not a table of ${stages} x ${stages} times`,
      mend: 'give a row for each stage of a forward, and in it a time, or null, for each stage of a backward',
    });
  }
  for (const [row, list] of times.entries()) {
    for (const [column, time] of list.entries()) {
      if (time !== null) requireWithin(`overlapped[${row}][${column}]`, time, longestTime);
    }
  }
  return (forwardStage, backwardStage) => times[forwardStage]?.[backwardStage] ?? null;
}

function isMatrix(times: PairTime): times is readonly (readonly (number | null)[])[] {
  return typeof times !== 'number' && Array.isArray(times[0]);
}

function costsOfSegments(
  segments: ChunkSegments | readonly ChunkSegments[],
  stages: number,
  contention: number,
): Omit<StageCosts, 'p2p'> {
  const lists: readonly ChunkSegments[] = 'forward' in segments ? [segments] : segments;
  const isShared = 'forward' in segments;
  if (!isShared && lists.length !== stages) {
    throw new InputError({
      what: `segments lists ${lists.length} stages for ${stages}`,
      mend: 'give one entry for all, or one a stage',
    });
  }
  const listOf = (stage: number) => (isShared ? 0 : stage);
  const table = (kind: ChunkKind): ChunkTable => {
    const known = lists.map((list) => chunkCost(list, kind, contention));
    const spread = (part: keyof ActionCost) =>
      Float64Array.from({ length: stages }, (_, stage) => (known[listOf(stage)] as ActionCost)[part]);
    return { time: spread('time'), exposed: spread('exposed') };
  };
  const pairs = new Map<number, ActionCost>();
  const pair = (forwardStage: number, backwardStage: number): ActionCost => {
    const [first, second] = [listOf(forwardStage), listOf(backwardStage)];
    const key = first * lists.length + second;
    const cost = pairs.get(key) ?? pairCost(lists[first] as ChunkSegments, lists[second] as ChunkSegments, contention);
    pairs.set(key, cost);
    return cost;
  };
  const chunks = {
    forward: table('forward'),
    backward: table('backward'),
    backwardInput: table('backwardInput'),
    backwardWeight: table('backwardWeight'),
  };
  return { chunks, pair };
}
