import { InputError } from '../../base/index.js';
import { mostChunks, mostRanks } from '../schedule.js';

/** How much of each a schedule is to have. */
export interface Counts {
  readonly ranks: number;
  /** Of all pipelines together. */
  readonly microbatches: number;
  /** Stages that a rank holds, of all pipelines together. */
  readonly stagesPerRank: number;
}

/** What a schedule asks of its counts. */
export interface Limits {
  readonly ranksMultipleOf: number;
  readonly pipelines: number;
  /** The number that each rank has; of a schedule that leaves it open, where nobody says another. */
  readonly stagesPerRank: number;
  readonly isStagesPerRankOpen: boolean;
  readonly fewestMicrobatches: (ranks: number) => number;
  readonly microbatchesMultipleOf: (ranks: number, microbatches: number) => number;
  /** What a number of microbatches has that fits: `that divides by 2`. */
  readonly describeMultiple: (multiple: number) => string;
}

/** Throws `InputError` that says which limit of the schedule does not hold, and the nearest values that do. */
export function requireLimits(name: string, limits: Limits, counts: Counts): void {
  const { ranks, microbatches, stagesPerRank } = counts;
  requireCount('ranks', ranks, mostRanks);
  requireStagesPerRank(name, limits, counts);
  requireRoom(name, limits, counts);
  const most = Math.floor((mostChunks * limits.pipelines) / (ranks * stagesPerRank));
  requireCount('microbatches', microbatches, most);
  const isRanksMultiple = (value: number) => value % limits.ranksMultipleOf === 0;
  if (!isRanksMultiple(ranks)) {
    throw new InputError({
      what: `${name} needs a number of ranks that divides by ${limits.ranksMultipleOf}`,
      where: `ranks ${ranks}`,
      mend: `use ${nearest(ranks, mostRanks, isRanksMultiple)}`,
    });
  }
  requireMicrobatches(name, limits, counts, most);
}

/** Ranks whose fewest microbatches are already more than fit in memory: no number of microbatches helps. */
function requireRoom(name: string, limits: Limits, { ranks, stagesPerRank }: Counts): void {
  const fits = (count: number) => {
    const fewest = limits.fewestMicrobatches(count);
    return (
      count % limits.ranksMultipleOf === 0 &&
      fewest % limits.microbatchesMultipleOf(count, fewest) === 0 &&
      fewest * count * stagesPerRank <= mostChunks * limits.pipelines
    );
  };
  if (limits.fewestMicrobatches(ranks) * ranks * stagesPerRank <= mostChunks * limits.pipelines) return;
  let most = ranks;
  while (most > 1 && !fits(most)) most--;
  throw new InputError({
    what: `${name} on ${ranks} ranks needs at least ${limits.fewestMicrobatches(ranks)} microbatches, more than fit`,
    where: `ranks ${ranks}`,
    mend: `use ${most} or less`,
  });
}

/** Throws `InputError` unless `value` is a whole number from 1 to `most`. */
export function requireCount(name: string, value: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return;
  throw new InputError({ what: `${name} cannot be ${value}`, mend: `use a whole number from 1 to ${most}` });
}

function requireStagesPerRank(name: string, limits: Limits, { ranks, stagesPerRank }: Counts): void {
  if (limits.isStagesPerRankOpen) {
    requireCount('stages per rank', stagesPerRank, Math.floor(mostChunks / ranks));
    return;
  }
  const fixed = limits.stagesPerRank;
  if (stagesPerRank === fixed) return;
  throw new InputError({
    what: `${name} has ${fixed} stage${fixed === 1 ? '' : 's'} a rank, no other number`,
    where: `stages per rank ${stagesPerRank}`,
    mend: `use ${fixed}, or leave it out`,
  });
}

function requireMicrobatches(name: string, limits: Limits, { ranks, microbatches }: Counts, most: number): void {
  const fewest = limits.fewestMicrobatches(ranks);
  if (microbatches < fewest) {
    throw new InputError({
      what: `${name} on ${ranks} rank${ranks === 1 ? '' : 's'} needs at least ${fewest} microbatches`,
      where: `microbatches ${microbatches}`,
      mend: `use ${fewest} or more`,
    });
  }
  const multipleFor = (value: number) => limits.microbatchesMultipleOf(ranks, value);
  if (microbatches % multipleFor(microbatches) === 0) return;
  const fits = (value: number) => value >= fewest && value % multipleFor(value) === 0;
  throw new InputError({
    what: `${name} needs a number of microbatches ${limits.describeMultiple(multipleFor(microbatches))}`,
    where: `microbatches ${microbatches}`,
    mend: `use ${nearest(microbatches, most, fits)}`,
  });
}

/** `6 or 8`: what fits on both sides of `value`, from 1 to `most`. */
function nearest(value: number, most: number, fits: (value: number) => boolean): string {
  let below = value;
  while (below >= 1 && !fits(below)) below--;
  let above = value;
  while (above <= most && !fits(above)) above++;
  return [below, above].filter((found) => found >= 1 && found <= most).join(' or ');
}
