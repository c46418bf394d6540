import type { StepMetrics } from '../../../formats/browser.js';
import { listTicks } from '../timeline/window.js';

/** What curves can lie over: steps, tokens that were trained on, or the time that the steps took together. */
export const curveAxes = ['step', 'tokens', 'time'] as const;

export type CurveAxis = (typeof curveAxes)[number];

/**
 * `[steps]`: where each step of a run lies on an axis, ascending. A step that was left out counts as the next one that
 * was not.
 */
export function placesOf(history: readonly StepMetrics[], axis: CurveAxis): number[] {
  if (axis === 'step') return history.map(({ step }) => step);
  let [place, before] = [0, 0];
  return history.map(({ step, tokens, seconds }) => {
    place += (step - before) * (axis === 'tokens' ? tokens : seconds);
    before = step;
    return place;
  });
}

/** A number at each place of a run; null where it has none. */
export interface Curve {
  readonly places: readonly number[];
  readonly values: readonly (number | null)[];
}

/** Curves over one list of places: of a curve that lacks a place, null. */
export interface AlignedCurves {
  readonly places: readonly number[];
  /** `[curves][places]` */
  readonly values: readonly (readonly (number | null)[])[];
}

/**
 * The places of all curves together, ascending, and the values of each curve at them. Linear in the steps of all
 * curves: this is done anew with every step that comes.
 */
export function alignCurves(curves: readonly Curve[]): AlignedCurves {
  const places: number[] = [];
  const values = curves.map((): (number | null)[] => []);
  const reached = curves.map(() => 0);
  const placeAt = (curve: number) => curves[curve].places[reached[curve]] ?? Number.POSITIVE_INFINITY;
  for (;;) {
    let next = Number.POSITIVE_INFINITY;
    for (let curve = 0; curve < curves.length; curve++) next = Math.min(next, placeAt(curve));
    if (next === Number.POSITIVE_INFINITY) return { places, values };
    places.push(next);
    for (const [curve, own] of curves.entries()) {
      const isAt = placeAt(curve) === next;
      values[curve].push(isAt ? (own.values[reached[curve]] ?? null) : null);
      if (isAt) reached[curve] += 1;
    }
  }
}

/**
 * The exponential moving average as TensorBoard draws it: `weight` (from 0, below 1) of the mean so far, the rest of
 * the new value, divided by the sum of the weights so that the
 * first values are not drawn to 0.
 */
export function smoothCurve(values: readonly (number | null)[], weight: number): (number | null)[] {
  let [sum, weights] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    sum = sum * weight + (1 - weight) * value;
    weights = weights * weight + (1 - weight);
    return sum / weights;
  });
}

/** What a logarithmic scale can show of a curve. */
export function positiveOnly(values: readonly (number | null)[]): (number | null)[] {
  return values.map((value) => (value !== null && value > 0 ? value : null));
}

const mostDigits = 8;

/**
 * Texts for the marks of an axis with as few digits as tell them apart and, where a text is a number alone, tell it as
 * it is; empty where there is no mark. `describe` is asked
 * for 0 digits after the point first.
 */
export function tellMarks(
  marks: readonly (number | null)[],
  describe: (mark: number, digits: number) => string,
): string[] {
  const shown = new Set(marks.filter((mark) => mark !== null));
  for (let digits = 0; ; digits++) {
    const texts = marks.map((mark) => (mark === null ? '' : describe(mark, digits)));
    const areApart = new Set(texts.filter((text) => text !== '')).size === shown.size;
    if (digits === mostDigits || (areApart && texts.every((text, place) => isNear(text, marks[place])))) return texts;
  }
}

/** False for a text that is a number, and another one. */
function isNear(text: string, mark: number | null): boolean {
  const told = Number(text);
  return mark === null || text === '' || Number.isNaN(told) || Math.abs(told - mark) <= 1e-6 * Math.abs(mark);
}

/**
 * Marks of a logarithmic axis from `min` to `max`, both above 0: round numbers within it, powers of ten where it is
 * long.
 */
export function logarithmicMarks(min: number, max: number): number[] {
  const decades = Math.log10(max / min);
  if (!(decades >= 1)) return listTicks({ from: min, to: max }, 5).times;
  const every = Math.max(1, Math.ceil(decades / 6));
  const factors = decades < 2 ? [1, 2, 5] : [1];
  const first = Math.floor(Math.log10(min));
  const powers = Array.from({ length: Math.ceil(decades) + 2 }, (_, index) => first + index);
  return powers
    .filter((power) => power % every === 0)
    .flatMap((power) => factors.map((factor) => Number(`${factor}e${power}`)))
    .filter((mark) => mark >= min && mark <= max);
}
