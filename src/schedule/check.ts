import { type Action, formatAction } from './action.js';
import { type FlatSchedule, flattenSchedule, kindCodes } from './flat.js';
import { createIssueList, type ScheduleIssue } from './issues.js';
import { backwardDone, executeUntimed, forwardDone, whatIsMissing } from './order.js';
import type { Schedule } from './schedule.js';
import { findShapeIssues } from './shape.js';

/** What the rules look at: the columns, and for each cell the first action that runs a part of it (-1: none). */
interface Book {
  readonly schedule: Schedule;
  readonly flat: FlatSchedule;
  readonly forward: Int32Array;
  readonly full: Int32Array;
  readonly input: Int32Array;
  readonly weight: Int32Array;
}

type Rule = (book: Book) => ScheduleIssue[];

/** Every rule looks at the whole schedule, so that all problems come out at once. */
const rules: readonly Rule[] = [
  everyChunkExists,
  everyStageIsOnItsRank,
  nothingRunsTwice,
  everyMicrobatchPassesEveryStage,
  backwardIsFullOrSplit,
  gradientsFollowTheirForward,
  itEnds,
];

/** What a schedule may take. */
export interface CheckLimits {
  /** The most chunks that may be alive on a rank: their forward has run, and the last of their gradients has not. */
  readonly activationCap?: number;
}

/**
 * All problems of a schedule, of many of a kind the first ones (see `countIssues`); an empty list says that it can run.
 * Linear in the number of actions.
 */
export function checkSchedule(schedule: Schedule, { activationCap }: CheckLimits = {}): ScheduleIssue[] {
  const shape = findShapeIssues(schedule);
  if (shape.length > 0) return shape.map((message) => ({ code: 'shape', rank: null, position: null, message }));
  const flat = flattenSchedule(schedule);
  const issues = executeUntimed(flat).isWhole ? [] : findIssues(schedule, flat);
  return activationCap === undefined ? issues : [...issues, ...activationsStayBelow(schedule, flat, activationCap)];
}

/** What keeps a schedule from running to its end as a whole. */
function findIssues(schedule: Schedule, flat: FlatSchedule): ScheduleIssue[] {
  const book = openBook(schedule, flat);
  return rules.flatMap((rule) => rule(book));
}

function openBook(schedule: Schedule, flat: FlatSchedule): Book {
  const cells = flat.stages * flat.microbatches;
  const forward = new Int32Array(cells).fill(-1);
  const full = new Int32Array(cells).fill(-1);
  const input = new Int32Array(cells).fill(-1);
  const weight = new Int32Array(cells).fill(-1);
  for (let action = flat.kind.length - 1; action >= 0; action--) {
    const forwardCell = flat.forward[action] as number;
    if (forwardCell >= 0) forward[forwardCell] = action;
    const backwardCell = flat.backward[action] as number;
    if (backwardCell >= 0) (flat.kind[action] === kindCodes.backwardInput ? input : full)[backwardCell] = action;
    const weightCell = flat.weight[action] as number;
    if (weightCell >= 0) weight[weightCell] = action;
  }
  return { schedule, flat, forward, full, input, weight };
}

function everyChunkExists({ schedule, flat }: Book): ScheduleIssue[] {
  if (flat.outOfRange === 0) return [];
  const limits = `stages are 0 to ${flat.stages - 1}, microbatches 0 to ${flat.microbatches - 1}`;
  const issues = createIssueList();
  for (let action = 0; action < flat.kind.length; action++) {
    const kind = flat.kind[action];
    const needsForward = kind === kindCodes.forward || kind === kindCodes.overlap;
    const needsBackward = kind !== kindCodes.forward && kind !== kindCodes.backwardWeight;
    const isWhole =
      (!needsForward || (flat.forward[action] as number) >= 0) &&
      (!needsBackward || (flat.backward[action] as number) >= 0) &&
      (kind !== kindCodes.backwardWeight || (flat.weight[action] as number) >= 0);
    if (!isWhole)
      issues.add(() => issueAt(flat, action, 'range', `${textOf(schedule, flat, action)} does not exist: ${limits}`));
  }
  return issues.finish();
}

function everyStageIsOnItsRank({ schedule, flat }: Book): ScheduleIssue[] {
  const issues = createIssueList();
  for (const cells of [flat.forward, flat.backward, flat.weight]) {
    for (let action = 0; action < cells.length; action++) {
      const cell = cells[action] as number;
      if (cell < 0) continue;
      const stage = (cell / flat.microbatches) | 0;
      const owner = flat.stageToRank[stage] as number;
      const rank = flat.rank[action] as number;
      if (owner === rank) continue;
      issues.add(() => {
        const text = textOf(schedule, flat, action);
        return issueAt(flat, action, 'rank', `${text} runs on rank ${rank}, but stage ${stage} is on rank ${owner}`);
      });
    }
  }
  return issues.finish();
}

function nothingRunsTwice({ schedule, flat, forward, full, input, weight }: Book): ScheduleIssue[] {
  const issues = createIssueList();
  const look = (action: number, cell: number, first: Int32Array): void => {
    if (cell < 0 || first[cell] === action) return;
    issues.add(() => {
      const earlier = placeOf(flat, first[cell]);
      return issueAt(flat, action, 'duplicate', `${textOf(schedule, flat, action)} has already run at ${earlier}`);
    });
  };
  for (let action = 0; action < flat.kind.length; action++) {
    look(action, flat.forward[action] as number, forward);
    look(action, flat.backward[action] as number, flat.kind[action] === kindCodes.backwardInput ? input : full);
    look(action, flat.weight[action] as number, weight);
  }
  return issues.finish();
}

function everyMicrobatchPassesEveryStage({ flat, forward, full, input, weight }: Book): ScheduleIssue[] {
  const lacks: readonly [string, (cell: number) => boolean][] = [
    ['forward', (cell) => forward[cell] === -1],
    ['backward', (cell) => full[cell] === -1 && input[cell] === -1 && weight[cell] === -1],
    ['weight gradient', (cell) => full[cell] === -1 && input[cell] !== -1 && weight[cell] === -1],
    ['input gradient', (cell) => full[cell] === -1 && input[cell] === -1 && weight[cell] !== -1],
  ];
  const issues = createIssueList();
  for (let stage = 0; stage < flat.stages; stage++) {
    for (const [part, isLacking] of lacks) {
      const missing: number[] = [];
      for (let microbatch = 0; microbatch < flat.microbatches; microbatch++) {
        if (isLacking(stage * flat.microbatches + microbatch)) missing.push(microbatch);
      }
      if (missing.length === 0) continue;
      issues.add(() => {
        const message = `stage ${stage} has no ${part} of microbatch ${formatRuns(missing)}`;
        return { code: 'missing', rank: flat.stageToRank[stage], position: null, message };
      });
    }
  }
  return issues.finish();
}

function backwardIsFullOrSplit({ schedule, flat, full, input, weight }: Book): ScheduleIssue[] {
  const issues = createIssueList();
  for (let cell = 0; cell < full.length; cell++) {
    if (full[cell] === -1) continue;
    for (const part of [input[cell] as number, weight[cell] as number]) {
      if (part === -1) continue;
      issues.add(() => {
        const [text, whole] = [textOf(schedule, flat, part), textOf(schedule, flat, full[cell])];
        return issueAt(flat, part, 'split', `${text} repeats a part of ${whole}: use B, or I and W`);
      });
    }
  }
  return issues.finish();
}

function gradientsFollowTheirForward({ schedule, flat, forward, full, input, weight }: Book): ScheduleIssue[] {
  const issues = createIssueList();
  const look = (earlier: number, later: number): void => {
    if (earlier === -1 || later === -1 || earlier < later || flat.rank[earlier] !== flat.rank[later]) return;
    issues.add(() => {
      const [late, early] = [textOf(schedule, flat, later), textOf(schedule, flat, earlier)];
      const message = earlier === later ? `${late} pairs a chunk with itself` : `${late} runs before ${early}`;
      return issueAt(flat, later, 'order', message);
    });
  };
  for (let cell = 0; cell < forward.length; cell++) {
    look(forward[cell] as number, full[cell] as number);
    look(forward[cell] as number, input[cell] as number);
    look(input[cell] as number, weight[cell] as number);
  }
  return issues.finish();
}

/** Told once a rank, where it first has too many. */
function activationsStayBelow(schedule: Schedule, flat: FlatSchedule, cap: number): ScheduleIssue[] {
  const issues = createIssueList();
  for (let rank = 0; rank < flat.ranks; rank++) {
    const end = flat.rankStart[rank + 1] as number;
    let alive = 0;
    for (let action = flat.rankStart[rank] as number; action < end; action++) {
      if ((flat.forward[action] as number) >= 0) alive++;
      if (alive > cap) {
        const most = alive;
        issues.add(() => {
          const message = `${textOf(schedule, flat, action)} makes ${most} activations alive, more than ${cap}`;
          return issueAt(flat, action, 'activations', message);
        });
        break;
      }
      const isWholeBackward = (flat.backward[action] as number) >= 0 && flat.kind[action] !== kindCodes.backwardInput;
      if (isWholeBackward || (flat.weight[action] as number) >= 0) alive--;
    }
  }
  return issues.finish();
}

/** No rank waits for ever. What another rule reports counts as done here, so that one fault is not told twice. */
function itEnds(book: Book): ScheduleIssue[] {
  const { schedule, flat } = book;
  const done = markFaultsAsDone(book);
  const { stoppedAt } = executeUntimed(flat, done);
  const issues = createIssueList();
  for (let rank = 0; rank < flat.ranks; rank++) {
    const action = stoppedAt[rank] as number;
    if (action === flat.rankStart[rank + 1]) continue;
    issues.add(() => issueAt(flat, action, 'deadlock', describeWait(schedule, flat, done, action)));
  }
  return issues.finish();
}

function markFaultsAsDone({ flat, forward, full, input, weight }: Book): Uint8Array {
  const done = new Uint8Array(forward.length);
  for (let stage = 0, cell = 0; stage < flat.stages; stage++) {
    const owner = flat.stageToRank[stage] as number;
    for (let microbatch = 0; microbatch < flat.microbatches; microbatch++, cell++) {
      const runForward = forward[cell] as number;
      const runInput = input[cell] as number;
      const runBackward = full[cell] === -1 ? runInput : (full[cell] as number);
      const isForwardAstray = runForward === -1 || flat.rank[runForward] !== owner;
      if (isForwardAstray || (runBackward !== -1 && runForward >= runBackward)) done[cell] = forwardDone;
      const isBackwardAstray = runBackward === -1 || flat.rank[runBackward] !== owner;
      const isWeightFirst = runInput !== -1 && weight[cell] !== -1 && (weight[cell] as number) < runInput;
      if (isBackwardAstray || isWeightFirst) done[cell] = (done[cell] as number) | backwardDone;
    }
  }
  return done;
}

/** `3F1 waits for the forward of microbatch 1 on stage 2, which rank 2 does not reach`. */
export function describeWait(schedule: Schedule, flat: FlatSchedule, done: Uint8Array, action: number): string {
  const need = whatIsMissing(flat, done, action);
  const text = textOf(schedule, flat, action);
  if (need === undefined) return `${text} can run`;
  const stage = Math.floor(need.cell / flat.microbatches);
  const owner = flat.stageToRank[stage] as number;
  const what = `the ${need.part} of microbatch ${need.cell % flat.microbatches} on stage ${stage}`;
  return `${text} waits for ever for ${what}, which rank ${owner} does not reach`;
}

function textOf(schedule: Schedule, flat: FlatSchedule, action: number): string {
  const rank = flat.rank[action] as number;
  return formatAction(schedule.actions[rank]?.[action - (flat.rankStart[rank] as number)] as Action);
}

function placeOf(flat: FlatSchedule, action: number): string {
  const rank = flat.rank[action] as number;
  return `rank ${rank}, position ${action - (flat.rankStart[rank] as number)}`;
}

function issueAt(flat: FlatSchedule, action: number, code: ScheduleIssue['code'], message: string): ScheduleIssue {
  const rank = flat.rank[action] as number;
  return { code, rank, position: action - (flat.rankStart[rank] as number), message };
}

const mostRuns = 20;

/** `0-3, 7`: ascending numbers, runs joined; of many, how many more numbers there are. */
export function formatRuns(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const value of numbers) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === value - 1) last[1] = value;
    else runs.push([value, value]);
  }
  const shown = runs.slice(0, mostRuns).map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  const others = runs.slice(mostRuns).reduce((count, [first, last]) => count + last - first + 1, 0);
  return `${shown.join(', ')}${others === 0 ? '' : ` and ${others} more`}`;
}
