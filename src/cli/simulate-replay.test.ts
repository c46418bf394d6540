import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCommand } from '../../test/run-command.js';
import { defaultTrainingConfig, formatTrainingConfig } from '../config/index.js';

const compute = (name: string, phase: string, seconds: number) => ({
  name,
  phase,
  lane: 'compute',
  seconds: [seconds, seconds],
});
const exchange = (name: string, phase: string) => ({
  ...compute(name, phase, 0),
  lane: 'communication',
  transferSeconds: [4, 4],
  unpackSeconds: [0, 0],
});

/** Two layers as one stage of a V each, two expert ranks. */
const record = {
  version: 1,
  schedule: { name: 'dualpipev', ranks: 1, microbatches: 2 },
  expert: 2,
  overlap: true,
  transport: 'threads',
  layers: [
    { first: 0, end: 1 },
    { first: 1, end: 2 },
  ],
  steps: 20,
  stepSeconds: 75,
  tailSeconds: 1,
  message: { sendSeconds: 0, transferSeconds: 0, receiveSeconds: 0 },
  parts: [0, 1].map((layer) => ({
    part: 'layer',
    layer,
    forward: [
      compute('attention', 'forward', 2),
      exchange('dispatch', 'forward'),
      compute('experts', 'forward', 3),
      exchange('combine', 'forward'),
    ],
    backward: [
      exchange('combine', 'backwardInput'),
      compute('experts', 'backwardInput', 3),
      compute('experts', 'backwardWeight', 3),
      exchange('dispatch', 'backwardInput'),
      compute('attention', 'backwardInput', 2),
      compute('attention', 'backwardWeight', 2),
    ],
  })),
};

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'replay-'));
  const { model } = defaultTrainingConfig;
  writeFileSync(
    join(folder, 'config.toml'),
    formatTrainingConfig({ ...defaultTrainingConfig, model: { ...model, numHiddenLayers: 2 } }),
  );
  writeFileSync(join(folder, 'step.json'), JSON.stringify(record));
});
after(() => rmSync(folder, { recursive: true }));

const json = async (line: string) => JSON.parse((await runCommand(`simulate --replay ${folder}${line} --json`)).stdout);

test('--replay --json tells what the run measured, what is predicted for it, and the keys of every simulation', async () => {
  const { steps, ...result } = await json(' --steps');
  assert.equal(result.measured, 75);
  assert.equal(result.predicted, result.makespan);
  assert.deepEqual(result.busy, [61, 61]);
  assert.deepEqual(
    result.idle,
    result.busy.map((time: number) => result.makespan - time),
  );
  assert.deepEqual(result.exposedCommunication, result.idle);
  assert.deepEqual(result.peakActivations, [3, 3]);
  assert.equal(steps[1].at(-1).action, 'outside of the schedule');
});

test('without overlap, or with another schedule, the step that is asked for is simulated beside the run', async () => {
  const own = await json('');
  const apart = await json(' --overlap off');
  assert.ok(apart.makespan > own.makespan);
  const gpipe = await json(' gpipe --microbatches 4');
  // Nothing runs beside an exchange but other microbatches' computation, of which there is twice as much.
  assert.deepEqual(gpipe.busy, [121, 121]);
  for (const result of [apart, gpipe]) assert.deepEqual([result.measured, result.predicted], [75, own.makespan]);
});

test('every format shows the prediction', async () => {
  const text = (await runCommand(`simulate --replay ${folder} gpipe --overlap off`)).stdout;
  assert.match(text, /^gpipe: 1 rank, 1 stage, 2 microbatches x 2 expert ranks, threads, overlap off\n/);
  assert.match(text, /the run's step: measured 1 min 15 s \(median of 20 steps\), predicted .* \([+-]\d+\.\d%\)\n/);
  assert.match(text, /\ngpipe: .*: predicted .* \([+-]\d+\.\d% against the run's predicted step\)\n$/);
  const own = (await runCommand(`simulate --replay ${folder}`)).stdout;
  assert.match(own, /rank 1 F0/);
  assert.match(own, /\n1 +1 min 01 s +\d/);
  assert.match(own, /\nmakespan 1 min \d\d s, bubble/);
  assert.match(own, /\n1 min \d\d s from left to right\n/);
  assert.doesNotMatch(own, /against the run's/);
  assert.match(
    (await runCommand(`simulate --replay ${folder} --format svg`)).stdout,
    /^<svg .*[\s\S]*dispatch forward L0/,
  );
  const trace = JSON.parse((await runCommand(`simulate --replay ${folder} --format trace`)).stdout);
  assert.equal(trace.traceEvents.filter(({ name }: { name: string }) => name.startsWith('dispatch forward')).length, 8);
});

test('the times of an emulated link are labelled as such', async () => {
  const file = join(folder, 'step.json');
  writeFileSync(file, JSON.stringify({ ...record, emulatedBytesPerSecond: 12.5e6 }));
  try {
    const { stdout } = await runCommand(`simulate --replay ${folder}`);
    assert.match(stdout, /\nemulated link of 12\.5 MB\/s: the times are of that link\n$/);
    assert.equal((await json('')).emulatedBytesPerSecond, 12.5e6);
  } finally {
    writeFileSync(file, JSON.stringify(record));
  }
});

test('bad calls are refused in one line', async () => {
  const replay = `simulate --replay ${folder}`;
  const calls: [string, RegExp][] = [
    [`${replay} --ranks 2`, /--ranks and --replay are given together: the run says that; leave it out/],
    [`${replay} --backward-input 2`, /--backward-input and --replay are given together/],
    [`${replay} --from x.csv`, /--from and --replay/],
    [`${replay} --costs x.json`, /--costs and --replay/],
    [`${replay} --overlap maybe`, /Allowed choices are on, off/],
    [`${replay} dualpipe`, /dualpipe needs a number of ranks that divides by 2/],
    [`${replay} interleaved --stages-per-rank 3`, /interleaved on 1 rank has 3 stages, but the model has 2 layers/],
    [`${replay} zb-v --stages-per-rank 3`, /zb-v has 2 stages a rank/],
    [`${replay} 2f2b`, /no schedule "2f2b"/],
    ['simulate gpipe --ranks 1 --microbatches 1 --overlap on', /--overlap needs --replay/],
    ['simulate --replay none', /no such file or folder \(none.step\.json\)/],
  ];
  for (const [line, message] of calls) {
    const { status, stdout, stderr } = await runCommand(line);
    assert.match(stderr, /^doubletrack: [^\n]*\n$/, line);
    assert.match(stderr, message, line);
    assert.deepEqual([status, stdout], [2, ''], line);
  }
});
