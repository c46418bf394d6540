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

/**
 * Entries of a list spread evenly over it, and the last one: about `most` or down to half of that, or all if there are no more. A list that grows keeps its choice until it is twice as long, so
 * that what was read or drawn of it serves again.
 */
export function pickSteadily<T>(list: readonly T[], most: number): readonly T[] {
  let stride = 1;
  while (list.length > most * stride) stride *= 2;
  return stride === 1 ? list : list.filter((_, place) => place % stride === 0 || place === list.length - 1);
}

/** A browser holds about so much of a run's metrics as text. */
const mostBytes = 2 ** 25;

/** Which steps `thinSteps` leaves of metrics of a length in bytes: every one, every second, and so on. */
export function strideFor(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / mostBytes));
}

/** Every `stride`th step, and about as many of those in which something happens. */
export function thinSteps(lines: readonly StepMetrics[], stride: number): readonly StepMetrics[] {
  if (stride === 1) return lines;
  const marked = lines.filter(
    ({ validationLoss, migration, decision }) => (validationLoss ?? migration ?? decision) !== undefined,
  );
  const every = Math.max(1, Math.ceil((marked.length * stride) / lines.length));
  const kept = new Set(marked.filter((_, place) => place % every === 0));
  return lines.filter((line) => line.step % stride === 0 || kept.has(line));
}
