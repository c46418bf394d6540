import { createRandom, type Random } from '../../base/index.js';

const LINES = 44_000;
/** Lines of a table or of a page of sums. */
const PAGE_LINES = 40;

/** Tables of measurements and pages of arithmetic, about 1.1 MB: made by a fixed seed, so they are the same in every run. */
export function makeNumbers(): string {
  const random = createRandom(0, 'numbers');
  const pages = Array.from({ length: LINES / PAGE_LINES }, (_, page) =>
    page % 2 === 0 ? makeTable(random) : makeSums(random),
  );
  return pages.flat().join('\n').concat('\n');
}

/** Rows of a time, two walks and a count. */
function makeTable(random: Random): string[] {
  let time = 1_600_000_000 + random.integer(100_000_000);
  let level = 100 + 50 * random.normal();
  let slope = random.normal();
  return Array.from({ length: PAGE_LINES }, (_, row) => {
    if (row === 0) return 'time,level,slope,count';
    time += 60;
    slope += 0.2 * random.normal();
    level += slope;
    return `${time},${level.toFixed(3)},${slope.toFixed(4)},${random.integer(10_000)}`;
  });
}

function makeSums(random: Random): string[] {
  return Array.from({ length: PAGE_LINES }, () => {
    const [a, b] = [random.integer(10_000), random.integer(10_000)];
    return random.integer(2) === 0 ? `${a} + ${b} = ${a + b}` : `${a} * ${b} = ${a * b}`;
  });
}
