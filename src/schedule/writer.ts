import type { Action } from './action.js';
import { actionAt, type FlatSchedule, kindCodes, linkStages, rememberColumns } from './flat.js';
import { microbatchesPerPipeline, type Schedule } from './schedule.js';

/** Takes the actions of a rank, in their order. */
export interface ActionWriter {
  readonly forward: (stage: number, microbatch: number) => void;
  readonly backward: (stage: number, microbatch: number) => void;
  readonly backwardInput: (stage: number, microbatch: number) => void;
  readonly backwardWeight: (stage: number, microbatch: number) => void;
  readonly overlap: (
    forwardStage: number,
    forwardMicrobatch: number,
    backwardStage: number,
    backwardMicrobatch: number,
  ) => void;
}

/**
 * A schedule whose ranks' actions `write` gives, rank after rank. They are kept as columns (`FlatSchedule`), which is all that checking and
 * simulating look at; `actions` is made of them when it is first read. What `write` names must exist.
 */
export function writeSchedule(
  shape: Omit<Schedule, 'actions'>,
  write: (rank: number, writer: ActionWriter) => void,
): Schedule {
  const microbatches = microbatchesPerPipeline(shape);
  const cells = shape.stageToRank.length * microbatches;
  const columns = createColumns(2 * cells);
  const rankStart = new Int32Array(shape.ranks + 1);
  const writer = createActionWriter(columns, microbatches);
  for (let rank = 0; rank < shape.ranks; rank++) {
    write(rank, writer);
    rankStart[rank + 1] = columns.length;
  }
  const flat = finishColumns(columns, shape, rankStart);
  let actions: Schedule['actions'] | undefined;
  const schedule: Schedule = {
    ...shape,
    get actions() {
      actions ??= decodeActions(flat);
      return actions;
    },
  };
  rememberColumns(schedule, flat);
  return schedule;
}

interface Columns {
  length: number;
  kind: Uint8Array;
  forward: Int32Array;
  backward: Int32Array;
  weight: Int32Array;
}

function createColumns(capacity: number): Columns {
  return {
    length: 0,
    kind: new Uint8Array(capacity),
    forward: new Int32Array(capacity),
    backward: new Int32Array(capacity),
    weight: new Int32Array(capacity),
  };
}

function createActionWriter(columns: Columns, microbatches: number): ActionWriter {
  const push = (kind: number, forward: number, backward: number, weight: number): void => {
    if (columns.length === columns.kind.length) growColumns(columns);
    const action = columns.length++;
    columns.kind[action] = kind;
    columns.forward[action] = forward;
    columns.backward[action] = backward;
    columns.weight[action] = weight;
  };
  return {
    forward: (stage, microbatch) => push(kindCodes.forward, stage * microbatches + microbatch, -1, -1),
    backward: (stage, microbatch) => push(kindCodes.backward, -1, stage * microbatches + microbatch, -1),
    backwardInput: (stage, microbatch) => push(kindCodes.backwardInput, -1, stage * microbatches + microbatch, -1),
    backwardWeight: (stage, microbatch) => push(kindCodes.backwardWeight, -1, -1, stage * microbatches + microbatch),
    overlap: (forwardStage, forwardMicrobatch, backwardStage, backwardMicrobatch) =>
      push(
        kindCodes.overlap,
        forwardStage * microbatches + forwardMicrobatch,
        backwardStage * microbatches + backwardMicrobatch,
        -1,
      ),
  };
}

function growColumns(columns: Columns): void {
  const larger = createColumns(2 * columns.length + 16);
  larger.kind.set(columns.kind);
  for (const name of ['forward', 'backward', 'weight'] as const) larger[name].set(columns[name]);
  Object.assign(columns, larger, { length: columns.length });
}

function finishColumns(columns: Columns, shape: Omit<Schedule, 'actions'>, rankStart: Int32Array): FlatSchedule {
  const { length } = columns;
  const microbatches = microbatchesPerPipeline(shape);
  const stages = shape.stageToRank.length;
  const rank = new Int32Array(length);
  for (let index = 0; index < shape.ranks; index++) rank.fill(index, rankStart[index], rankStart[index + 1]);
  return {
    ranks: shape.ranks,
    stages,
    microbatches,
    rankStart,
    rank,
    kind: columns.kind.subarray(0, length),
    forward: columns.forward.subarray(0, length),
    backward: columns.backward.subarray(0, length),
    weight: columns.weight.subarray(0, length),
    ...linkStages(shape, stages, microbatches),
    stageToRank: Int32Array.from(shape.stageToRank),
    outOfRange: 0,
  };
}

function decodeActions(flat: FlatSchedule): Action[][] {
  return Array.from({ length: flat.ranks }, (_, rank) => {
    const [start, end] = [flat.rankStart[rank] as number, flat.rankStart[rank + 1] as number];
    return Array.from({ length: end - start }, (_, position) => actionAt(flat, start + position));
  });
}
