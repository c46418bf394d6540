import { InputError } from '../../base/index.js';
import { mostChunks, mostRanks, type Schedule } from '../schedule.js';
import { generateDualPipe } from './dualpipe.js';
import { generateDualPipeV } from './dualpipev.js';
import { generateGPipe } from './gpipe.js';
import { generateOneFOneB } from './one-f-one-b.js';

/** What a schedule asks of its counts. */
interface Limits {
  readonly ranksMultipleOf: number;
  readonly microbatchesMultipleOf: number;
  fewestMicrobatches(ranks: number): number;
  readonly stagesPerRank: number;
}

interface Generator {
  readonly generate: (ranks: number, microbatches: number) => Schedule;
  readonly limits: Limits;
}

const oneStage: Limits = {
  ranksMultipleOf: 1,
  microbatchesMultipleOf: 1,
  fewestMicrobatches: () => 1,
  stagesPerRank: 1,
};
const fewestDual = (ranks: number): number => 2 * ranks;

const generators = {
  gpipe: { generate: generateGPipe, limits: oneStage },
  '1f1b': { generate: generateOneFOneB, limits: oneStage },
  dualpipe: {
    generate: generateDualPipe,
    limits: { ranksMultipleOf: 2, microbatchesMultipleOf: 2, fewestMicrobatches: fewestDual, stagesPerRank: 1 },
  },
  dualpipev: {
    generate: generateDualPipeV,
    limits: { ranksMultipleOf: 1, microbatchesMultipleOf: 1, fewestMicrobatches: fewestDual, stagesPerRank: 2 },
  },
} as const satisfies Record<string, Generator>;

export type ScheduleName = keyof typeof generators;

/** The names that `generateSchedule` knows. */
export const scheduleNames = Object.keys(generators) as readonly ScheduleName[];

/** Which schedule to generate. */
export interface ScheduleRequest {
  readonly name: string;
  readonly ranks: number;
  /** Of all pipelines together. */
  readonly microbatches: number;
}

/** The schedule of that name. Throws `InputError` that says which limit of the schedule does not hold, and the nearest values that do. */
export function generateSchedule({ name, ranks, microbatches }: ScheduleRequest): Schedule {
  const generator: Generator | undefined = isScheduleName(name) ? generators[name] : undefined;
  if (generator === undefined) {
    throw new InputError({
      what: `there is no schedule ${JSON.stringify(name)}`,
      mend: `use one of ${scheduleNames.join(', ')}`,
    });
  }
  requireCount('ranks', ranks, mostRanks);
  requireCount('microbatches', microbatches, Math.floor(mostChunks / (ranks * generator.limits.stagesPerRank)));
  requireLimits(name, generator.limits, ranks, microbatches);
  return generator.generate(ranks, microbatches);
}

function isScheduleName(name: string): name is ScheduleName {
  return Object.hasOwn(generators, name);
}

function requireCount(what: 'ranks' | 'microbatches', value: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return;
  throw new InputError({ what: `${what} cannot be ${value}`, mend: `use a whole number from 1 to ${most}` });
}

function requireLimits(name: string, limits: Limits, ranks: number, microbatches: number): void {
  const { ranksMultipleOf, microbatchesMultipleOf } = limits;
  if (ranks % ranksMultipleOf !== 0) {
    throw new InputError({
      what: `${name} needs a number of ranks that divides by ${ranksMultipleOf}`,
      where: `ranks ${ranks}`,
      mend: `use ${nearestMultiples(ranks, ranksMultipleOf, ranksMultipleOf)}`,
    });
  }
  const fewest = limits.fewestMicrobatches(ranks);
  if (microbatches < fewest) {
    throw new InputError({
      what: `${name} on ${ranks} ranks needs at least ${fewest} microbatches`,
      where: `microbatches ${microbatches}`,
      mend: `use ${fewest} or more`,
    });
  }
  if (microbatches % microbatchesMultipleOf !== 0) {
    throw new InputError({
      what: `${name} needs a number of microbatches that divides by ${microbatchesMultipleOf}`,
      where: `microbatches ${microbatches}`,
      mend: `use ${nearestMultiples(microbatches, microbatchesMultipleOf, fewest)}`,
    });
  }
}

/** `6 or 8`: the multiples on both sides of `value` that are not below `fewest`. */
function nearestMultiples(value: number, of: number, fewest: number): string {
  const below = value - (value % of);
  return [below, below + of].filter((candidate) => candidate >= fewest).join(' or ');
}
