import { InputError } from '../base/index.js';
import {
  type Action,
  type CommunicationKind,
  chunkActions,
  findAction,
  formatAction,
  isCommunication,
  isStageKind,
  type LoweredAction,
  parseLoweredAction,
  wordOf,
} from './action.js';
import { findRows, tidyCell, visitCells } from './csv-cells.js';
import { countMicrobatches, numberFromZero, refuseOlderLetters } from './csv-releases.js';
import { flattenSchedule } from './flat.js';
import { createListWriter, isLeftGathered, type LoweredList, type LoweredSchedule, loweredActions } from './lowered.js';
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
  /** With its communication, if the file has all of it. */
  readonly lowered?: LoweredSchedule;
  /** What a reader of the file should know: what was taken for what. */
  readonly notes: readonly string[];
}

/**
 * Reads PyTorch's schedule CSV, of either mode: computation only, or with communication. Which stage is on which rank,
 * and how many microbatches there are, follows from the computation; empty cells are idle time and go. A file of
 * several ranks without any message is computation, whatever else it has. Stages are one chain; a file whose order only
 * works as two copies of a model fed from both ends (as DualPipe is written) is read as two chains. What the actions
 * say is not checked here: see `checkSchedule` and `checkLowered`. Throws `InputError` with row and cell.
 */
export function readCsv(text: string, { name, file }: CsvSource): CsvContent {
  if (text.length > mostCsvCharacters) {
    throw new InputError({ what: `the schedule is longer than ${mostCsvCharacters} characters`, where: file });
  }
  const { actions: written, lists, words } = readRows(text, file);
  refuseOlderLetters(written, file);
  const stageToRank = findStageRanks(written, file);
  const { actions, notes } = numberFromZero(written, file);
  const microbatches = countMicrobatches(actions);
  if (stageToRank.length * microbatches > mostChunks) {
    throw new InputError({
      what: `the schedule has ${stageToRank.length} stages x ${microbatches} microbatches`,
      where: file,
      mend: `use at most ${mostChunks} chunks`,
    });
  }
  const schedule = findChains({ name, ranks: actions.length, microbatches, stageToRank, actions });
  if (words.size === 0) return { schedule, notes };
  const hasMessages = [...words].some((kind) => !isStageKind(kind));
  if (hasMessages || actions.length === 1) {
    const left = isLeftGathered(lists)
      ? [`${file} leaves parameters gathered at the end, as PyTorch 2.6 to 2.9 do`]
      : [];
    return { schedule, lowered: { schedule, lists }, notes: [...notes, ...left] };
  }
  const shown = [...words].map(wordOf).join(', ');
  return { schedule, notes: [...notes, `${file} has ${shown} but no messages: only its computation is read`] };
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

/** `[rank]` each: the computation, and all of it. */
interface Rows {
  readonly actions: readonly (readonly Action[])[];
  readonly lists: readonly LoweredList[];
  /** The kinds of communication that there are. */
  readonly words: ReadonlySet<CommunicationKind>;
}

/**
 * Reads row after row and cell after cell, so that no more is held than what they say. Rows of empty cells may follow
 * at the end.
 */
function readRows(text: string, file: string): Rows {
  const actions: Action[][] = [];
  const lists: LoweredList[] = [];
  const words = new Set<CommunicationKind>();
  const counts = { computation: 0, communication: 0 };
  let row = 0;
  for (const cells of findRows(text)) {
    if (++row > mostRanks) {
      throw new InputError({
        what: `the schedule has more than ${mostRanks} rows`,
        where: file,
        mend: `a row is a rank; use at most ${mostRanks}`,
      });
    }
    const where = `${file}, row ${row}`;
    const compute: Action[] = [];
    const writer = createListWriter();
    let isEmpty = true;
    visitCells(cells, where, (cell, number) => {
      const action = findAction(cell) ?? readUntidy(cell, where, number);
      if (action === undefined) return;
      isEmpty = false;
      if (isCommunication(action)) {
        if (++counts.communication > mostActions.communication) throw tooMany('communication', where);
        writer.communicate(action);
        words.add(action.kind);
      } else {
        if (++counts.computation > mostActions.computation) throw tooMany('computation', where);
        writer.compute();
        compute.push(action);
      }
    });
    if (isEmpty) continue;
    if (row > actions.length + 1) throw emptyRow(file, actions.length + 1);
    actions.push(compute);
    lists.push(writer.finish());
  }
  if (actions.length === 0) throw emptyRow(file, 1);
  return { actions, lists, words };
}

/** The action of a cell that is not as PyTorch writes it; undefined for one of spaces, which is idle time. */
function readUntidy(cell: string, where: string, number: number): LoweredAction | undefined {
  const tidy = tidyCell(cell);
  return tidy === '' ? undefined : parseLoweredAction(tidy, `${where}, cell ${number}`);
}

function emptyRow(file: string, row: number): InputError {
  return new InputError({
    what: 'the row is empty',
    where: `${file}, row ${row}`,
    mend: 'each row lists the actions of one rank',
  });
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
