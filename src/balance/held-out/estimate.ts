/** A value that was measured on some windows, and how far it may be from that on others: 19 of 20 times no farther. */
export interface Estimate {
  readonly value: number;
  readonly spread: number;
}

/** What windows say of a ratio. */
export interface RatioSample {
  /** `[windows]`. */
  readonly numerators: Float64Array;
  readonly denominators: Float64Array;
  /** `[windows]`: their numbers, in the order of time. */
  readonly windows: readonly number[];
  /** `[windows]`: the part of the windows that each was held out with; their placements differ. */
  readonly parts: readonly number[];
}

/**
 * The ratio of sums over windows, and its spread on windows to come with a placement like those that were judged: the
 * standard error of a ratio (W. G. Cochran, "Sampling Techniques", 1977, 6.4) of windows that are taken as independent, with
 * what placements made from other parts of the windows differ by (one-way analysis of variance), times Student's t of 95%.
 */
export function estimateRatio({ numerators, denominators, parts }: RatioSample): Estimate {
  const windows = numerators.length;
  const below = sum(denominators);
  if (below === 0) return { value: 1, spread: 0 };
  const value = sum(numerators) / below;
  if (windows < 2) return { value, spread: Number.POSITIVE_INFINITY };
  const residuals = residualsOf(numerators, denominators);
  const { between, count } = varianceBetween(residuals, parts);
  const freedom = Math.max(1, countEffective(denominators) - 1);
  const error = Math.sqrt(standardErrorOf(numerators, denominators) ** 2 + between * (1 + 1 / count));
  return { value, spread: (quantileOfT(freedom) * error * windows) / below };
}

/**
 * The standard error of the mean of values that each have a weight in it, taken as independent measurements of one value
 * times their weights; 0 of a single one.
 */
export function standardErrorOf(values: Float64Array, weights: Float64Array): number {
  const count = values.length;
  if (count === 1) return 0;
  const squares = sum(residualsOf(values, weights).map((residual) => residual * residual));
  return Math.sqrt(squares / (count * (count - 1)));
}

/** What values are above their weights times the ratio of sums. */
function residualsOf(values: Float64Array, weights: Float64Array): Float64Array {
  const ratio = sum(values) / sum(weights);
  return values.map((value, i) => value - ratio * weights[i]);
}

/**
 * The ratio of what is to come, from windows that judged in turns and, where loads drift, from later windows alone (`ahead`).
 * The spread then holds what it would be if the drift ended, what it would be if it went on for as many windows as were
 * recorded, and what it changed by over the recording, all as if of half as many windows: those that drift are not independent.
 */
export function estimateAhead(turns: RatioSample, ahead: RatioSample | undefined): Estimate {
  const still = estimateRatio(turns);
  if (ahead === undefined) return still;
  const later = estimateRatio(ahead);
  const middle = turns.numerators.length / 2;
  const [early, late] = [true, false].map((isEarly) => ratioWhere(turns, (window) => window < middle === isEarly));
  const noise = Math.SQRT2 * Math.hypot(still.spread, later.spread, late - early);
  return { value: later.value, spread: Math.abs(still.value - later.value) + noise };
}

function ratioWhere({ windows, numerators, denominators }: RatioSample, isIn: (window: number) => boolean): number {
  const sumIn = (values: Float64Array): number => sum(values.filter((_, row) => isIn(windows[row])));
  return sumIn(numerators) / (sumIn(denominators) || 1);
}

/** So many windows of one size tell as much as these, of which large ones outweigh the others (L. Kish, "Survey sampling", 1965). */
function countEffective(weights: Float64Array): number {
  return sum(weights) ** 2 / sum(weights.map((weight) => weight * weight));
}

/** What the means of parts differ by beyond what their windows do; 0 where each part is one window. */
function varianceBetween(
  residuals: Float64Array,
  parts: readonly number[],
): { readonly between: number; readonly count: number } {
  const groups = new Map<number, number[]>();
  for (const [window, residual] of residuals.entries()) {
    const group = groups.get(parts[window]);
    if (group === undefined) groups.set(parts[window], [residual]);
    else group.push(residual);
  }
  const count = groups.size;
  const inside = residuals.length - count;
  if (count < 2 || inside === 0) return { between: 0, count };
  const mean = sum(residuals) / residuals.length;
  let among = 0;
  let within = 0;
  for (const group of groups.values()) {
    const own = sum(group) / group.length;
    among += group.length * (own - mean) ** 2;
    within += sum(group.map((residual) => (residual - own) ** 2));
  }
  const excess = among / (count - 1) - within / inside;
  return { between: Math.max(0, (excess * count) / residuals.length), count };
}

/** The two-sided 95% quantile of Student's t for 1 to 4 degrees of freedom. */
const FIRST_QUANTILES = [12.706, 4.303, 3.182, 2.776];

/** The two-sided 95% quantile of Student's t for `freedom` from 1 on, whole or not (Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.5). */
export function quantileOfT(freedom: number): number {
  const last = FIRST_QUANTILES.length;
  if (freedom <= last) {
    const below = Math.floor(freedom);
    const [low, high] = [FIRST_QUANTILES[below - 1], FIRST_QUANTILES[Math.min(last, below + 1) - 1]];
    return low + (high - low) * (freedom - below);
  }
  return 1.95996 + 2.37227 / freedom + 2.8225 / freedom ** 2 + 2.5558 / freedom ** 3 + 1.5895 / freedom ** 4;
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}
