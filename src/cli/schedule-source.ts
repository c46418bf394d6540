import { basename } from 'node:path';
import type { Command } from 'commander';
import { InputError, WorkError } from '../base/index.js';
import { readFileText } from '../formats/index.js';
import type { ScheduleSearchResult } from '../plan/index.js';
import {
  type CsvContent,
  checkLowered,
  checkSchedule,
  countIssues,
  generateSchedule,
  mostCsvCharacters,
  readCsv,
  readScheduleName,
  type Schedule,
  scheduleNames,
} from '../schedule/index.js';
import { type Costs, largestAmount } from '../simulate/index.js';
import { type AutoFlags, refuseAutoFlags, searchAuto } from './auto-flags.js';
import { parseNumber } from './numbers.js';
import { writeNotes } from './output.js';

/** A checked schedule, and costs of its stages; `search` where it was searched for. */
interface CostedSchedule extends Omit<CsvContent, 'notes'> {
  readonly costs: Costs;
  readonly search?: ScheduleSearchResult;
}

/** The flags that say which schedule is meant. */
export interface SourceFlags {
  readonly ranks?: number;
  readonly microbatches?: number;
  readonly stagesPerRank?: number;
  readonly from?: string;
  readonly activationCap?: number;
}

/** Adds the flags that say which schedule is meant. */
export function addSourceFlags(command: Command): Command {
  return command
    .argument(
      '[name]',
      `the schedule: ${scheduleNames.join(', ')}, or auto (searched for the costs); in any case, and by PyTorch's names`,
    )
    .option('--ranks <count>', 'pipeline ranks', parseCount('--ranks'))
    .option('--microbatches <count>', 'microbatches, of all pipelines together', parseCount('--microbatches'))
    .option(
      '--stages-per-rank <count>',
      "stages that a rank holds (default: the schedule's own number; interleaved takes any, and 2 if none is given)",
      parseCount('--stages-per-rank'),
    )
    .option('--from <file.csv>', "read PyTorch's schedule CSV instead, with or without communication")
    .option(
      '--activation-cap <count>',
      'most chunks alive on a rank at a time: others are refused, auto keeps within it, where half a share of the model counts half (default: no cap)',
      parseNumber('--activation-cap', { from: Number.MIN_VALUE, to: largestAmount }),
    );
}

/**
 * The schedule that name and flags mean, checked, with the communication of a file that has any. Throws `InputError` for a bad call or file,
 * `WorkError` for a schedule that does not check.
 */
function loadContent(name: string | undefined, flags: SourceFlags): CsvContent {
  const content: CsvContent =
    flags.from === undefined ? { schedule: generateNamed(name, flags), notes: [] } : readFrom(flags.from, name, flags);
  const limits = flags.activationCap === undefined ? {} : { activationCap: flags.activationCap };
  const { schedule, lowered } = content;
  const issues = lowered === undefined ? checkSchedule(schedule, limits) : checkLowered(lowered, limits);
  if (issues.length === 0) {
    writeNotes(content.notes);
    return content;
  }
  const shown = issues.slice(0, mostShown).map(({ code, rank, position, message }) => {
    if (rank === null) return `${message} [${code}]`;
    return `rank ${rank}${position === null ? '' : `, position ${position}`}: ${message} [${code}]`;
  });
  const count = countIssues(issues);
  const more = count > shown.length ? `; and ${count - shown.length} more` : '';
  throw new WorkError({
    what: `the schedule has ${count} problem${count === 1 ? '' : 's'}`,
    where: flags.from ?? schedule.name,
    mend: `${shown.join('; ')}${more}`,
  });
}

/**
 * The schedule that name and flags mean, checked, for given costs: `auto` is searched for them, and has those of its own stages. Throws `InputError` for a bad call or file, `WorkError`
 * for a schedule that does not check, or where nothing keeps within a cap.
 */
export function loadForCosts(name: string | undefined, flags: SourceFlags & AutoFlags, costs: Costs): CostedSchedule {
  const known = name === undefined || flags.from !== undefined ? name : readScheduleName(name, ['auto']);
  if (known !== 'auto') {
    refuseAutoFlags(flags);
    return { ...loadContent(known, flags), costs };
  }
  const { ranks, microbatches, stagesPerRank, from } = flags;
  if (from !== undefined || stagesPerRank !== undefined) {
    throw new InputError({
      what: `auto and --${from === undefined ? 'stages-per-rank' : 'from'} are given together`,
      mend: from === undefined ? 'choose with --placements' : 'the file says all; leave the other out',
    });
  }
  const search = searchAuto(requireCounts(ranks, microbatches), flags, costs);
  return { schedule: search.schedule, costs: search.costs, search };
}

function requireCounts(ranks: number | undefined, microbatches: number | undefined) {
  if (ranks !== undefined && microbatches !== undefined) return { ranks, microbatches };
  throw new InputError({
    what: `${ranks === undefined ? '--ranks' : '--microbatches'} is missing`,
    mend: 'say how many',
  });
}

const mostShown = 10;

function generateNamed(name: string | undefined, { ranks, microbatches, stagesPerRank }: SourceFlags): Schedule {
  if (name === undefined) {
    throw new InputError({
      what: 'no schedule is named',
      mend: `give one of ${scheduleNames.join(', ')}, auto, or --from FILE.csv`,
    });
  }
  return generateSchedule({
    name,
    ...requireCounts(ranks, microbatches),
    ...(stagesPerRank !== undefined && { stagesPerRank }),
  });
}

function readFrom(file: string, name: string | undefined, flags: SourceFlags): CsvContent {
  const { ranks, microbatches, stagesPerRank } = flags;
  const said: readonly [string, unknown][] = [
    [`the name ${name}`, name],
    ['--ranks', ranks],
    ['--microbatches', microbatches],
    ['--stages-per-rank', stagesPerRank],
  ];
  const surplus = said.find(([, value]) => value !== undefined);
  if (surplus !== undefined) {
    throw new InputError({
      what: `${surplus[0]} and --from are given together`,
      mend: 'the file says all; leave the other out',
    });
  }
  return readCsv(readFileText(file, { maxBytes: mostCsvCharacters }), {
    name: basename(file).replace(/\.csv$/i, ''),
    file,
  });
}

/** A flag's whole number from 1. */
export function parseCount(flag: string): (text: string) => number {
  return (text) => {
    if (/^[0-9]{1,15}$/.test(text) && Number(text) >= 1) return Number(text);
    throw new InputError({
      what: `${JSON.stringify(text)} is not a count`,
      where: flag,
      mend: 'use a whole number from 1',
    });
  };
}

/** The format that `--format` and `--json` mean together. */
export function chooseFormat<F extends string>(flags: {
  readonly format?: F;
  readonly json?: boolean;
}): F | 'text' | 'json' {
  if (flags.json !== true) return flags.format ?? 'text';
  if (flags.format === undefined || flags.format === 'json') return 'json';
  throw new InputError({ what: `--json and --format ${flags.format} are given together`, mend: 'give one of them' });
}
