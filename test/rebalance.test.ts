import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { skipMpi } from '../src/comm/mpi/test-mpiexec.js';
import { runCommand } from './run-command.js';
import { tinyModel } from './tiny-model.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-rebalance-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Experts that nothing else balances, and moves that cost next to nothing: they move whenever that gains 2%. */
const config = join(folder, 'skewed.toml');
writeFileSync(
  config,
  `${tinyModel}[data]
sequence_length = 16
[parallel]
pipeline = 2
expert = 2
[schedule]
microbatches = 4
microbatch_size = 2
[optimizer]
learning_rate = 1e-2
minimum_learning_rate = 1e-2
bias_update_speed = 0
sequence_balance_weight = 0
[train]
steps = 30
save_every = 5
evaluate_every = 15
[balance]
redundant_slots = 2
interval = 4
move_cost = 1e-6
`,
);

interface Line {
  readonly step: number;
  readonly loss: number;
  readonly validationLoss?: number;
  readonly gradNorm: number;
  readonly moves: number;
  readonly decision?: {
    readonly balancednessBefore: number;
    readonly balancednessAfter: number;
    readonly moves: number;
  };
}

/** What is the same in every run with the same seed. */
function curve(run: string): Line[] {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const { step, loss, validationLoss, gradNorm, moves, decision } = JSON.parse(line) as Line;
    const { balancednessBefore = 1, balancednessAfter = 1, moves: planned = 0 } = decision ?? {};
    return {
      step,
      loss,
      gradNorm,
      moves,
      ...(validationLoss !== undefined && { validationLoss }),
      ...(decision !== undefined && { decision: { balancednessBefore, balancednessAfter, moves: planned } }),
    };
  });
}

/** By file. */
function readLoads(run: string): Map<string, string> {
  const names = readdirSync(join(run, 'loads')).sort();
  return new Map(names.map((name) => [name, readFileSync(join(run, 'loads', name), 'utf8')]));
}

function assertSameLosses(actual: readonly Line[], expected: readonly Line[], tolerance = 1e-5): void {
  assert.equal(actual.length, expected.length);
  for (const [index, { step, loss }] of actual.entries()) {
    const wanted = expected[index].loss;
    assert.ok(Math.abs(loss - wanted) <= tolerance * wanted, `step ${step}: ${loss} is not ${wanted}`);
  }
}

async function train(run: string, ...more: readonly string[]): Promise<Line[]> {
  const from = more.includes('--resume') ? [] : [config, '--out', run];
  const { status, stderr } = await runCommand(['train', ...from, ...more].join(' '));
  assert.equal(status, 0, stderr);
  return curve(run);
}

describe('200 steps in which experts of four ranks move', async () => {
  const sets = [
    'parallel.pipeline=1',
    'parallel.expert=4',
    'schedule.microbatches=2',
    'schedule.microbatch_size=2',
    'model.num_hidden_layers=2',
    'model.hidden_size=32',
    'model.intermediate_size=48',
    'model.moe_intermediate_size=16',
    'model.v_head_dim=8',
    'model.n_routed_experts=8',
    'optimizer.learning_rate=3e-3',
    'optimizer.minimum_learning_rate=0',
    'train.save_every=0',
    'train.evaluate_every=0',
    'balance.interval=5',
    'balance.redundant_slots=4',
    'train.steps=200',
  ];
  const of = (run: string, ...more: readonly string[]) =>
    train(join(folder, run), ...[...sets, ...more].map((value) => `--set ${value}`));

  const still = await of('long-still', 'balance.interval=0', 'balance.redundant_slots=0');

  it('have the losses of the same ranks without replicas and moves, within 1e-4', async () => {
    const moved = await of('long-moved');
    assertSameLosses(moved, still, 1e-4);
    const migrations = moved.filter(({ moves }) => moves > 0).length;
    assert.ok(migrations >= 5, `${migrations} steps in which replicas moved`);
  });

  it('have the same bits without replicas, whether experts change places or not', async () => {
    const moved = await of('swapped', 'balance.redundant_slots=0');
    const bits = (lines: readonly Line[]) => lines.map(({ loss, gradNorm }) => ({ loss, gradNorm }));
    assert.deepEqual(bits(moved), bits(still));
    assert.ok(moved.some(({ moves }) => moves > 0));
  });
});

describe('a run whose experts move', async () => {
  const whole = join(folder, 'whole');
  const expected = await train(whole);

  it('moves replicas, several times, and says how balanced ranks are before and after each decision', () => {
    const decisions = expected.flatMap(({ decision }) => decision ?? []);
    assert.ok(decisions.length >= 4, `${decisions.length} decisions`);
    assert.ok(decisions.filter(({ moves }) => moves > 0).length >= 2);
    for (const { balancednessBefore, balancednessAfter } of decisions)
      assert.ok(balancednessAfter >= balancednessBefore - 1e-12);
    assert.ok(expected.reduce((sum, { moves }) => sum + moves, 0) > 0);
  });

  it('has the losses of the run in which none moves, and of one rank', async () => {
    assertSameLosses(await train(join(folder, 'still'), '--set balance.interval=0'), expected);
    const one = ['pipeline=1', 'expert=1'].map((value) => `--set parallel.${value}`).join(' ');
    const rest =
      '--set schedule.name=gpipe --set schedule.microbatches=8 --set balance.redundant_slots=0 --set balance.interval=0';
    assertSameLosses(await train(join(folder, 'one'), one, rest), expected);
  });

  it('gives the same bits again, and with the same moves over MPI', { skip: skipMpi }, async () => {
    assert.deepEqual(await train(join(folder, 'again')), expected);
    const run = join(folder, 'mpi');
    const command = ['-n', '4', process.execPath, 'bin/doubletrack.js', 'train', config, '--out', run];
    const child = spawn('mpiexec.mpich', command, { stdio: 'ignore', timeout: 1_200_000 });
    assert.deepEqual(await once(child, 'close'), [0, null]);
    assert.deepEqual(curve(run), expected);
  });

  it('goes on from every checkpoint with the very same bits, moves and loads, also from the midst of a migration', async () => {
    const loads = readLoads(whole);
    for (const step of [5, 10, 15, 20, 25]) {
      const run = join(folder, `from-${step}`);
      cpSync(whole, run, { recursive: true });
      for (const name of readdirSync(join(run, 'checkpoints')))
        if (Number(name) > step) rmSync(join(run, 'checkpoints', name), { recursive: true });
      assert.deepEqual(await train(run, '--resume', run), expected, `from step ${step}`);
      assert.deepEqual(readLoads(run), loads, `from step ${step}`);
    }
  });

  it('goes on with other slots and ranks, where experts begin in order, and says so', async () => {
    const run = join(folder, 'other');
    cpSync(whole, run, { recursive: true });
    for (const name of ['30', '25', '20']) rmSync(join(run, 'checkpoints', name), { recursive: true });
    const sets = ['parallel.expert=4', 'schedule.microbatches=2', 'parallel.pipeline=1', 'balance.redundant_slots=4'];
    const line = `train --resume ${run} ${sets.map((value) => `--set ${value}`).join(' ')} --set schedule.name=1f1b`;
    const { status, stderr } = await runCommand(line);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /the checkpoint was of 6 slots on 2 expert ranks, here are 8 slots on 4 expert ranks/);
    assertSameLosses(curve(run), expected);
  });

  it('leaves loads that balance reads, without the steps in which the router warms up', async () => {
    const { status, stdout, stderr } = await runCommand(`balance ${join(whole, 'loads')} --gpus 2 --slots 6 --json`);
    assert.equal(status, 0, stderr);
    const { physicalToLogical } = JSON.parse(stdout) as { physicalToLogical: number[][] };
    assert.equal(physicalToLogical[0].length, 6);
    const files = readdirSync(join(whole, 'loads')).sort();
    assert.deepEqual(files.slice(0, 3), ['0000003-0000004.json', '0000005-0000005.json', '0000006-0000008.json']);
  });
});

it('leaves such loads when no expert moves as well, from the 11th step on, and goes on with them', async () => {
  const run = join(folder, 'unmoved');
  await train(run, '--set balance.interval=0 --set train.steps=24');
  const loads = readLoads(run);
  assert.deepEqual([...loads.keys()], ['0000011-0000015.json', '0000016-0000020.json', '0000021-0000024.json']);
  const { status, stdout, stderr } = await runCommand(`balance ${join(run, 'loads')} --gpus 2 --slots 6 --json`);
  assert.equal(status, 0, stderr);
  assert.equal((JSON.parse(stdout) as { physicalToLogical: number[][] }).physicalToLogical[0].length, 6);
  for (const step of [20, 24]) rmSync(join(run, 'checkpoints', String(step)), { recursive: true });
  await train(run, '--resume', run);
  assert.deepEqual(readLoads(run), loads);
});
