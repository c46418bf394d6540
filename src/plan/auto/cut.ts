import { InputError } from '../../base/index.js';
import type { Schedule } from '../../schedule/index.js';
import type { Costs, StageTime } from '../../simulate/index.js';

const timeKeys = ['forward', 'backwardInput', 'backwardWeight', 'overlapped'] as const;

/**
 * In how many parts costs describe the model: as many as their lists have entries, or without a list `shares`, so that a number is the time of one
 * share of the model. Throws `InputError` if two lists have different lengths.
 */
export function countParts(costs: Costs, shares: number): number {
  const lists = timeKeys.flatMap((key) => {
    const time = costs[key];
    return typeof time === 'object' ? [{ key, length: time.length }] : [];
  });
  const [first] = lists;
  if (first === undefined) return shares;
  const other = lists.find(({ length }) => length !== first.length);
  if (other !== undefined || first.length === 0) {
    const { key, length } = other ?? first;
    throw new InputError({
      what: `${key} lists ${length} times and ${first.key} ${first.length}`,
      mend: 'give each list one entry a part of the model',
    });
  }
  return first.length;
}

/** Whether costs given by a list leave the model in the `parts` that they describe; numbers can be cut anywhere. */
export function hasLists(costs: Costs): boolean {
  return timeKeys.some((key) => typeof costs[key] === 'object');
}

/**
 * Costs of a schedule's stages, from costs of the `parts` of the model. Every pipeline holds the whole model: its k-th stage is the k-th run of parts, with the sum of their
 * times, or the share of one time. A message stays as it is: it is a microbatch's, however the model is cut.
 * Throws `InputError` if a list does not divide into the stages.
 */
export function cutCosts(costs: Costs, parts: number, { pipelines, stageToRank }: Pick<Schedule, 'pipelines' | 'stageToRank'>): Costs {
  const stages = (pipelines[0] as readonly number[]).length;
  const cut = (time: StageTime): StageTime => cutTime(time, parts, stages, pipelines, stageToRank.length);
  return {
    ...costs,
    forward: cut(costs.forward),
    backwardInput: cut(costs.backwardInput),
    backwardWeight: cut(costs.backwardWeight),
    ...(costs.overlapped === undefined ? {} : { overlapped: cut(costs.overlapped) }),
  };
}

/** One time (or any amount that adds up over parts) by the schedule's stage numbers; a number stays one. */
export function cutTime(
  time: StageTime,
  parts: number,
  stages: number,
  pipelines: Schedule['pipelines'],
  stageCount: number,
): StageTime {
  if (typeof time === 'number') return (time * parts) / stages;
  if (time.length % stages !== 0) {
    throw new InputError({
      what: `${time.length} parts of the model do not divide into ${stages} stages`,
      mend: `give lists with a multiple of ${stages} entries`,
    });
  }
  const run = time.length / stages;
  const byStage = new Array<number>(stageCount).fill(0);
  for (const pipeline of pipelines) {
    for (const [position, stage] of pipeline.entries()) {
      byStage[stage] = time.slice(position * run, (position + 1) * run).reduce((sum, part) => sum + part, 0);
    }
  }
  return byStage;
}
