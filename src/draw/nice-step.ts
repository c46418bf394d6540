/** The smallest of 1, 2 or 5 times a power of ten that is at least `least`; 0 for what is not above 0. */
export function niceStep(least: number): number {
  if (!(least > 0)) return 0;
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10);
}
