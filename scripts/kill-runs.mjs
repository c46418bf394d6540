// Kills training runs at random moments and looks whether they go on as if nothing had happened: `npm run build && node
// scripts/kill-runs.mjs`.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { damages } from './damage-checkpoint.mjs';

const usage = `node scripts/kill-runs.mjs [--runs N] [--seed N] [--steps N]

Kills N runs (default: 40) with kill -9 at random moments (--seed, default 1), resumes each, and compares step, loss, gradient norm, balancedness and rank loads
of each line of metrics.jsonl with an undisturbed run's of --steps steps (default: 60), to the bit. Of each 8 runs 3 are of threads, 2 of MPI (if mpiexec.mpich is there), 2 are killed
while they write a checkpoint after every step, and 1 before its first checkpoint. Then 5 times a second process is started in the folder of a run, and ${damages.length} checkpoints are damaged in as many ways. Prints a table. Exit code 1 if anything was not as it should be.
`;

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '60' },
    help: { type: 'boolean', default: false },
  },
});
if (flags.help) {
  process.stdout.write(usage);
  process.exit(0);
}

const program = fileURLToPath(new URL('../bin/doubletrack.js', import.meta.url));
const place = mkdtempSync(join(tmpdir(), 'kill-runs-'));
const steps = Number(flags.steps);
const settings = [
  'model.hidden_size=32',
  'model.intermediate_size=32',
  'model.moe_intermediate_size=16',
  'model.n_routed_experts=4',
  'data.sequence_length=32',
  'schedule.microbatches=4',
  'schedule.microbatch_size=1',
  'train.evaluate_every=0',
  `train.steps=${steps}`,
];
const hasMpi = spawnSync('mpiexec.mpich', ['-version']).status === 0;

/** Numbers from 0 to below 1: the same of the same seed (mulberry32). */
function createRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
const random = createRandom(Number(flags.seed));

/** Kinds of kills, of 8 runs each; `from` and `to` in steps, where the run is to be killed. */
const kinds = {
  threads: { saveEvery: 5, from: 5, to: steps - 2 },
  mpi: { saveEvery: 5, from: 5, to: steps - 2, isMpi: true },
  checkpoint: { saveEvery: 1, from: 1, to: steps - 2 },
  start: { saveEvery: 0, from: 0, to: 8 },
};
const round = ['threads', 'mpi', 'checkpoint', 'threads', 'start', 'mpi', 'checkpoint', 'threads'];

function start(parameters, isMpi) {
  const command = [process.execPath, program, 'train', ...parameters];
  const whole = isMpi ? ['mpiexec.mpich', '-n', '2', ...command] : command;
  const child = spawn(whole[0], whole.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  const ended = new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, output }));
  });
  return { child, ended };
}

const run = (parameters, isMpi = false) => start(parameters, isMpi).ended;
const sets = (saveEvery) => [...settings, `train.save_every=${saveEvery}`].flatMap((value) => ['--set', value]);

function readLines(folder) {
  const file = join(folder, 'metrics.jsonl');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text) => {
      try {
        const { step, loss, gradNorm, balancedness, rankLoads } = JSON.parse(text);
        return [JSON.stringify([step, loss, gradNorm, balancedness, rankLoads])];
      } catch {
        return [];
      }
    });
}

/** What no run that ended, or was resumed, may leave. */
function leftovers(folder) {
  return readdirSync(folder, { recursive: true }).filter((name) => /(^|\/)(lock|\..*\.tmp)$/.test(String(name)));
}

/** The rank processes of a run: those whose parent is mpiexec's own child, or the run itself. */
function ranksOf(pid) {
  const { stdout } = spawnSync('ps', ['-eo', 'pid,ppid,args'], { encoding: 'utf8' });
  const rows = stdout.split('\n').map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row) ?? []);
  const below = (parent) => rows.filter((row) => row[2] === String(parent)).flatMap((row) => [row, ...below(row[1])]);
  return below(pid)
    .filter((row) => row[3].includes(program))
    .map((row) => Number(row[1]));
}

/** Begins a run, kills it once, and resumes it; what was wrong, or undefined. */
async function killAndResume(name, index, whole) {
  const { saveEvery, from, to, isMpi = false } = kinds[name];
  const folder = join(place, `${name}-${index}`);
  const { child, ended } = start([...sets(saveEvery), '--out', folder], isMpi);
  const until = from + Math.floor(random() * (to - from));
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (!isOver && (!existsSync(folder) || readLines(folder).length < until)) await setTimeout(5);
  await setTimeout(random() * (name === 'start' ? 600 : 60));
  const ranks = isMpi ? ranksOf(child.pid) : [child.pid];
  const target = ranks[Math.floor(random() * ranks.length)] ?? child.pid;
  if (!isOver) process.kill(target, 'SIGKILL');
  const killed = await ended;
  const reached = readLines(folder).length;
  const temporary = existsSync(folder) ? leftovers(folder).filter((one) => String(one).endsWith('.tmp')).length : 0;
  const again = existsSync(join(folder, 'config.toml')) ? ['--resume', folder] : [...sets(saveEvery), '--out', folder];
  const { code, output } = await run(again, isMpi);
  const found = { name, reached, temporary, killed: killed.code };
  if (code !== 0) return { ...found, wrong: `resumed: exit ${code}: ${output.trim().split('\n').at(-1)}` };
  const [own, other] = [readLines(folder), whole];
  const differs = other.findIndex((line, at) => line !== own[at]);
  if (differs >= 0 || own.length !== other.length)
    return { ...found, wrong: `line ${differs + 1} is ${own[differs]}, not ${other[differs]}` };
  const left = leftovers(folder);
  rmSync(folder, { recursive: true });
  return { ...found, wrong: left.length === 0 ? undefined : `left: ${left.join(' ')}` };
}

/** Starts two processes in one folder at once: one is to train, the other to be refused. */
async function startTwice(index, whole, source) {
  const folder = join(place, `double-${index}`);
  const isResumed = index >= 3;
  if (isResumed) cpSync(source, folder, { recursive: true });
  if (isResumed) rmSync(join(folder, 'checkpoints', String(steps)), { recursive: true });
  const parameters = isResumed ? ['--resume', folder] : [...sets(5), '--out', folder];
  const first = start(parameters, false);
  await setTimeout(random() * 1500);
  const ends = await Promise.all([first.ended, run(parameters)]);
  const codes = ends.map(({ code }) => code).sort();
  const refused = ends.find(({ code }) => code === 2)?.output ?? '';
  if (codes.join() !== '0,2') return `exit codes ${codes}`;
  if (!/another process \(pid \d+\) trains into it/.test(refused)) return refused.trim();
  return readLines(folder).join() === whole.join() ? undefined : 'another curve';
}

/**
 * Damages the last checkpoint of a copy of a run, and resumes it: from the one before, which names the damaged one, on
 * the same curve.
 */
async function damageAndResume({ name, damage, isRefused = false }, whole, source) {
  const folder = join(place, `damaged-${name.replaceAll(' ', '-')}`);
  cpSync(source, folder, { recursive: true });
  damage(join(folder, 'checkpoints', String(steps)));
  const { code, output } = await run(['--resume', folder]);
  const isNamed = output.includes(join('checkpoints', String(steps))) || output.includes(`checkpoint ${steps}`);
  if (!isNamed) return `not named: exit ${code}: ${output.trim().split('\n').at(-1)}`;
  if (isRefused) return code === 2 ? undefined : `exit ${code}`;
  if (code !== 0) return `exit ${code}: ${output.trim().split('\n').at(-1)}`;
  return readLines(folder).join() === whole.join() ? undefined : 'another curve';
}

const source = join(place, 'whole');
const first = await run([...sets(5), '--out', source]);
if (first.code !== 0) throw new Error(first.output);
const whole = readLines(source);

const kills = [];
for (let index = 0; index < Number(flags.runs); index++) {
  const name = round[index % round.length];
  const result = await killAndResume(name === 'mpi' && !hasMpi ? 'threads' : name, index, whole);
  kills.push(result);
  process.stderr.write(
    `${index + 1} ${result.name}, killed at step ${result.reached}: ${result.wrong ?? 'same curve'}\n`,
  );
}
const doubles = [];
for (let index = 0; index < 5; index++) doubles.push(await startTwice(index, whole, source));
const named = [];
for (const damage of damages) named.push(await damageAndResume(damage, whole, source));

const rows = Object.keys(kinds).map((name) => {
  const of = kills.filter((one) => one.name === name);
  const temporary = of.filter((one) => one.temporary > 0).length;
  return [
    `killed, ${name}`,
    of.length,
    of.filter(({ wrong }) => wrong === undefined).length,
    `${temporary} had left something temporary`,
  ];
});
rows.push(['double starts', doubles.length, doubles.filter((wrong) => wrong === undefined).length, '']);
rows.push(['damaged checkpoints', named.length, named.filter((wrong) => wrong === undefined).length, '']);
process.stdout.write('what                 tried  as it should\n');
for (const [what, tried, good, note] of rows)
  process.stdout.write(`${what.padEnd(20)} ${String(tried).padStart(5)}  ${String(good).padStart(12)}  ${note}\n`);
const wrongs = [...kills.map(({ wrong }) => wrong), ...doubles, ...named].filter((wrong) => wrong !== undefined);
for (const wrong of wrongs) process.stdout.write(`${wrong}\n`);
if (wrongs.length === 0) rmSync(place, { recursive: true });
else process.stdout.write(`runs that went wrong are in ${place}\n`);
process.exitCode = wrongs.length === 0 ? 0 : 1;
