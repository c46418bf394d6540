import { InputError } from '../../base/index.js';
import { generateSchedule, type Schedule, scheduleNames } from '../../schedule/index.js';

/** A schedule that has a name, or why its limits do not allow it. */
export type NamedSchedule = { readonly name: string; readonly stagesPerRank: number } & (
  | { readonly schedule: Schedule; readonly refusal?: undefined }
  | { readonly schedule?: undefined; readonly refusal: string }
);

/** A name, and where it leaves it open, the stages of a rank. */
export interface Variant {
  readonly name: string;
  readonly stagesPerRank?: number;
}

/** All named schedules; `interleaved` with each of the given numbers of stages a rank. */
export function listVariants(interleaved: readonly number[]): Variant[] {
  return scheduleNames.flatMap((name: string): Variant[] =>
    name === 'interleaved' ? interleaved.map((stagesPerRank) => ({ name, stagesPerRank })) : [{ name }],
  );
}

/** The schedule of a variant, or in `refusal` which limit does not hold and the nearest values that do. */
export function tryVariant(variant: Variant, ranks: number, microbatches: number): NamedSchedule {
  const { name } = variant;
  try {
    const schedule = generateSchedule({ ...variant, ranks, microbatches });
    const stages = schedule.stageToRank.length / schedule.pipelines.length;
    return { name, stagesPerRank: stages / ranks, schedule };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { name, stagesPerRank: variant.stagesPerRank ?? 1, refusal: error.message };
  }
}
