import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { createRandom } from '../src/base/index.js';
import { skipMpi } from '../src/comm/mpi/test-mpiexec.js';
import { tinyModel } from './tiny-model.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-faults-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Biases push tokens from expert to expert, and moves cost next to nothing: in most steps some layer's experts move. */
const config = join(folder, 'tiny.toml');
writeFileSync(
  config,
  `${tinyModel.replace('n_routed_experts = 4', 'n_routed_experts = 8')}num_hidden_layers = 6
[data]
sequence_length = 16
[parallel]
pipeline = 1
expert = 2
[schedule]
microbatches = 4
microbatch_size = 2
# Constant after the warm-up, so that runs of different lengths have the same curve.
[optimizer]
minimum_learning_rate = 2e-3
bias_update_speed = 0.02
sequence_balance_weight = 0
[train]
steps = 300
save_every = 2
evaluate_every = 0
[balance]
redundant_slots = 2
interval = 1
move_cost = 1e-6
`,
);

/**
 * What is still there by then hangs: it takes a second where nothing else runs, and far longer on a machine that is
 * busy.
 */
const HANG_SECONDS = 120;
/** In what a run prints when its ranks begin to train. */
const trainingLine = 'training tokens';
const mpiexec = ['mpiexec.mpich', '-n', '2'];
const train = [process.execPath, 'bin/doubletrack.js', 'train'];

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

/** Starts a command; `ended` waits for its end, at most so many seconds. */
function start(command: readonly string[]) {
  const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const exit = once(child, 'close') as Promise<[number | null]>;
  const ended = async (seconds: number): Promise<Ended> => {
    const late = setTimeout(1000 * seconds, undefined, { ref: false }).then(() => {
      for (const process of [...descendantsOf(child.pid as number), child.pid as number]) kill(process);
      throw new Error(`still running after ${seconds} s: ${stderr}`);
    });
    const [code] = await Promise.race([exit, late]);
    return { code, stderr };
  };
  const isOver = () => child.exitCode !== null;
  /** Waits until the ranks train, or the run is over. */
  const training = async () => {
    while (!isOver() && !stderr.includes(trainingLine)) await setTimeout(10);
  };
  return { child, ended, isOver, training };
}

function kill(process_: number): boolean {
  try {
    return process.kill(process_, 'SIGKILL');
  } catch {
    return false;
  }
}

/** Processes that a process has started, and those that these have. */
function descendantsOf(parent: number): number[] {
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        const found = readParent(name);
        return found === undefined ? [] : [[Number(name), found] as const];
      }),
  );
  const children = [...parents].filter(([, one]) => one === parent).map(([child]) => child);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

function readParent(process_: string): number | undefined {
  try {
    // After the name, which may hold anything but ends in the last parenthesis: state, parent.
    return Number(/^.*\) \S (\d+)/s.exec(readFileSync(`/proc/${process_}/stat`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

/** The processes of a run that are Node's: the ranks, and over MPI those that watch over them. */
function nodesOf({ pid }: ChildProcess): number[] {
  const all = [pid as number, ...descendantsOf(pid as number)];
  return all.filter((process_) => {
    try {
      return readFileSync(`/proc/${process_}/cmdline`, 'utf8').startsWith(`${process.execPath}\0`);
    } catch {
      return false;
    }
  });
}

interface Line {
  readonly step: number;
  readonly loss: number;
  /** Replicas that moved. */
  readonly moves: number;
}

/** By step; without a line that was cut short. */
function readLines(run: string): Map<number, Line> {
  if (!existsSync(join(run, 'metrics.jsonl'))) return new Map();
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n');
  return new Map(
    lines.flatMap((text) => {
      try {
        const line = JSON.parse(text) as Line;
        return [[line.step, line] as const];
      } catch {
        return [];
      }
    }),
  );
}

function assertSameLosses(run: string, other: string, { tolerance = 0, until = Infinity }): void {
  const lines = readLines(run);
  for (const [step, { loss }] of readLines(other)) {
    if (step > until) break;
    const own = lines.get(step)?.loss ?? Number.NaN;
    assert.ok(Math.abs(own - loss) <= tolerance * loss, `step ${step}: ${own} is not ${loss} as in ${other}`);
  }
}

const hasCheckpoint = (run: string) =>
  existsSync(join(run, 'checkpoints')) && readdirSync(join(run, 'checkpoints')).some((name) => /^\d+$/.test(name));

/** The last step that a run has made. */
const reachedStep = (run: string): number => Math.max(0, ...readLines(run).keys());

/** Kills a process of the run at a random moment, again and again, each time going on from the last checkpoint. */
async function killAgainAndAgain(launcher: readonly string[], run: string, kills: number): Promise<void> {
  const random = createRandom(11, 'faults', kills);
  for (let kill_ = 0; kill_ < kills; kill_++) {
    const from = hasCheckpoint(run) ? ['--resume', run] : [config, '--out', run];
    if (!hasCheckpoint(run)) rmSync(run, { recursive: true, force: true });
    const reached = reachedStep(run);
    const { child, ended, isOver, training } = start([...launcher, ...train, ...from]);
    // Some are killed while they start, most while they train: then after some steps, however fast the machine is, anywhere within one.
    if (kill_ % 10 === 0) await setTimeout(random.integer(1500));
    else {
      await training();
      const until = reached + 2 + random.integer(5);
      while (!isOver() && reachedStep(run) < until) await setTimeout(10);
      await setTimeout(random.integer(100));
    }
    const targets = nodesOf(child);
    const isKilled = !isOver() && targets.length > 0 && kill(targets[random.integer(targets.length)]);
    const { code, stderr } = await ended(HANG_SECONDS);
    if (!isKilled || launcher.length === 0) continue;
    assert.notEqual(code, 0, `kill ${kill_}: ${stderr}`);
    // While MPI starts, mpiexec may break when a process is lost, and then says what it likes.
    if (!stderr.includes(trainingLine)) continue;
    assert.equal(code, 1, `kill ${kill_}: ${stderr}`);
    assert.match(stderr, /^doubletrack: .*rank [01] .*lost/m, `kill ${kill_}`);
  }
}

describe('a rank that mpiexec cannot reach, as behind npx', () => {
  it('is refused in one line with exit code 2, instead of waiting for the others', async () => {
    const variables = ['PMI_RANK=0', 'PMI_SIZE=2', 'PMI_FD=99'];
    const { code, stderr } = await start(['env', ...variables, ...train]).ended(HANG_SECONDS);
    assert.equal(code, 2);
    assert.match(stderr, /^doubletrack: the connection to mpiexec [^\n]+leave npx out[^\n]+\n$/);
  });
});

describe('a run over MPI whose first process cannot write its files', { skip: skipMpi }, () => {
  it('ends for all with the cause, though the others know nothing of files', async () => {
    const run = join(folder, 'blocked');
    mkdirSync(join(run, 'loads'), { recursive: true });
    const { code, stderr } = await start([...mpiexec, ...train, config, '--out', run]).ended(HANG_SECONDS);
    assert.equal(code, 2, stderr);
    assert.match(
      stderr,
      /^doubletrack: it is there already, and a run would write over it \(.*loads\): give another --out/m,
    );
  });
});

describe('a run whose processes are killed at random moments', () => {
  for (const [name, launcher, kills] of [
    ['over MPI ends each time with the lost rank and exit code 1, and', mpiexec, 6],
    ['over threads', [], 5],
  ] as const) {
    it(`${name} goes on from its checkpoints with the curve of an undisturbed run`, {
      skip: launcher.length > 0 && skipMpi,
    }, async () => {
      const run = join(folder, `killed-${kills}`);
      await killAgainAndAgain(launcher, run, kills);
      const reached = reachedStep(run);
      const steps = ['--steps', String(reached + 5)];
      const { code, stderr } = await start([...launcher, ...train, '--resume', run, ...steps]).ended(10 * HANG_SECONDS);
      assert.equal(code, 0, stderr);
      const [whole, still] = ['undisturbed', 'still'].map((other) => join(folder, `${other}-${kills}`));
      for (const [out, ...sets] of [[whole], [still, '--set', 'balance.interval=0']]) {
        const other = await start([...train, config, '--out', out, ...steps, ...sets]).ended(10 * HANG_SECONDS);
        assert.equal(other.code, 0, other.stderr);
      }
      assert.ok(reached > 8, `only ${reached} steps were made`);
      assert.equal(readLines(run).size, reached + 5);
      // The first decision needs 8 steps.
      const moving = [...readLines(run).values()].filter(({ moves }) => moves > 0).length;
      assert.ok(moving >= (reached - 8) / 3, `experts moved in ${moving} of ${reached} steps`);
      assertSameLosses(run, whole, { tolerance: 1e-6 });
      // Later a token of which two experts think alike may go to the other one by rounding.
      assertSameLosses(run, still, { tolerance: 1e-5, until: 60 });
    });
  }
});
