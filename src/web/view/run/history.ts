import type { StepMetrics } from '../../../formats/browser.js';
import type { MetricsNews } from './wire.js';

/**
 * The metrics of a run with what has come since. A run that goes on from an earlier step takes the place of the steps that it runs again.
 */
export function addNews(history: readonly StepMetrics[], { lines, isAnew }: Pick<MetricsNews, 'lines' | 'isAnew'>) {
  const steps = isAnew ? [] : [...history];
  for (const line of lines) {
    while (steps.length > 0 && steps[steps.length - 1]!.step >= line.step) steps.pop();
    steps.push(line);
  }
  return steps;
}

/** Values of a run at steps. */
export interface Curve {
  readonly name: string;
  readonly points: readonly { readonly step: number; readonly value: number | undefined }[];
}

/** Curves over one list of steps: of a run that lacks a step, null. */
export interface AlignedCurves {
  readonly steps: readonly number[];
  /** `[curves][steps]` */
  readonly values: readonly (readonly (number | null)[])[];
}

/** The steps of all curves together, ascending, and the values of each curve at them. */
export function alignCurves(curves: readonly Curve[]): AlignedCurves {
  const steps = [...new Set(curves.flatMap(({ points }) => points.map(({ step }) => step)))].sort((a, b) => a - b);
  const values = curves.map(({ points }) => {
    const byStep = new Map(points.map(({ step, value }) => [step, value]));
    return steps.map((step) => byStep.get(step) ?? null);
  });
  return { steps, values };
}

/** About `most` of a list's entries, spread evenly, with the first and the last; all if there are no more. */
export function spreadPick<T>(list: readonly T[], most: number): readonly T[] {
  if (list.length <= most) return list;
  return Array.from({ length: most }, (_, index) => list[Math.round((index * (list.length - 1)) / (most - 1))]!);
}
