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

/** Stages that a rank holds, of all copies of the model. */
export function stagesPerRankOf({ name, stagesPerRank }: Variant): number {
  return stagesPerRank ?? (['zb-v', 'dualpipe', 'dualpipev'].includes(name) ? 2 : 1);
}

/** A schedule in a line or a table: `interleaved v=2`, for its name alone leaves the stages of a rank open. */
export function labelSchedule(name: string, stagesPerRank: number): string {
  return name === 'interleaved' ? `${name} v=${stagesPerRank}` : name;
}

/** Copies of the model that a schedule has. */
export function copiesOf({ name }: Variant): number {
  return name === 'dualpipe' ? 2 : 1;
}

/** The schedule of a variant, or in `refusal` which limit does not hold and the nearest values that do. */
export function tryVariant(variant: Variant, ranks: number, microbatches: number): NamedSchedule {
  const own = { name: variant.name, stagesPerRank: stagesPerRankOf(variant) };
  try {
    return { ...own, schedule: generateSchedule({ ...variant, ranks, microbatches }) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { ...own, refusal: error.message };
  }
}
