import type { Action, CommunicationAction, CommunicationKind, LoweredAction, StageAction } from './action.js';
import type { Schedule } from './schedule.js';

/** Codes of the `kind` column of a lowered list. */
export const loweredCodes = {
  compute: 0,
  unshard: 1,
  reshard: 2,
  reduceGrad: 3,
  waitReduceGrad: 4,
  sendForward: 5,
  receiveForward: 6,
  sendBackward: 7,
  receiveBackward: 8,
  waitSendForward: 9,
  waitSendBackward: 10,
} as const satisfies Record<'compute' | CommunicationKind, number>;

const kindOfCode = Object.keys(loweredCodes) as ('compute' | CommunicationKind)[];
const stageKinds: ReadonlySet<string> = new Set<StageAction['kind']>([
  'unshard',
  'reshard',
  'reduceGrad',
  'waitReduceGrad',
]);

/** What one rank does, as columns: computation and communication in their order. */
export interface LoweredList {
  /** Of `loweredCodes`. A `compute` is the rank's next action of the schedule, so the columns say no more of it. */
  readonly kind: Uint8Array;
  /** Of communication; -1 for `compute`. */
  readonly stage: Int32Array;
  /** Of messages; -1 for what has none. */
  readonly microbatch: Int32Array;
}

/** A schedule with its communication. */
export interface LoweredSchedule {
  /** The computation alone. */
  readonly schedule: Schedule;
  /** `[rank]` */
  readonly lists: readonly LoweredList[];
}

/** Takes a rank's list, entry by entry. */
export interface ListWriter {
  readonly compute: () => void;
  readonly communicate: (action: CommunicationAction) => void;
  /** As `communicate`, for passes, which make no objects. */
  readonly push: (code: number, stage: number, microbatch: number) => void;
  readonly finish: () => LoweredList;
}

/** A writer of a list; `capacity` is a guess of its length. */
export function createListWriter(capacity = 64): ListWriter {
  let list = allocateList(capacity);
  let length = 0;
  const push = (code: number, stage: number, microbatch: number): void => {
    if (length === list.kind.length) {
      const longer = allocateList(2 * length + 16);
      longer.kind.set(list.kind);
      longer.stage.set(list.stage);
      longer.microbatch.set(list.microbatch);
      list = longer;
    }
    list.kind[length] = code;
    list.stage[length] = stage;
    list.microbatch[length++] = microbatch;
  };
  return {
    compute: () => push(loweredCodes.compute, -1, -1),
    communicate: (action) =>
      push(loweredCodes[action.kind], action.stage, 'microbatch' in action ? action.microbatch : -1),
    push,
    finish: () => ({
      kind: list.kind.slice(0, length),
      stage: list.stage.slice(0, length),
      microbatch: list.microbatch.slice(0, length),
    }),
  };
}

function allocateList(length: number) {
  return { kind: new Uint8Array(length), stage: new Int32Array(length), microbatch: new Int32Array(length) };
}

/** The actions of a rank one after the other, computation and communication. */
export function* loweredActions({ schedule, lists }: LoweredSchedule, rank: number): Generator<LoweredAction> {
  const list = lists[rank] as LoweredList;
  const compute = schedule.actions[rank] as readonly Action[];
  let next = 0;
  for (let position = 0; position < list.kind.length; position++) {
    yield list.kind[position] === loweredCodes.compute ? (compute[next++] as Action) : communicationAt(list, position);
  }
}

/** The communication at a position of a list. */
export function communicationAt(list: LoweredList, position: number): CommunicationAction {
  const kind = kindOfCode[list.kind[position] as number] as CommunicationKind;
  const stage = list.stage[position] as number;
  if (isStageKind(kind)) return { kind, stage };
  return { kind, stage, microbatch: list.microbatch[position] as number };
}

function isStageKind(kind: CommunicationKind): kind is StageAction['kind'] {
  return stageKinds.has(kind);
}

/**
 * Whether stages stay gathered at the end and no rank gives any back after its last computation, as PyTorch 2.6 to 2.9
 * leave them.
 */
export function isLeftGathered(lists: readonly LoweredList[]): boolean {
  const left = lists.map((list) => {
    const gathered = new Set<number>();
    const end = list.kind.lastIndexOf(loweredCodes.compute);
    for (let position = 0; position < list.kind.length; position++) {
      const code = list.kind[position];
      if (code === loweredCodes.unshard) gathered.add(list.stage[position]);
      if (code !== loweredCodes.reshard) continue;
      gathered.delete(list.stage[position]);
      if (position > end) return undefined;
    }
    return gathered.size;
  });
  return left.every((count) => count !== undefined) && left.some((count) => count !== 0);
}
