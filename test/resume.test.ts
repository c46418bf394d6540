import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runCommand } from './run-command.js';
import { tinyModel } from './tiny-model.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-resume-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const config = join(folder, 'tiny.toml');
writeFileSync(
  config,
  `${tinyModel}[data]
sequence_length = 16
[schedule]
microbatches = 4
microbatch_size = 2
[train]
steps = 8
save_every = 4
evaluate_every = 4
`,
);

type Line = Record<string, unknown>;

/** What is the same in every run with the same seed. */
function curve(run: string): Line[] {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const { step, loss, validationLoss, gradNorm, learningRate, balancedness } = JSON.parse(line) as Line;
    return { step, loss, validationLoss, gradNorm, learningRate, balancedness };
  });
}

function weights(run: string, step: number): Buffer {
  return readFileSync(join(run, 'checkpoints', String(step), 'model.safetensors'));
}

describe('a training run', () => {
  const whole = join(folder, 'whole');
  const resumed = join(folder, 'resumed');

  it('leaves config, metrics, trace and checkpoints', async () => {
    const { status, stdout } = await runCommand(`train ${config} --out ${whole} --json`);
    assert.equal(status, 0);
    const summary = JSON.parse(stdout) as { steps: number; run: string };
    assert.equal(summary.steps, 8);
    assert.equal(curve(whole).length, 8);
    const trace = JSON.parse(readFileSync(join(whole, 'trace.json'), 'utf8')) as {
      traceEvents: { ph: string; name: string; pid: number; args: { name?: string } }[];
    };
    const tracks = trace.traceEvents
      .filter(({ name }) => name === 'thread_name')
      .map(({ pid, args }) => `${pid} ${args.name}`);
    assert.deepEqual(tracks, ['0 compute', '0 communication', '1 compute', '1 communication']);
    assert.match(readFileSync(join(whole, 'config.toml'), 'utf8'), /save_every = 4/);
  });

  it('gives the same bits again, and resumed from a checkpoint continues the very same curve', async () => {
    const first = await runCommand(`train ${config} --out ${resumed} --set train.steps=8`);
    assert.equal(first.status, 0);
    assert.deepEqual(curve(resumed), curve(whole));
    assert.deepEqual(weights(resumed, 8), weights(whole, 8));
    rmSync(join(resumed, 'checkpoints', '8'), { recursive: true });
    const second = await runCommand(`train --resume ${resumed}`);
    assert.equal(second.status, 0, second.stderr);
    assert.deepEqual(curve(resumed), curve(whole));
    assert.deepEqual(weights(resumed, 8), weights(whole, 8));
  });

  for (const [pipeline, name] of [
    [1, '1f1b'],
    [2, 'interleaved'],
    [2, 'zb-v'],
    [4, 'zb-h1'],
  ] as const)
    it(`resumed on ${pipeline} ranks with ${name} stays on the curve`, async () => {
      rmSync(join(resumed, 'checkpoints', '8'), { recursive: true });
      const { status, stderr } = await runCommand(
        `train --resume ${resumed} --set parallel.pipeline=${pipeline} --set schedule.name=${name}`,
      );
      assert.equal(status, 0, stderr);
      for (const [index, line] of curve(resumed).entries()) {
        const expected = curve(whole)[index].loss as number;
        assert.ok(
          Math.abs((line.loss as number) - expected) < 1e-5 * expected,
          `step ${line.step}: ${line.loss} is not ${expected}`,
        );
      }
    });
});

/** Layouts with the same global batch as the run above, pipeline x expert, and redundant slots. */
const layouts = [
  ['1 x 2', 2],
  ['2 x 2', 0],
  ['1 x 4', 8],
  ['2 x 1', 0],
  ['1 x 2', 4],
] as const;

describe('a run whose experts are shared by ranks', () => {
  const start = join(folder, 'start');

  for (const [layout, redundant] of layouts) {
    const [pipeline, expert] = layout.split(' x ').map(Number);
    const sets = [
      `parallel.pipeline=${pipeline}`,
      `parallel.expert=${expert}`,
      `schedule.microbatches=${8 / expert}`,
      `schedule.name=${expert === 4 ? '1f1b' : 'dualpipev'}`,
      'schedule.microbatch_size=1',
      `parallel.shard_optimizer=${expert === 2}`,
      `balance.redundant_slots=${redundant}`,
    ].map((value) => `--set ${value}`);

    it(`goes on from the same checkpoint on ${layout} ranks and ${redundant} redundant slots with the same curve`, async () => {
      const run = join(folder, `on ${layout} with ${redundant}`.replaceAll(' ', '-'));
      if (redundant === layouts[0][1]) {
        // Two ranks wrote it, each with its slots and half of the optimizer's moments.
        const first = await runCommand(`train ${config} --out ${start} --steps 4 ${sets.join(' ')}`);
        assert.equal(first.status, 0, first.stderr);
      }
      cpSync(start, run, { recursive: true });
      const { status, stderr } = await runCommand(`train --resume ${run} --steps 8 ${sets.join(' ')}`);
      assert.equal(status, 0, stderr);
      const reference = join(folder, 'on-1-x-2-with-2');
      assert.deepEqual(
        curve(run).map(({ step }) => step),
        [1, 2, 3, 4, 5, 6, 7, 8],
      );
      for (const [index, line] of curve(run).entries()) {
        const expected = curve(reference)[index].loss as number;
        assert.ok(Math.abs((line.loss as number) - expected) < 1e-5 * expected, `step ${line.step}: ${line.loss}`);
      }
      const moments = 'optimizer.safetensors';
      const [own, other] = [run, reference].map((one) => readFileSync(join(one, 'checkpoints', '8', moments)));
      assert.equal(own.length, other.length);
    });
  }
});

describe('a run whose replicas share tokens by the loads of the step before', () => {
  it('resumed from a checkpoint continues the very same curve', async () => {
    const [whole, resumed] = [join(folder, 'shares-whole'), join(folder, 'shares-resumed')];
    const sets = [
      'parallel.pipeline=1',
      'parallel.expert=2',
      'schedule.name=1f1b',
      'balance.redundant_slots=2',
      'balance.shares=optimal',
      // Validation comes between the step that counts and the one that shares: it must leave the counts alone.
      'train.evaluate_every=1',
    ];
    const line = `train ${config} --out ${whole} ${sets.map((value) => `--set ${value}`).join(' ')}`;
    const first = await runCommand(line);
    assert.equal(first.status, 0, first.stderr);
    cpSync(whole, resumed, { recursive: true });
    rmSync(join(resumed, 'checkpoints', '8'), { recursive: true });
    const second = await runCommand(`train --resume ${resumed}`);
    assert.equal(second.status, 0, second.stderr);
    assert.deepEqual(curve(resumed), curve(whole));
    assert.deepEqual(weights(resumed, 8), weights(whole, 8));
  });
});

describe('a run that diverges', () => {
  it('in the first step after a checkpoint ends with exit code 1, the step and the layer, and blames the checkpoint', async () => {
    const run = join(folder, 'diverging');
    assert.equal((await runCommand(`train ${config} --out ${run} --steps 4`)).status, 0);
    const checkpoint = join(run, 'checkpoints', '4');
    const file = join(checkpoint, 'model.safetensors');
    const bytes = readFileSync(file);
    // The last tensor by name is the final norm's weight: its last number becomes larger than a sum can be.
    bytes.writeFloatLE(3e38, bytes.length - 4);
    writeFileSync(file, bytes);
    // As an earlier build wrote it: without checksums that would tell.
    const training = join(checkpoint, 'training.json');
    const { version, step, seed, sequenceLength } = JSON.parse(readFileSync(training, 'utf8')) as Line;
    // And as a checkpoint of another run would be, which only its seed tells.
    writeFileSync(training, JSON.stringify({ version, step, seed: Number(seed) + 1, sequenceLength }));
    const { status, stderr } = await runCommand(`train --resume ${run} --steps 8`);
    assert.equal(status, 1, stderr);
    assert.match(stderr, /^checkpoint 4 is of an earlier build and holds no checksums/m);
    assert.match(
      stderr,
      /doubletrack: training diverged at step 5: the loss is not finite \(head of layer 4, microbatch 0\)/,
    );
    assert.match(stderr, /^checkpoint 4 was trained with seed \d+, and goes on with \d+: the curve is another one$/m);
    assert.match(stderr, /numbers of checkpoint 4 may be at fault/);
    assert.deepEqual(readFileSync(file), bytes);
    assert.equal(curve(run).length, 4);
  });
});

const badCalls: readonly (readonly [string, string, RegExp])[] = [
  ['a config that is missing', 'train missing.toml', /missing\.toml/],
  ['an unknown key', `train ${config} --set optimizer.learning_rat=1`, /did you mean 'learning_rate'|learning_rate/],
  ['an unknown table', `train ${config} --set optimiser.learning_rate=1`, /optimizer/],
  ['a wrong type', `train ${config} --set train.steps=many`, /steps/],
  ['a negative rate', `train ${config} --set optimizer.learning_rate=-1`, /learning_rate/],
  ['zero ranks', `train ${config} --set parallel.pipeline=0`, /pipeline/],
  [
    'too many ranks for the layers',
    `train ${config} --set parallel.pipeline=4 --set schedule.microbatches=8`,
    /layers/,
  ],
  ['too few microbatches', `train ${config} --set schedule.microbatches=2`, /microbatches/],
  ['an odd rank count for DualPipe', `train ${config} --set schedule.name=dualpipe --set parallel.pipeline=3`, /rank/],
  [
    'too many stages a rank for the layers',
    `train ${config} --set schedule.name=interleaved --set schedule.stages_per_rank=3`,
    /has 6 stages, but the model has 4 layers \(.*\): use 6 layers or more, or 1 pipeline rank, or 2 stages a rank$/m,
  ],
  [
    'a number of stages a rank that the schedule does not have',
    `train ${config} --set schedule.name=1f1b --set schedule.stages_per_rank=2`,
    /1f1b has 1 stage a rank/,
  ],
  ['an unknown schedule', `train ${config} --set schedule.name=zigzag`, /zigzag|schedule/],
  ['MPI without mpiexec', `train ${config} --set parallel.transport=mpi`, /mpiexec -n 2/],
  [
    'a number of expert ranks that does not divide the experts',
    `train ${config} --set parallel.expert=3`,
    /divisor of 4/,
  ],
  [
    'slots that the expert ranks cannot share',
    `train ${config} --set parallel.expert=2 --set balance.redundant_slots=3`,
    /2 expert ranks cannot share 7 slots evenly \(.*\): use 2 or 4$/m,
  ],
  [
    'experts that move although they all lie on one rank',
    `train ${config} --set balance.interval=10`,
    /with one expert rank all experts lie together .*: use 0, or expert = 2 or more/m,
  ],
  ['a text that is missing', `train ${config} --set data.text=nowhere.txt`, /nowhere\.txt/],
  ['a folder without a run to resume', `train --resume ${folder}/nothing`, /nothing/],
  ['a config with --resume', `train ${config} --resume ${folder}`, /--resume/],
  ['an unknown flag', 'train --fast', /--fast/],
  ['a sequence that is too long', `train ${config} --set data.sequence_length=100000`, /sequence_length/],
  ['more experts chosen than there are', `train ${config} --set model.num_experts_per_tok=9`, /experts/],
  ['a checkpoint that is missing', `train ${config} --set train.initial_checkpoint=${folder}/none`, /none/],
];

describe('the train command', () => {
  for (const [what, line, message] of badCalls) {
    it(`refuses ${what} in one line with exit code 2`, async () => {
      const { status, stderr, stdout } = await runCommand(line);
      assert.equal(status, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, message);
      assert.match(stderr, /^doubletrack: [^\n]+\n$/);
    });
  }
});
