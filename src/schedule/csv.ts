import { InputError } from '../base/index.js';
import {
  type Action,
  type CommunicationAction,
  chunkActions,
  formatAction,
  isCommunication,
  parseLoweredAction,
} from './action.js';
import { flattenSchedule } from './flat.js';
import { createListWriter, type LoweredList, type LoweredSchedule, loweredActions } from './lowered.js';
import { executeUntimed } from './order.js';
import { mostChunks, mostRanks, range, type Schedule } from './schedule.js';

/** The most characters that `parseCsv` reads: enough for the largest schedule with its communication. */
export const mostCsvCharacters = 2 ** 28;

/** The most that a file may list. Of each chunk: a forward, two halves of a backward, and for either way a send, a receive and a wait. */
const mostActions = { computation: 3 * mostChunks, communication: 7 * mostChunks } as const;

/** PyTorch's compute-only schedule CSV: no header, a row a rank, a cell an action, lines end in CRLF. */
export function formatCsv(schedule: Schedule): string {
  return schedule.actions.map((actions) => `${actions.map(formatAction).join(',')}\r\n`).join('');
}

/** PyTorch's CSV of a schedule with its communication (`compute_comms`). */
export function formatLoweredCsv(lowered: LoweredSchedule): string {
  const formatRow = (rank: number): string =>
    `${Array.from(loweredActions(lowered, rank), formatAction).join(',')}\r\n`;
  return lowered.lists.map((_, rank) => formatRow(rank)).join('');
}

/** Where a CSV comes from. */
export interface CsvSource {
  /** The schedule's name. */
  readonly name: string;
  /** For errors: the file. */
  readonly file: string;
}

/** What a CSV holds. */
export interface CsvContent {
  /** The computation alone. */
  readonly schedule: Schedule;
  /** With its communication, if the file has any. */
  readonly lowered?: LoweredSchedule;
}

/**
 * Reads PyTorch's schedule CSV, of either mode: computation only, or with communication. Which stage is on which rank, and how many microbatches there
 * are, follows from the computation; empty cells are idle time and go, but with communication there must be none. Stages are one chain; a file whose
 * order only works as two copies of a model fed from both ends (as DualPipe is written) is read as two chains. What the actions say is not checked here:
 * see `checkSchedule` and `checkLowered`. Throws `InputError` with row and cell.
 */
export function readCsv(text: string, { name, file }: CsvSource): CsvContent {
  if (text.length > mostCsvCharacters) {
    throw new InputError({ what: `the schedule is longer than ${mostCsvCharacters} characters`, where: file });
  }
  const { actions, lists } = readRows(text, file);
  const stageToRank = findStageRanks(actions, file);
  const microbatches = countMicrobatches(actions);
  if (stageToRank.length * microbatches > mostChunks) {
    throw new InputError({
      what: `the schedule has ${stageToRank.length} stages x ${microbatches} microbatches`,
      where: file,
      mend: `use at most ${mostChunks} chunks`,
    });
  }
  const schedule = findChains({ name, ranks: actions.length, microbatches, stageToRank, actions });
  return lists === undefined ? { schedule } : { schedule, lowered: { schedule, lists } };
}

/** As `readCsv`, for the computation alone. */
export function parseCsv(text: string, source: CsvSource): Schedule {
  return readCsv(text, source).schedule;
}

function findChains(parts: Omit<Schedule, 'pipelines'>): Schedule {
  const { ranks, microbatches, stageToRank } = parts;
  const oneChain: Schedule = { ...parts, pipelines: [range(stageToRank.length)] };
  if (!isMirrored(stageToRank, ranks) || canEnd(oneChain)) return oneChain;
  const pipelines = [range(ranks), range(ranks, ranks)];
  const twoChains: Schedule = { ...oneChain, microbatches: 2 * microbatches, pipelines };
  return canEnd(twoChains) ? twoChains : oneChain;
}

/** Whether the second half of the stages lies on the ranks the other way round: DualPipe's second copy, or the way back of a V. */
function isMirrored(stageToRank: readonly number[], ranks: number): boolean {
  if (ranks % 2 !== 0 || stageToRank.length !== 2 * ranks) return false;
  return stageToRank.every((rank, stage) => rank === Math.min(stage, 2 * ranks - 1 - stage));
}

function canEnd(schedule: Schedule): boolean {
  const { order, count } = executeUntimed(flattenSchedule(schedule));
  return count === order.length;
}

/** `[rank]` each: the computation, and all of it if there is communication. */
interface Rows {
  readonly actions: readonly (readonly Action[])[];
  readonly lists?: readonly LoweredList[];
}

/** Reads row after row and cell after cell, so that no more is held than what they say. */
function readRows(text: string, file: string): Rows {
  const actions: Action[][] = [];
  const writers = [];
  const counts = { computation: 0, communication: 0 };
  let idle: string | undefined;
  for (const { start, end } of findRows(text)) {
    if (actions.length === mostRanks) {
      throw new InputError({
        what: `the schedule has more than ${mostRanks} rows`,
        where: file,
        mend: `a row is a rank; use at most ${mostRanks}`,
      });
    }
    const where = `${file}, row ${actions.length + 1}`;
    const compute: Action[] = [];
    const writer = createListWriter();
    const row = {
      idle: (cell: number) => {
        idle ??= `${where}, cell ${cell}`;
      },
      compute: (action: Action) => {
        compute.push(action);
        writer.compute();
        if (++counts.computation > mostActions.computation) throw tooMany('computation', where);
      },
      communicate: (action: CommunicationAction) => {
        writer.communicate(action);
        if (++counts.communication > mostActions.communication) throw tooMany('communication', where);
      },
    };
    readRow(text, start, end, where, row);
    actions.push(compute);
    writers.push(writer);
  }
  if (counts.communication === 0) return { actions };
  if (idle !== undefined) {
    throw new InputError({
      what: 'the cell is empty',
      where: idle,
      mend: 'a schedule with communication has no idle steps; leave the cell out',
    });
  }
  return { actions, lists: writers.map((writer) => writer.finish()) };
}

/** Where each row lies in the text, without its line break. */
function* findRows(text: string): Generator<{ readonly start: number; readonly end: number }> {
  const last = text.endsWith('\n') ? text.length - 1 : text.length;
  let start = text.startsWith('\uFEFF') ? 1 : 0;
  do {
    const lineEnd = text.indexOf('\n', start);
    const next = lineEnd === -1 || lineEnd > last ? last : lineEnd;
    yield { start, end: text[next - 1] === '\r' ? next - 1 : next };
    start = next + 1;
  } while (start <= last);
}

/** What is done with the cells of a row. */
interface RowReader {
  readonly idle: (cell: number) => void;
  readonly compute: (action: Action) => void;
  readonly communicate: (action: CommunicationAction) => void;
}

function readRow(text: string, start: number, end: number, where: string, row: RowReader): void {
  if (start >= end)
    throw new InputError({ what: 'the row is empty', where, mend: 'each row lists the actions of one rank' });
  for (let cell = 1, from = start; from <= end; cell++) {
    const comma = text.indexOf(',', from);
    const to = comma === -1 || comma > end ? end : comma;
    if (to === from) row.idle(cell);
    else {
      const action = parseLoweredAction(text.slice(from, to), `${where}, cell ${cell}`);
      if (isCommunication(action)) row.communicate(action);
      else row.compute(action);
    }
    from = to + 1;
  }
}

function tooMany(sort: keyof typeof mostActions, where: string): InputError {
  return new InputError({
    what: `the schedule has more than ${mostActions[sort]} actions of ${sort}`,
    where,
    mend: 'use fewer microbatches',
  });
}

/** A stage is on the rank that first names it; `checkSchedule` reports the others. */
function findStageRanks(actions: readonly (readonly Action[])[], file: string): number[] {
  const rankOf = new Map<number, number>();
  for (const [rank, list] of actions.entries()) {
    for (const action of list) {
      for (const { stage } of chunkActions(action)) if (!rankOf.has(stage)) rankOf.set(stage, rank);
    }
  }
  const missing = range(rankOf.size).find((stage) => !rankOf.has(stage));
  if (missing !== undefined || rankOf.size === 0) {
    throw new InputError({
      what: `no rank runs stage ${missing ?? 0}`,
      where: file,
      mend: 'number the stages from 0 without gaps',
    });
  }
  return range(rankOf.size).map((stage) => rankOf.get(stage) as number);
}

function countMicrobatches(actions: readonly (readonly Action[])[]): number {
  let last = 0;
  for (const list of actions) {
    for (const action of list) {
      for (const { microbatch } of chunkActions(action)) last = Math.max(last, microbatch);
    }
  }
  return last + 1;
}
