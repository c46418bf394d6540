import { InputError } from '../base/index.js';

/** The place of the first number that is not finite; undefined if all are. */
export function findNonFinite(numbers: Float32Array): number | undefined {
  // 0 times a number is 0, unless it is not finite: one look at the sum tells, and no branch for each.
  let sum = 0;
  for (let index = 0; index < numbers.length; index++) sum += 0 * numbers[index];
  return sum === 0 ? undefined : numbers.findIndex((number) => !Number.isFinite(number));
}

/**
 * Throws `InputError` unless all numbers of a checkpoint's tensor are finite and, of second moments, none is negative.
 * `where` is its file.
 */
export function checkNumbers(name: string, numbers: Float32Array, where: string): void {
  const bad = findNonFinite(numbers) ?? (name.startsWith('second_moment.') ? findNegative(numbers) : undefined);
  if (bad === undefined) return;
  throw new InputError({
    what: `tensor ${name} is damaged: number ${bad + 1} of ${numbers.length} is ${numbers[bad]}`,
    where,
    mend: 'take another checkpoint',
  });
}

function findNegative(numbers: Float32Array): number | undefined {
  for (let index = 0; index < numbers.length; index++) if (numbers[index] < 0) return index;
  return undefined;
}
