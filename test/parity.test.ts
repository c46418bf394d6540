import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { skipMpi } from '../src/comm/mpi/test-mpiexec.js';
import { runCommand } from './run-command.js';
import { tinyModel } from './tiny-model.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-parity-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const config = join(folder, 'tiny.toml');
writeFileSync(
  config,
  `${tinyModel}num_hidden_layers = 8
[data]
sequence_length = 16
[schedule]
microbatch_size = 1
[optimizer]
warmup_steps = 0
[train]
steps = 5
evaluate_every = 5
`,
);

/** Sequences of a step, all ranks together. */
const SEQUENCES = 16;
const layouts = ['1 x 2', '2 x 1', '2 x 2', '4 x 1', '1 x 4'] as const;

interface Way {
  /** For the test's name and the run's folder. */
  readonly title: string;
  readonly pipeline: number;
  readonly expert: number;
  readonly sets: readonly string[];
}

const ways: readonly Way[] = [
  ...layouts.flatMap((layout) => {
    const [pipeline, expert] = layout.split(' x ').map(Number);
    return [true, false].map((overlap) => ({
      title: `on ${layout} ranks, overlap ${overlap ? 'on' : 'off'}`,
      pipeline,
      expert,
      sets: [`parallel.overlap=${overlap}`],
    }));
  }),
  // From the last rank to the first, many stages a rank, and weight gradients apart.
  { title: 'interleaved on 2 x 2 ranks', pipeline: 2, expert: 2, sets: ['schedule.name=interleaved'] },
  {
    title: 'interleaved with 4 stages a rank on 2 x 1 ranks',
    pipeline: 2,
    expert: 1,
    sets: ['schedule.name=interleaved', 'schedule.stages_per_rank=4'],
  },
  { title: 'zb-h1 on 2 x 2 ranks', pipeline: 2, expert: 2, sets: ['schedule.name=zb-h1'] },
  { title: 'zb-v on 2 x 2 ranks', pipeline: 2, expert: 2, sets: ['schedule.name=zb-v'] },
  // Replicas of some experts, and of all.
  { title: 'with 2 redundant slots on 2 x 2 ranks', pipeline: 2, expert: 2, sets: ['balance.redundant_slots=2'] },
  {
    title: 'dualpipe with 2 redundant slots on 2 x 2 ranks',
    pipeline: 2,
    expert: 2,
    sets: ['schedule.name=dualpipe', 'balance.redundant_slots=2'],
  },
  { title: 'with 4 redundant slots on 1 x 4 ranks', pipeline: 1, expert: 4, sets: ['balance.redundant_slots=4'] },
  {
    title: 'with 4 redundant slots and optimal shares on 1 x 4 ranks',
    pipeline: 1,
    expert: 4,
    sets: ['balance.redundant_slots=4', 'balance.shares=optimal'],
  },
];

interface Line {
  readonly loss: number;
  readonly validationLoss?: number;
  readonly gradNorm: number;
}

function readLines(run: string): Line[] {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const { loss, validationLoss, gradNorm } = JSON.parse(line) as Line;
    return { loss, gradNorm, ...(validationLoss !== undefined && { validationLoss }) };
  });
}

async function trainOverMpi(ranks: number, line: string): Promise<void> {
  const command = ['-n', String(ranks), process.execPath, 'bin/doubletrack.js', ...line.split(' ')];
  const child = spawn('mpiexec.mpich', command, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 1_200_000 });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0, stderr);
}

describe('five steps', async () => {
  const reference = join(folder, 'reference');
  const one = `--set parallel.pipeline=1 --set schedule.name=gpipe --set schedule.microbatches=${SEQUENCES}`;
  const { status, stderr } = await runCommand(`train ${config} --out ${reference} ${one}`);
  assert.equal(status, 0, stderr);
  const expected = readLines(reference);

  for (const { title, pipeline, expert, sets } of ways) {
    const all = [
      `parallel.pipeline=${pipeline}`,
      `parallel.expert=${expert}`,
      `schedule.microbatches=${SEQUENCES / expert}`,
      ...sets,
    ].map((value) => `--set ${value}`);
    const name = title.replaceAll(/[ ,]+/g, '-');
    const line = (run: string) => `train ${config} --out ${join(folder, run)} ${all.join(' ')}`;

    it(`${title}, have the losses of one rank over threads`, async () => {
      const threads = await runCommand(line(`threads-${name}`));
      assert.equal(threads.status, 0, threads.stderr);
      const lines = readLines(join(folder, `threads-${name}`));
      for (const [step, { loss, validationLoss, gradNorm }] of expected.entries()) {
        assertClose(lines[step].loss, loss, 1e-5, `loss of step ${step + 1}`);
        assertClose(lines[step].gradNorm, gradNorm, 1e-4, `norm of step ${step + 1}`);
        assertClose(lines[step].validationLoss ?? 0, validationLoss ?? 0, 1e-5, `validation of step ${step + 1}`);
      }
    });

    it(`${title}, have the same bits over MPI`, { skip: skipMpi }, async () => {
      await trainOverMpi(pipeline * expert, line(`mpi-${name}`));
      const [mpi, threads] = ['mpi', 'threads'].map((transport) => readLines(join(folder, `${transport}-${name}`)));
      assert.deepEqual(mpi, threads);
    });
  }
});

function assertClose(actual: number, wanted: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - wanted) <= tolerance * Math.abs(wanted), `${what}: ${actual} is not ${wanted}`);
}
