import { countParts, cutCosts } from '../../../plan/index.js';
import type { Schedule } from '../../../schedule/index.js';
import type { Costs } from '../../../simulate/index.js';
import { chosenLimits, defaultSchedulesState, type ShareTimes, type StageTimes } from './state.js';

/** Times as costs of the model: of one rank's share of it, or with lists of each of its stages. */
export function modelCosts(times: ShareTimes | StageTimes): Costs {
  const { kind, ...costs } = times;
  if (kind === 'stages') return costs;
  return { ...costs, overlapped: times.overlapped * sumOfParts(times) };
}

type PairParts = Pick<ShareTimes, 'forward' | 'backwardInput' | 'backwardWeight'>;

/** What an overlapped pair takes if nothing of it overlaps. */
export function sumOfParts({ forward, backwardInput, backwardWeight }: PairParts): number {
  return forward + backwardInput + backwardWeight;
}

/**
 * The least that an overlapped pair can take, as a part of the sum of its parts, in hundredths: what its longer half
 * takes alone.
 */
export function leastPair(parts: PairParts): number {
  const sum = sumOfParts(parts);
  if (sum === 0) return chosenLimits.overlapped.least;
  const longer = Math.max(parts.forward, sum - parts.forward) / sum;
  return Math.ceil(Number((100 * longer).toPrecision(9))) / 100;
}

/** The times with pairs that take no less than they can. */
export function fitPair(times: ShareTimes): ShareTimes {
  return { ...times, overlapped: Math.max(times.overlapped, leastPair(times)) };
}

/** Costs of a schedule's stages: schedules that cut the model differently have the same work. Throws `InputError` where a list of stages does not divide into the schedule's. */
export function stageCosts(times: ShareTimes | StageTimes, schedule: Schedule): Costs {
  const costs = modelCosts(times);
  return cutCosts(costs, countParts(costs, schedule.ranks), schedule);
}

/** Plain times that are near those of each stage: a forward takes one unit, the rest is in proportion to it. */
export function plainTimes(times: StageTimes): ShareTimes {
  const sum = (list: readonly number[]) => list.reduce((total, time) => total + time, 0);
  const [forward, input, weight] = [sum(times.forward), sum(times.backwardInput), sum(times.backwardWeight)];
  if (forward === 0) return defaultSchedulesState.times;
  const near = (time: number) => Number((time / forward).toPrecision(3));
  const pair = times.overlapped === undefined ? 1 : sum(times.overlapped) / (forward + input + weight);
  return fitPair({
    kind: 'share',
    forward: 1,
    backwardInput: near(input),
    backwardWeight: near(weight),
    overlapped: Math.min(chosenLimits.overlapped.most, Number(pair.toFixed(2))),
    p2p: near(times.p2p * times.forward.length),
  });
}
