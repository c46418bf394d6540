import type { Action, ActionKind, ChunkAction } from './action.js';
import { microbatchesPerPipeline, type Schedule } from './schedule.js';

/** Position of a kind in the `kind` column. */
export const kindCodes = {
  forward: 0,
  backward: 1,
  backwardInput: 2,
  backwardWeight: 3,
  overlap: 4,
} as const satisfies Record<ActionKind, number>;

/**
 * A schedule as columns of numbers, one entry an action, ranks one after the other: so that passes over it are linear and look nothing
 * up by text. A cell is one chunk: `stage * microbatches + microbatch`; -1 says that the action has no such part.
 */
export interface FlatSchedule {
  readonly ranks: number;
  readonly stages: number;
  /** Of each pipeline. */
  readonly microbatches: number;
  /** `[ranks + 1]`: rank r owns the actions from rankStart[r] to rankStart[r + 1]. */
  readonly rankStart: Int32Array;
  readonly rank: Int32Array;
  readonly kind: Uint8Array;
  /** Cell whose forward this action runs. */
  readonly forward: Int32Array;
  /** Cell whose input gradient this action computes: of a `backward`, `backwardInput` or an overlapped backward. */
  readonly backward: Int32Array;
  /** Cell of a `backwardWeight`. */
  readonly weight: Int32Array;
  /** `[stages]`: what to add to a cell for the same microbatch one stage earlier; 0 for the first stage of its chain. */
  readonly toPrevious: Int32Array;
  readonly toNext: Int32Array;
  readonly stageToRank: Int32Array;
  /** Actions whose stage or microbatch does not exist: they have no cell. */
  readonly outOfRange: number;
}

/** Columns that are known already. Schedules do not change, so those of one are made once. */
const known = new WeakMap<Schedule, FlatSchedule>();

/** Keeps the columns of a schedule that was made from them. */
export function rememberColumns(schedule: Schedule, flat: FlatSchedule): void {
  known.set(schedule, flat);
}

/** Whether a schedule's columns are at hand, so that nobody needs to look at its actions one by one. */
export function hasColumns(schedule: Schedule): boolean {
  return known.has(schedule);
}

/** Columns of a schedule whose stages, pipelines and ranks fit together (`findShapeIssues` says so). */
export function flattenSchedule(schedule: Schedule): FlatSchedule {
  const found = known.get(schedule);
  if (found !== undefined) return found;
  const flat = buildColumns(schedule);
  known.set(schedule, flat);
  return flat;
}

function buildColumns(schedule: Schedule): FlatSchedule {
  const microbatches = microbatchesPerPipeline(schedule);
  const stages = schedule.stageToRank.length;
  const rankStart = new Int32Array(schedule.ranks + 1);
  for (let rank = 0; rank < schedule.ranks; rank++) {
    rankStart[rank + 1] = (rankStart[rank] as number) + (schedule.actions[rank] as readonly Action[]).length;
  }
  const length = rankStart[schedule.ranks] as number;
  const columns = {
    rank: new Int32Array(length),
    kind: new Uint8Array(length),
    forward: new Int32Array(length).fill(-1),
    backward: new Int32Array(length).fill(-1),
    weight: new Int32Array(length).fill(-1),
  };
  let outOfRange = 0;
  for (let rank = 0; rank < schedule.ranks; rank++) {
    const actions = schedule.actions[rank] as readonly Action[];
    const start = rankStart[rank] as number;
    columns.rank.fill(rank, start, start + actions.length);
    for (let position = 0; position < actions.length; position++) {
      if (!writeAction(columns, start + position, actions[position] as Action, stages, microbatches)) outOfRange++;
    }
  }
  return {
    ranks: schedule.ranks,
    stages,
    microbatches,
    rankStart,
    ...columns,
    ...linkStages(schedule, stages, microbatches),
    stageToRank: Int32Array.from(schedule.stageToRank),
    outOfRange,
  };
}

type Columns = Pick<FlatSchedule, 'kind' | 'forward' | 'backward' | 'weight'>;

function writeAction(columns: Columns, index: number, action: Action, stages: number, microbatches: number): boolean {
  columns.kind[index] = kindCodes[action.kind];
  if (action.kind === 'overlap') {
    const forward = cellOf(action.forward, stages, microbatches);
    const backward = cellOf(action.backward, stages, microbatches);
    columns.forward[index] = forward;
    columns.backward[index] = backward;
    return forward >= 0 && backward >= 0;
  }
  const cell = cellOf(action, stages, microbatches);
  switch (action.kind) {
    case 'forward':
      columns.forward[index] = cell;
      break;
    case 'backward':
    case 'backwardInput':
      columns.backward[index] = cell;
      break;
    case 'backwardWeight':
      columns.weight[index] = cell;
      break;
    default:
      action satisfies never;
  }
  return cell >= 0;
}

function cellOf(chunk: { stage: number; microbatch: number }, stages: number, microbatches: number): number {
  const { stage, microbatch } = chunk;
  const exists = stage >= 0 && stage < stages && microbatch >= 0 && microbatch < microbatches;
  if (!exists || !Number.isInteger(stage) || !Number.isInteger(microbatch)) return -1;
  return stage * microbatches + microbatch;
}

/** `[stages]` each: the steps to the neighbours in a stage's chain. */
export function linkStages(
  schedule: Pick<Schedule, 'pipelines'>,
  stages: number,
  microbatches: number,
): Pick<FlatSchedule, 'toPrevious' | 'toNext'> {
  const toPrevious = new Int32Array(stages);
  const toNext = new Int32Array(stages);
  for (const pipeline of schedule.pipelines) {
    for (let place = 1; place < pipeline.length; place++) {
      const previous = pipeline[place - 1] as number;
      const stage = pipeline[place] as number;
      toNext[previous] = (stage - previous) * microbatches;
      toPrevious[stage] = (previous - stage) * microbatches;
    }
  }
  return { toPrevious, toNext };
}

/** The action of a place among all ranks' actions. It must have cells: what is out of range has none. */
export function actionAt(flat: FlatSchedule, action: number): Action {
  const kind = flat.kind[action];
  const [forward, backward, weight] = [flat.forward[action], flat.backward[action], flat.weight[action]] as const;
  if (kind === kindCodes.forward) return chunkAt(flat, 'forward', forward as number);
  if (kind === kindCodes.backward) return chunkAt(flat, 'backward', backward as number);
  if (kind === kindCodes.backwardInput) return chunkAt(flat, 'backwardInput', backward as number);
  if (kind === kindCodes.backwardWeight) return chunkAt(flat, 'backwardWeight', weight as number);
  return {
    kind: 'overlap',
    forward: chunkAt(flat, 'forward', forward as number),
    backward: chunkAt(flat, 'backward', backward as number),
  };
}

function chunkAt<K extends ChunkAction['kind']>(
  { microbatches }: FlatSchedule,
  kind: K,
  cell: number,
): { readonly kind: K; readonly stage: number; readonly microbatch: number } {
  return { kind, stage: Math.floor(cell / microbatches), microbatch: cell % microbatches };
}
