/** Why the timeline of a step is worth more than that of its neighbours: experts moved in it, or it was decided whether they should. */
export type StepMark = 'migration' | 'decision';

/** How many steps are kept evenly over a run, and how many marked ones besides. */
const MOST_EVEN = 128;
const MOST_MARKED = 64;

/**
 * Of steps, ascending, those that stay: some evenly over all, some of the marked ones evenly over these, and the last. Where there are too many, the spacing doubles, and the first step within
 * each spacing stays (of marked ones a migration, if there is one). Whoever adds steps and throws away what does not stay comes to the same as from all steps at once.
 */
export function pickKeptSteps(steps: readonly number[], marks: ReadonlyMap<number, StepMark>): number[] {
  const isMigration = (step: number) => marks.get(step) === 'migration';
  const even = thinOut(steps, MOST_EVEN, () => false);
  const marked = thinOut(
    steps.filter((step) => marks.has(step)),
    MOST_MARKED,
    (step, other) => isMigration(step) && !isMigration(other),
  );
  const kept = new Set([...even, ...marked, ...steps.slice(-1)]);
  return steps.filter((step) => kept.has(step));
}

/** One step of each spacing, which is so wide that no run up to the last step has more than `most`: the first of those than which none `isBetter`. */
function thinOut(
  steps: readonly number[],
  most: number,
  isBetter: (step: number, other: number) => boolean,
): Iterable<number> {
  const last = steps[steps.length - 1] ?? 0;
  let spacing = 1;
  while (last > most * spacing) spacing *= 2;
  const picked = new Map<number, number>();
  for (const step of steps) {
    const place = Math.floor((step - 1) / spacing);
    const other = picked.get(place);
    if (other === undefined || isBetter(step, other)) picked.set(place, step);
  }
  return picked.values();
}
