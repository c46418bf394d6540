import { InputError } from '../../base/index.js';
import { readScheduleName, type ScheduleName } from '../../config/index.js';
import type { Schedule } from '../schedule.js';
import { generateDualPipe } from './dualpipe.js';
import { generateDualPipeV } from './dualpipev.js';
import { generateGPipe } from './gpipe.js';
import { countRounds, generateInterleaved } from './interleaved.js';
import { type Counts, type Limits, requireLimits } from './limits.js';
import { generateOneFOneB } from './one-f-one-b.js';
import { generateZbH1 } from './zb-h1.js';
import { generateZbV } from './zb-v.js';

interface Generator {
  readonly generate: (counts: Counts) => Schedule;
  readonly limits: Limits;
}

/** One stage a rank, any number of ranks and microbatches: what most schedules ask, or nearly. */
const oneStage: Limits = {
  ranksMultipleOf: 1,
  pipelines: 1,
  stagesPerRank: 1,
  isStagesPerRankOpen: false,
  fewestMicrobatches: () => 1,
  microbatchesMultipleOf: () => 1,
  describeMultiple: (multiple) => `that divides by ${multiple}`,
};
const twoStages: Limits = { ...oneStage, stagesPerRank: 2 };
const fewestDual = (ranks: number): number => 2 * ranks;

const generators = {
  gpipe: { generate: ({ ranks, microbatches }) => generateGPipe(ranks, microbatches), limits: oneStage },
  '1f1b': { generate: ({ ranks, microbatches }) => generateOneFOneB(ranks, microbatches), limits: oneStage },
  interleaved: {
    generate: generateInterleaved,
    limits: {
      ...twoStages,
      isStagesPerRankOpen: true,
      microbatchesMultipleOf: countRounds,
      describeMultiple: (rounds) =>
        `that divides by its number of rounds, ${rounds} = microbatches / ranks rounded down`,
    },
  },
  'zb-h1': { generate: ({ ranks, microbatches }) => generateZbH1(ranks, microbatches), limits: oneStage },
  'zb-v': { generate: ({ ranks, microbatches }) => generateZbV(ranks, microbatches), limits: twoStages },
  dualpipe: {
    generate: ({ ranks, microbatches }) => generateDualPipe(ranks, microbatches),
    limits: {
      ...twoStages,
      ranksMultipleOf: 2,
      pipelines: 2,
      fewestMicrobatches: fewestDual,
      microbatchesMultipleOf: () => 2,
    },
  },
  dualpipev: {
    generate: ({ ranks, microbatches }) => generateDualPipeV(ranks, microbatches),
    limits: { ...twoStages, fewestMicrobatches: fewestDual },
  },
} as const satisfies Record<ScheduleName, Generator>;

/** Which schedule to generate. */
export interface ScheduleRequest {
  /** As `readScheduleName` takes it. */
  readonly name: string;
  readonly ranks: number;
  /** Of all pipelines together. */
  readonly microbatches: number;
  /** Stages that a rank holds, of all pipelines together; where it is left out, the schedule's own number. `interleaved` takes any, the others only theirs. */
  readonly stagesPerRank?: number;
}

/** The schedule of that name. Throws `InputError` that says which limit of the schedule does not hold, and the nearest values that do. */
export function generateSchedule(request: ScheduleRequest): Schedule {
  const { generator, counts } = readRequest(request);
  return generator.generate(counts);
}

/** Whether `generateSchedule` takes the request; makes no schedule. */
export function isWithinLimits(request: ScheduleRequest): boolean {
  try {
    readRequest(request);
    return true;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

function readRequest({ name, ranks, microbatches, stagesPerRank }: ScheduleRequest) {
  const known = readScheduleName(name);
  const generator: Generator = generators[known];
  const { limits } = generator;
  const counts: Counts = { ranks, microbatches, stagesPerRank: stagesPerRank ?? limits.stagesPerRank };
  requireLimits(known, limits, counts);
  return { generator, counts };
}
