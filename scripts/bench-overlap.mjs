// What hiding communication saves, over a link of two network namespaces: `npm run build && npm run bench:overlap` as root, with MPICH and iproute2.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exitOnSignals, openLink, parseMegabits } from './namespaces.mjs';
import { drawSweep, formatComparison, formatLoopback, formatSweep } from './overlap-report.mjs';
import { alternate, measureLoad, trainBalanced, variants } from './overlap-runs.mjs';
import { compareVariants } from './overlap-statistics.mjs';

const usage = `npm run bench:overlap -- [options]

Compares 1F1B without overlap with DualPipeV's overlapped pairs: two MPI ranks, in two network namespaces whose link is as fast as makes
communication take as long as computation.

  --rate RATE   of the link, such as 700mbit (default: measured)
  --rounds N    alternating runs of both (default: 5; of the sweep, at each rate: 2)
  --steps N     measured steps of each run (default: 4)
  --sweep       over link rates instead; writes docs/overlap.svg
  --loopback    without a limit instead: what overlap costs when there is little to hide
  --json        print one JSON document
`;

/** Rates of the sweep, as multiples of the rate at which communication takes as long as computation. */
const sweepFactors = [0.25, 0.5, 0.75, 1, 1.5, 2, 4, 8];
const picture = 'docs/overlap.svg';

function parseFlags() {
  const { values } = parseArgs({
    options: {
      rate: { type: 'string' },
      rounds: { type: 'string' },
      steps: { type: 'string', default: '4' },
      sweep: { type: 'boolean', default: false },
      loopback: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = parseCount('--rounds', values.rounds ?? (values.sweep ? '2' : '5'));
  const steps = parseCount('--steps', values.steps);
  return { ...values, rounds, steps, rate: values.rate === undefined ? undefined : parseMegabits(values.rate) };
}

function parseCount(flag, text) {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new Error(`${flag} is '${text}': write a whole number from 1`);
}

async function measure(flags) {
  const folder = mkdtempSync(join(tmpdir(), 'doubletrack-overlap-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const say = (line) => process.stderr.write(`${line}\n`);
  const link = openLink();
  try {
    const context = { link, folder, say, checkpoint: await trainBalanced(folder, say) };
    const load = await measureLoad(context, flags.steps);
    const rate = flags.rate ?? roundRate((8e-6 * load.bytes) / load.computeSeconds);
    if (flags.loopback) return { kind: 'loopback', load, ...(await compareLoopback(context, flags, load)) };
    if (flags.sweep) return { kind: 'sweep', load, rows: await sweep(context, flags, load, rate) };
    return { kind: 'headline', load, ...(await compareAt(context, flags, load, rate)) };
  } finally {
    link.close();
  }
}

/** To two digits. */
const roundRate = (megabits) => Number(megabits.toPrecision(2));

async function compareAt(context, { rounds, steps }, { bytes }, megabits) {
  context.link.setRate(megabits);
  context.say(megabits === undefined ? 'no limit' : `link limited to ${megabits} Mbit/s`);
  const pair = [variants.plain, variants.overlapped];
  const { summaries, lossDifference } = await alternate(context, pair, { rounds, steps, bytes });
  const linkSeconds = megabits === undefined ? 0 : (8e-6 * bytes) / megabits;
  return { megabits, summaries, lossDifference, ...compareVariants(...summaries, linkSeconds) };
}

async function compareLoopback(context, { rounds, steps }, { bytes }) {
  context.link.setRate(undefined);
  const pair = [variants.pairsInTurn, variants.overlapped];
  const { summaries, lossDifference } = await alternate(context, pair, { rounds, steps, bytes });
  return { summaries, lossDifference, ...compareVariants(...summaries, 0) };
}

async function sweep(context, flags, load, rate) {
  const rows = [];
  for (const factor of sweepFactors) rows.push(await compareAt(context, flags, load, roundRate(factor * rate)));
  rows.push(await compareAt(context, flags, load, undefined));
  return rows;
}

function report(result, { json }) {
  if (result.kind === 'sweep') writeFileSync(picture, drawSweep(result));
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else {
    const format = { headline: formatComparison, loopback: formatLoopback, sweep: formatSweep }[result.kind];
    process.stdout.write(format(result));
  }
}

exitOnSignals();
try {
  const flags = parseFlags();
  if (flags.help) process.stdout.write(usage);
  else report(await measure(flags), flags);
} catch (error) {
  process.stderr.write(`bench:overlap: ${error.message}\n`);
  process.exit(1);
}
