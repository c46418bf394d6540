import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { runCommand } from '../../test/run-command.js';

const trace = 'test/fixtures/deepseek-v3-train-h800.json.gz';
const json = async (flags = '') => JSON.parse((await runCommand(`simulate --trace ${trace} --json${flags}`)).stdout);
const isNear = (actual: number, expected: number, share: number) => Math.abs(actual - expected) <= share * expected;

test("DeepSeek's chunk is predicted within 3% of its 129 ms from its operations' durations, both ways of taking them", async () => {
  const { chunk, lanes, operations, orderDifferences, ...more } = await json();
  assert.equal(chunk.measured, 129.012);
  assert.ok(isNear(chunk.predicted, chunk.measured, 0.03), `${chunk.predicted}`);
  assert.ok(isNear(chunk.fromBusy.predicted, chunk.measured, 0.03), `${chunk.fromBusy.predicted}`);
  assert.ok(chunk.predicted >= Math.max(lanes.compute, lanes.communication));
  assert.equal(chunk.withoutOverlap, Number((lanes.compute + lanes.communication).toFixed(6)));
  assert.ok(chunk.withoutOverlapAllSms < chunk.withoutOverlap);
  assert.deepEqual(orderDifferences, []);
  assert.equal(operations.length, 40);
  const sum = (lane: 'compute' | 'communication') =>
    operations.reduce(
      (total: number, one: { lane: string; duration: number }) => total + (one.lane === lane ? one.duration : 0),
      0,
    );
  assert.ok(isNear(sum('compute'), lanes.compute, 1e-7));
  assert.ok(isNear(sum('communication'), lanes.communication, 1e-7));
  assert.deepEqual(more.sms, { total: 132, communication: 20 });
  assert.equal(more.whatIf, undefined);
});

test('with communication twice as long the chunk is bound by it', async () => {
  const { whatIf, lanes } = await json(' --slower-communication 2');
  assert.ok(isNear(whatIf.communication, 2 * lanes.communication, 1e-7));
  assert.ok(isNear(whatIf.predicted, whatIf.communication, 0.01));
  assert.ok(isNear(whatIf.predicted, whatIf.compute + whatIf.exposedCommunication, 1e-7));
});

test('SMs go from one lane to the other', async () => {
  const { whatIf, lanes } = await json(' --communication-sms 26');
  assert.ok(isNear(whatIf.compute, (lanes.compute * 112) / 106, 1e-7));
  assert.ok(isNear(whatIf.communication, lanes.communication, 1e-7));
});

test('the curve of splits has its best near the 20 of 132 SMs that DeepSeek chose', async () => {
  const { split, chunk } = await json(' --sms-curve');
  assert.ok(split.best.communicationSms >= 18 && split.best.communicationSms <= 22);
  assert.equal(split.curve.length, 131);
  assert.equal(split.curve[19].time, chunk.predicted);
  const { split: fuller } = await json(' --sms-curve --saturation-sms 64');
  assert.ok(fuller.best.communicationSms >= 18 && fuller.best.communicationSms <= 22);
  const { split: sooner } = await json(' --sms-curve --saturation-sms 10');
  assert.equal(sooner.best.communicationSms, 10);
});

test('every format is written: text with both lanes as measured and predicted, pictures, a trace', async () => {
  const { stdout } = await runCommand(`simulate --trace ${trace} --sms-curve --slower-communication 2`);
  assert.match(stdout, /measured\ncompute .*\|.*\ncommunication .*\npredicted, with what was asked for\ncompute /);
  assert.match(stdout, /measured 129\.012 ms; predicted 1\d\d\.\d{3} ms \([-+]\d\.\d%\)/);
  assert.match(stdout, / best\n/);
  const svg = await runCommand(`simulate --trace ${trace} --format svg`);
  assert.match(svg.stdout, /^<svg [\s\S]*predicted[\s\S]*<\/svg>\n$/);
  const curve = await runCommand(`simulate --trace ${trace} --format svg --sms-curve`);
  assert.match(curve.stdout, /SMs for communication, of 132/);
  const events = JSON.parse((await runCommand(`simulate --trace ${trace} --format trace`)).stdout).traceEvents;
  assert.equal(events.filter(({ ph }: { ph: string }) => ph === 'X').length, 40);
});

test('the example in --help runs as printed', async () => {
  const { stdout } = await runCommand('simulate --help');
  const example = /^ {2}doubletrack (simulate --trace .*)$/m.exec(stdout)?.[1];
  assert.ok(example !== undefined);
  assert.equal((await runCommand(example)).status, 0);
});

const refused: [string, RegExp][] = [
  ['--slower-communication 2', /--slower-communication needs --trace/],
  ['--sms-curve dualpipev --ranks 4 --microbatches 8', /--sms-curve needs --trace/],
  [`dualpipev --trace ${trace}`, /the name dualpipev and --trace/],
  [`--trace ${trace} --forward 1`, /--forward and --trace/],
  [`--trace ${trace} --microbatches 8`, /--microbatches and --trace/],
  [`--trace ${trace} --communication-sms 132`, /132 communication SMs/],
  [`--trace ${trace} --communication-sms 0`, /'0' is no whole number/],
  [`--trace ${trace} --slower-communication NaN`, /'NaN' is no number/],
  ['--trace no-such-file.json', /no such file/],
  ['--trace package.json', /no profiler trace/],
];
for (const [line, message] of refused) {
  test(`simulate ${line.replace(trace, 'TRACE')} is refused in one line`, async () => {
    const { status, stderr, stdout } = await runCommand(`simulate ${line}`);
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split('\n').length, 1);
  });
}

test('a trace of a schedule is answered with what it is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trace-'));
  try {
    for (const command of ['schedule', 'simulate']) {
      const file = join(folder, `${command}.json`);
      await runCommand(`${command} 1f1b --ranks 2 --microbatches 2 --format trace --out ${file}`);
      const { status, stderr } = await runCommand(`simulate --trace ${file}`);
      assert.equal(status, 2);
      assert.match(stderr, /^doubletrack: it is a timeline that doubletrack wrote[^\n]*Perfetto[^\n]*\n$/);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a trace that does not tell its SMs is replayed, but has no curve of splits', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trace-'));
  try {
    const file = join(folder, 'trace.json');
    const whole = JSON.parse(gunzipSync(readFileSync(trace)).toString('utf8'));
    writeFileSync(file, JSON.stringify({ traceEvents: whole.traceEvents }));
    const { stdout } = await runCommand(`simulate --trace ${file} --json`);
    assert.equal(JSON.parse(stdout).chunk.withoutOverlapAllSms, null);
    assert.match((await runCommand(`simulate --trace ${file}`)).stdout, /if computation keeps the SMs that it has\n/);
    const { status, stderr } = await runCommand(`simulate --trace ${file} --sms-curve`);
    assert.equal(status, 2);
    assert.match(stderr, /how many SMs communicate/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
