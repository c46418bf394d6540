import type { Random } from '../base/index.js';
import { type Action, chunkActions, isCommunication, type LoweredAction } from './action.js';
import { generateSchedule } from './generators/generate.js';
import { createListWriter, type LoweredSchedule, loweredActions } from './lowered.js';
import { lowerSchedule, type TorchRelease } from './passes/lower.js';
import { microbatchesPerPipeline, type Schedule } from './schedule.js';

export type Lists = readonly (readonly LoweredAction[])[];

/** A schedule that is good, and what its ranks do. */
export interface Base {
  readonly name: string;
  readonly schedule: Schedule;
  readonly lists: Lists;
  readonly isLowered: boolean;
}

/** A generated schedule, with the communication of a release if one is given. */
export function createBase(name: string, ranks: number, microbatches: number, release?: TorchRelease): Base {
  const schedule = generateSchedule({ name, ranks, microbatches });
  const title = `${name} ${ranks}x${microbatches} ${release ?? 'computation'}`;
  if (release === undefined) return { name: title, schedule, lists: schedule.actions, isLowered: false };
  const lowered = lowerSchedule(schedule, release);
  const lists = lowered.lists.map((_, rank) => [...loweredActions(lowered, rank)]);
  return { name: title, schedule, lists, isLowered: true };
}

/** The schedule of a base whose ranks do what the lists say. */
export function withLists({ schedule }: Base, lists: Lists): LoweredSchedule {
  const actions = lists.map((list) => list.filter((action): action is Action => !isCommunication(action)));
  const { name, ranks, microbatches, pipelines, stageToRank } = schedule;
  return {
    schedule: { name, ranks, microbatches, pipelines, stageToRank, actions },
    lists: lists.map((list) => {
      const writer = createListWriter();
      for (const action of list) isCommunication(action) ? writer.communicate(action) : writer.compute();
      return writer.finish();
    }),
  };
}

/** Changes lists at random; `undefined` where there is nothing that it could change. */
export type Mutation = (base: Base, random: Random) => Lists | undefined;

/** Where an action stands. */
interface Spot {
  readonly rank: number;
  readonly position: number;
  readonly action: LoweredAction;
}

function spotsOf(lists: Lists, isMeant: (action: LoweredAction) => boolean): Spot[] {
  return lists.flatMap((list, rank) =>
    list.flatMap((action, position) => (isMeant(action) ? [{ rank, position, action }] : [])),
  );
}

function pick<T>(random: Random, options: readonly T[]): T | undefined {
  return options.length === 0 ? undefined : options[random.integer(options.length)];
}

function replaceRank(lists: Lists, rank: number, list: readonly LoweredAction[]): Lists {
  return lists.with(rank, list);
}

function insertAt(lists: Lists, rank: number, position: number, action: LoweredAction): Lists {
  return replaceRank(lists, rank, (lists[rank] ?? []).toSpliced(position, 0, action));
}

function removeAt(lists: Lists, { rank, position }: Spot): Lists {
  return replaceRank(lists, rank, (lists[rank] ?? []).toSpliced(position, 1));
}

function swap(lists: Lists, rank: number, first: number, second: number): Lists {
  const list = lists[rank] ?? [];
  const [one, other] = [list[first], list[second]];
  if (one === undefined || other === undefined) return lists;
  return replaceRank(lists, rank, list.with(first, other).with(second, one));
}

const isAny = (): boolean => true;
const isKind =
  (...kinds: LoweredAction['kind'][]) =>
  (action: LoweredAction): boolean =>
    kinds.includes(action.kind);
const isSend = isKind('sendForward', 'sendBackward');
const isReceive = isKind('receiveForward', 'receiveBackward');

/** Leaves one out of those that are meant. */
const drop =
  (isMeant: (action: LoweredAction) => boolean): Mutation =>
  ({ lists }, random) => {
    const spot = pick(random, spotsOf(lists, isMeant));
    return spot === undefined ? undefined : removeAt(lists, spot);
  };

const duplicate =
  (isMeant: (action: LoweredAction) => boolean): Mutation =>
  ({ lists }, random) => {
    const spot = pick(random, spotsOf(lists, isMeant));
    if (spot === undefined) return undefined;
    return insertAt(lists, spot.rank, random.integer((lists[spot.rank]?.length ?? 0) + 1), spot.action);
  };

/** Moves one to another place of its rank. */
const shift =
  (isMeant: (action: LoweredAction) => boolean): Mutation =>
  ({ lists }, random) => {
    const spot = pick(random, spotsOf(lists, isMeant));
    if (spot === undefined) return undefined;
    return insertAt(removeAt(lists, spot), spot.rank, random.integer(lists[spot.rank]?.length ?? 1), spot.action);
  };

const moveToOtherRank: Mutation = ({ lists }, random) => {
  const spot = pick(random, spotsOf(lists, isAny));
  const rank = pick(
    random,
    lists.flatMap((_, other) => (other === spot?.rank ? [] : [other])),
  );
  if (spot === undefined || rank === undefined) return undefined;
  return insertAt(removeAt(lists, spot), rank, random.integer((lists[rank]?.length ?? 0) + 1), spot.action);
};

/** Gives one another number: of its microbatch or of its stage. */
const renumber =
  (field: 'stage' | 'microbatch'): Mutation =>
  ({ lists, schedule }, random) => {
    const spot = pick(
      random,
      spotsOf(lists, (action) => action.kind !== 'overlap' && field in action),
    );
    if (spot === undefined || spot.action.kind === 'overlap') return undefined;
    const count = field === 'stage' ? schedule.stageToRank.length : microbatchesPerPipeline(schedule);
    const old = 'microbatch' in spot.action && field === 'microbatch' ? spot.action.microbatch : spot.action.stage;
    const value = (old + 1 + random.integer(count)) % (count + 1);
    return replaceRank(
      lists,
      spot.rank,
      (lists[spot.rank] ?? []).with(spot.position, { ...spot.action, [field]: value }),
    );
  };

const swapTwo: Mutation = ({ lists }, random) => {
  const rank = random.integer(lists.length);
  const length = lists[rank]?.length ?? 0;
  return swap(lists, rank, random.integer(length), random.integer(length));
};

const swapNeighbours: Mutation = ({ lists }, random) => {
  const rank = random.integer(lists.length);
  const first = random.integer(Math.max(1, (lists[rank]?.length ?? 0) - 1));
  return swap(lists, rank, first, first + 1);
};

/** Swaps an action with another of the same chunk: a forward with its backward, an input gradient with its weight gradient. */
const swapWithinChunk =
  (earlier: LoweredAction['kind'], later: readonly LoweredAction['kind'][]): Mutation =>
  ({ lists }, random) => {
    const pairs = spotsOf(lists, isKind(earlier)).flatMap(({ rank, position, action }) => {
      const other = (lists[rank] ?? []).findIndex(
        (candidate) =>
          later.includes(candidate.kind) &&
          'microbatch' in candidate &&
          'microbatch' in action &&
          candidate.stage === action.stage &&
          candidate.microbatch === action.microbatch,
      );
      return other === -1 ? [] : [{ rank, position, other }];
    });
    const pair = pick(random, pairs);
    return pair === undefined ? undefined : swap(lists, pair.rank, pair.position, pair.other);
  };

/** Adds a half of a backward that has run whole. */
const addHalf: Mutation = ({ lists }, random) => {
  const spot = pick(random, spotsOf(lists, isKind('backward', 'overlap')));
  if (spot === undefined || isCommunication(spot.action)) return undefined;
  const { stage, microbatch } = chunkActions(spot.action).at(-1) as { stage: number; microbatch: number };
  const kind = random.integer(2) === 0 ? 'backwardInput' : 'backwardWeight';
  const length = lists[spot.rank]?.length ?? 0;
  return insertAt(lists, spot.rank, random.integer(length + 1), { kind, stage, microbatch });
};

/** Pairs a forward with the backward of its own chunk. */
const pairWithItself: Mutation = ({ lists }, random) => {
  const spot = pick(random, spotsOf(lists, isKind('overlap')));
  if (spot?.action.kind !== 'overlap') return undefined;
  const { forward } = spot.action;
  const action = { ...spot.action, backward: { ...forward, kind: 'backward' } } as const;
  return replaceRank(lists, spot.rank, (lists[spot.rank] ?? []).with(spot.position, action));
};

/** Puts a rank's sums of gradients at its end, in the other order: its mirrored rank then waits for another stage. */
const swapSums: Mutation = ({ lists }, random) => {
  const rank = random.integer(lists.length);
  const list = lists[rank] ?? [];
  const sums = list.filter(isKind('reduceGrad'));
  return sums.length < 2
    ? undefined
    : replaceRank(lists, rank, [...list.filter((action) => !sums.includes(action)), ...sums.reverse()]);
};

/** Swaps two sends, or two receives, of a rank. */
const swapMessages =
  (isMeant: (action: LoweredAction) => boolean): Mutation =>
  ({ lists }, random) => {
    const first = pick(random, spotsOf(lists, isMeant));
    const second = pick(
      random,
      spotsOf(lists, isMeant).filter(({ rank, action }) => rank === first?.rank && action !== first.action),
    );
    if (first === undefined || second === undefined) return undefined;
    return swap(lists, first.rank, first.position, second.position);
  };

/** Posts a receive only just before the computation that needs it. */
const deferReceive: Mutation = ({ lists }, random) => {
  const spot = pick(random, spotsOf(lists, isReceive));
  if (spot === undefined) return undefined;
  const rest = removeAt(lists, spot);
  const { action } = spot;
  const position = (rest[spot.rank] ?? []).findIndex(
    (candidate) =>
      !isCommunication(candidate) &&
      chunkActions(candidate).some(
        ({ kind, stage, microbatch }) =>
          'microbatch' in action &&
          stage === action.stage &&
          microbatch === action.microbatch &&
          (kind === 'forward') === (action.kind === 'receiveForward') &&
          kind !== 'backwardWeight',
      ),
  );
  return position === -1 ? undefined : insertAt(rest, spot.rank, position, action);
};

/** Mutations by what they do. Some leave a schedule good now and then. */
export const mutations: Readonly<Record<string, Mutation>> = {
  'an action left out': drop(isAny),
  'an action twice': duplicate(isAny),
  'an action on another rank': moveToOtherRank,
  'another microbatch': renumber('microbatch'),
  'another stage': renumber('stage'),
  'two actions swapped': swapTwo,
  'neighbours swapped': swapNeighbours,
  'an action at another place': shift(isAny),
  'a forward after its backward': swapWithinChunk('forward', ['backward', 'backwardInput']),
  'a weight gradient before its input gradient': swapWithinChunk('backwardInput', ['backwardWeight']),
  'a backward whole and in halves': addHalf,
  'a pair of a chunk with itself': pairWithItself,
  'a send left out': drop(isSend),
  'a receive left out': drop(isReceive),
  'a wait left out': drop(isKind('waitSendForward', 'waitSendBackward', 'waitReduceGrad')),
  'a sum of gradients left out': drop(isKind('reduceGrad')),
  'parameters not gathered or not given back': drop(isKind('unshard', 'reshard')),
  'a send twice': duplicate(isSend),
  'a receive twice': duplicate(isReceive),
  'a send at another place': shift(isSend),
  'a receive at another place': shift(isReceive),
  'a wait at another place': shift(isKind('waitSendForward', 'waitSendBackward')),
  'a sum of gradients at another place': shift(isKind('reduceGrad')),
  'two sends swapped': swapMessages(isSend),
  'two receives swapped': swapMessages(isReceive),
  'a receive posted late': deferReceive,
  'sums of mirrored stages in another order': swapSums,
};
