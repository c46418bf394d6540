// Many short MPI runs, each checked: `npm run build && node scripts/soak.mjs [--runs N]`. Half of them go over two network namespaces where those can be made.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exitOnSignals, missingForLink, openLink } from './namespaces.mjs';
import { runAlone, runTraining } from './training-run.mjs';

const usage = `node scripts/soak.mjs [--runs N] [--over both|host|namespaces]

Runs N (default: 200) short trainings with 2 MPI ranks, of a pipeline and of ranks that share experts in turn, and checks of each that it ends, its exit code,
and that its losses are those of the same run with threads, to the bit. --over says where: on this host, over two network namespaces (needs root), or
both in turn (the default where it can be done). Exit code 1 if any run was not as it should be.
`;

const ranks = 2;
const steps = 6;
const limitSeconds = 600;
const megabits = 1000;
/** More than what mpiexec itself says over the link. */
const leastBytes = 100_000;

const tiny = [
  'model.hidden_size=16',
  'model.intermediate_size=16',
  'model.moe_intermediate_size=8',
  'data.sequence_length=32',
  'data.validation_fraction=0.001',
  'schedule.microbatches=4',
  'train.evaluate_every=0',
  `train.steps=${steps}`,
];
const layouts = [
  { name: '1x2', settings: ['parallel.pipeline=1', 'parallel.expert=2'] },
  { name: '2x1', settings: ['parallel.pipeline=2', 'parallel.expert=1'] },
];

/** What can be wrong with a run, in the words of the last line. */
const faults = {
  hang: 'hangs',
  crash: 'crashes',
  exitCode: 'wrong exit codes',
  losses: 'wrong losses',
  link: 'not over the link',
};

const lossesOf = ({ metrics }) => metrics.map(({ loss }) => loss);

/** The fault of a run, if it has one. */
function findFault(run, expected) {
  if (run.isHung) return 'hang';
  if (run.exitCode !== 0) return /SIG[A-Z]+ ended|signal \d+/i.test(run.output) ? 'crash' : 'exitCode';
  const losses = lossesOf(run);
  // mpiexec may return 0 though it ended a rank early.
  if (losses.length !== expected.length) return 'exitCode';
  if (losses.some((loss, step) => loss !== expected[step])) return 'losses';
  if (run.sentBytes?.some((bytes) => bytes < leastBytes)) return 'link';
  return undefined;
}

async function findExpected(folder) {
  const expected = [];
  for (const { name, settings } of layouts) {
    const run = await runAlone({
      settings: [...tiny, ...settings],
      folder: join(folder, `threads-${name}`),
      limitSeconds,
    });
    if (run.isHung || run.exitCode !== 0) throw new Error(`the run with threads, ${name}, failed:\n${run.output}`);
    expected.push(lossesOf(run));
  }
  return expected;
}

async function soak(runs, places, folder) {
  const expected = await findExpected(folder);
  const counts = Object.fromEntries(Object.keys(faults).map((fault) => [fault, 0]));
  for (let index = 0; index < runs; index++) {
    const layout = index % layouts.length;
    const { name, link } = places[Math.floor(index / layouts.length) % places.length];
    const settings = [...tiny, ...layouts[layout].settings];
    const target = join(folder, `run-${index}`);
    const run = await runTraining({ link, ranks, settings, folder: target, limitSeconds });
    const fault = findFault(run, expected[layout]);
    if (fault !== undefined) counts[fault]++;
    const found = fault === undefined ? 'ok' : `FAULT (${fault}), exit code ${run.exitCode}`;
    console.log(`run ${index + 1}/${runs}  ${layouts[layout].name} ${name}  ${run.seconds.toFixed(1)} s  ${found}`);
    if (fault !== undefined) console.log(`losses ${lossesOf(run)}\nexpected ${expected[layout]}\n${run.output}`);
    rmSync(target, { recursive: true, force: true });
  }
  return counts;
}

function choosePlaces(over) {
  const missing = missingForLink();
  if (over === 'host') return [{ name: 'on this host' }];
  if (over === undefined && missing !== undefined) {
    console.log(`on this host only: ${missing}`);
    return [{ name: 'on this host' }];
  }
  const link = openLink();
  link.setRate(megabits);
  const linked = { name: 'over the link', link };
  return over === 'namespaces' ? [linked] : [{ name: 'on this host ' }, linked];
}

async function main() {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '200' },
      over: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(usage);
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs is '${values.runs}': write a whole number from 1`);
  if (![undefined, 'both', 'host', 'namespaces'].includes(values.over))
    throw new Error(`--over is '${values.over}': write both, host or namespaces`);
  const folder = mkdtempSync(join(tmpdir(), 'doubletrack-soak-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const counts = await soak(runs, choosePlaces(values.over), folder);
  console.log(
    `${runs} runs: ${Object.entries(faults)
      .map(([fault, words]) => `${counts[fault]} ${words}`)
      .join(', ')}`,
  );
  process.exit(Object.values(counts).some((count) => count > 0) ? 1 : 0);
}

exitOnSignals();
main().catch((error) => {
  console.error(`soak: ${error.message}`);
  process.exit(2);
});
