import type { Command } from 'commander';
import { formatPercent, InputError } from '../base/index.js';
import { formatTime } from '../draw/index.js';
import {
  labelSchedule,
  type PlacementName,
  placementNames,
  type ScheduleSearchResult,
  searchSchedule,
} from '../plan/index.js';
import { type Costs, largestAmount } from '../simulate/index.js';
import { parseNumber } from './numbers.js';
import { createReporter } from './progress.js';

/** The flags of the schedule `auto`. */
export interface AutoFlags {
  readonly memoryCap?: number;
  readonly placements?: readonly PlacementName[];
  readonly iterations?: number;
  readonly seed?: number;
}

const amount = { from: Number.MIN_VALUE, to: largestAmount };
const whole = { from: 0, to: 1e9, whole: true };

/** Adds the flags of the schedule `auto`. */
export function addAutoFlags(command: Command): Command {
  return command
    .option(
      '--memory-cap <amount>',
      'auto: most that a rank holds, in the unit of the memory in --costs (default: no cap)',
      parseNumber('--memory-cap', amount),
    )
    .option(
      '--placements <list>',
      `auto: where stages may lie, separated by commas: ${placementNames.join(', ')} (default: all)`,
      parsePlacements,
    )
    .option(
      '--iterations <count>',
      'auto: changed orders that are tried (default: as many as take seconds)',
      parseNumber('--iterations', whole),
    )
    .option('--seed <number>', 'auto: seed of the changes (default: 0)', parseNumber('--seed', whole));
}

function parsePlacements(text: string): PlacementName[] {
  return text.split(',').map((word) => {
    const name = placementNames.find((known) => known === word.trim());
    if (name !== undefined) return name;
    throw new InputError({
      what: `there is no placement ${JSON.stringify(word)}`,
      where: '--placements',
      mend: `use ${placementNames.join(', ')}`,
    });
  });
}

/** Throws `InputError` if a flag of `auto` is given for another schedule. */
export function refuseAutoFlags({ memoryCap, placements, iterations, seed }: AutoFlags): void {
  const given = Object.entries({
    '--memory-cap': memoryCap,
    '--placements': placements,
    '--iterations': iterations,
    '--seed': seed,
  }).find(([, value]) => value !== undefined);
  if (given === undefined) return;
  throw new InputError({ what: `${given[0]} is for auto alone`, mend: 'name the schedule auto, or leave it out' });
}

/**
 * Searches `auto`, with progress on standard error, and what it was made from and gained there at the end. Throws as `searchSchedule`.
 */
export function searchAuto(
  counts: { readonly ranks: number; readonly microbatches: number },
  flags: AutoFlags & { readonly activationCap?: number },
  costs: Costs,
): ScheduleSearchResult {
  const { activationCap, memoryCap, placements, iterations, seed } = flags;
  const report = createReporter();
  const result = searchSchedule({
    ...counts,
    costs,
    ...(activationCap !== undefined && { activationCap }),
    ...(memoryCap !== undefined && { memoryCap }),
    ...(placements !== undefined && { placements }),
    ...(iterations !== undefined && { iterations }),
    ...(seed !== undefined && { seed }),
    onProgress: ({ done, iterations: all, makespan }) =>
      report.show(`auto: ${Math.round((100 * done) / all)}% of ${all} changes, makespan ${formatTime(makespan)}`),
  });
  report.end();
  process.stderr.write(
    describeSearch(result)
      .map((line) => `${line}\n`)
      .join(''),
  );
  return result;
}

/** What a search started from and gained, in lines for a person. */
function describeSearch({ makespan, placement, start, bestNamed, named, bound }: ScheduleSearchResult): string[] {
  const gain =
    bestNamed === undefined
      ? 'no named schedule is allowed'
      : `the best named schedule is ${bestNamed.name} with ${formatTime(bestNamed.makespan)}: ${formatPercent(bestNamed.makespan === 0 ? 0 : 1 - makespan / bestNamed.makespan, 2)} less`;
  return [
    `auto: makespan ${formatTime(makespan)}, ${placement}; from ${start.name} with ${formatTime(start.makespan)}; lower bound ${formatTime(bound)}`,
    `auto: ${gain}`,
    ...named.map(
      (row) => `auto: ${labelSchedule(row.name, row.stagesPerRank)}: ${row.refusal ?? formatTime(row.makespan ?? 0)}`,
    ),
  ];
}

/** The same for JSON. */
export function searchJson({ placement, start, bestNamed, named, bound }: ScheduleSearchResult) {
  return { placement, start, bestNamed: bestNamed ?? null, bound, named };
}
