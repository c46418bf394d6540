import { InputError } from '../base/index.js';
import { type Action, chunkActions, formatAction, parseAction } from './action.js';
import { flattenSchedule } from './flat.js';
import { executeUntimed } from './order.js';
import { mostChunks, mostRanks, range, type Schedule } from './schedule.js';

/** The most characters that `parseCsv` reads. */
export const mostCsvCharacters = 2 ** 26;

/** PyTorch's compute-only schedule CSV: no header, a row a rank, a cell an action, lines end in CRLF. */
export function formatCsv(schedule: Schedule): string {
  return schedule.actions.map((actions) => `${actions.map(formatAction).join(',')}\r\n`).join('');
}

/** Where a CSV comes from. */
export interface CsvSource {
  /** The schedule's name. */
  readonly name: string;
  /** For errors: the file. */
  readonly file: string;
}

/**
 * Reads PyTorch's compute-only schedule CSV. Which stage is on which rank, and how many microbatches there are, follows from the actions; empty
 * cells are idle time and go. Stages are one chain; a file whose order only works as two copies of a model fed from both ends (as `formatCsv`
 * writes DualPipe) is read as two chains. What the actions say is not checked here: see `checkSchedule`. Throws `InputError` with row and cell.
 */
export function parseCsv(text: string, { name, file }: CsvSource): Schedule {
  if (text.length > mostCsvCharacters) {
    throw new InputError({ what: `the schedule is longer than ${mostCsvCharacters} characters`, where: file });
  }
  const rows = text
    .replace(/^\uFEFF/, '')
    .replace(/\r?\n$/, '')
    .split(/\r?\n/);
  if (rows.length > mostRanks) {
    throw new InputError({
      what: `the schedule has ${rows.length} rows`,
      where: file,
      mend: `a row is a rank; use at most ${mostRanks}`,
    });
  }
  const actions = rows.map((row, rank) => parseRow(row, `${file}, row ${rank + 1}`));
  const stageToRank = findStageRanks(actions, file);
  const microbatches = countMicrobatches(actions);
  if (stageToRank.length * microbatches > mostChunks) {
    throw new InputError({
      what: `the schedule has ${stageToRank.length} stages x ${microbatches} microbatches`,
      where: file,
      mend: `use at most ${mostChunks} chunks`,
    });
  }
  const stages = range(stageToRank.length);
  const oneChain: Schedule = { name, ranks: rows.length, microbatches, pipelines: [stages], stageToRank, actions };
  if (!isMirrored(stageToRank, rows.length) || canEnd(oneChain)) return oneChain;
  const pipelines = [range(rows.length), range(rows.length, rows.length)];
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

function parseRow(row: string, where: string): Action[] {
  if (row === '')
    throw new InputError({ what: 'the row is empty', where, mend: 'each row lists the actions of one rank' });
  const actions: Action[] = [];
  for (const [index, cell] of row.split(',').entries()) {
    if (cell !== '') actions.push(parseAction(cell, `${where}, cell ${index + 1}`));
  }
  return actions;
}

/** A stage is on the rank that first names it; `checkSchedule` reports the others. */
function findStageRanks(actions: readonly (readonly Action[])[], file: string): number[] {
  const rankOf = new Map<number, number>();
  for (const [rank, list] of actions.entries()) {
    for (const { stage } of list.flatMap(chunkActions)) {
      if (!rankOf.has(stage)) rankOf.set(stage, rank);
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
