import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCommand } from '../../test/run-command.js';

const golden = 'test/fixtures/pytorch_dualpipev_4rank_10mb.csv';
const small = 'simulate gpipe --ranks 2 --microbatches 1';
let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'simulate-'));
});
after(() => rmSync(folder, { recursive: true }));

function writeCosts(costs: unknown): string {
  const file = join(folder, 'costs.json');
  writeFileSync(file, typeof costs === 'string' ? costs : JSON.stringify(costs));
  return file;
}

test('--json has the keys of the contract, for a name and for a file', async () => {
  const expected = {
    makespan: 66,
    busy: [60, 60, 60, 60],
    idle: [6, 6, 6, 6],
    bubble: 0.0909090909091,
    peakActivations: [9, 9, 9, 9],
    exposedCommunication: [0, 0, 0, 0],
    idleByCause: {
      warmUp: [0, 1, 2, 3],
      waiting: [6, 5, 4, 3],
      exposedCommunication: [0, 0, 0, 0],
      coolDown: [0, 0, 0, 0],
    },
  };
  assert.deepEqual(
    JSON.parse((await runCommand('simulate dualpipev --ranks 4 --microbatches 10 --json')).stdout),
    expected,
  );
  assert.deepEqual(JSON.parse((await runCommand(`simulate --from ${golden} --json`)).stdout), expected);
});

test('times come from the flags', async () => {
  const times = '--forward 1 --backward-input 1.5 --backward-weight 0.5 --overlapped 2.4';
  const { makespan, idle } = JSON.parse((await runCommand(`simulate --from ${golden} ${times} --json`)).stdout);
  assert.deepEqual({ makespan, idle }, { makespan: 61.1, idle: [6.5, 7.1, 7.7, 7.7] });
});

test('--steps lists actions and messages with their times and lanes', async () => {
  const { steps } = JSON.parse((await runCommand(`${small} --p2p 0.5 --json --steps`)).stdout);
  assert.deepEqual(steps, [
    [
      { action: '0F0', start: 0, end: 1, lane: 'compute' },
      { action: '0SEND_F0', start: 1, end: 1.5, lane: 'communication' },
      { action: '0B0', start: 5, end: 7, lane: 'compute' },
    ],
    [
      { action: '1F0', start: 1.5, end: 2.5, lane: 'compute' },
      { action: '1B0', start: 2.5, end: 4.5, lane: 'compute' },
      { action: '1SEND_B0', start: 4.5, end: 5, lane: 'communication' },
    ],
  ]);
});

test('times come from a file, one a stage too, and flags go first', async () => {
  const file = writeCosts({ forward: [1, 2], backwardInput: 3, p2p: 1 });
  const makespan = async (flags: string) =>
    JSON.parse((await runCommand(`${small} --costs ${file} --json${flags}`)).stdout).makespan;
  assert.equal(await makespan(''), 1 + 1 + 2 + 4 + 1 + 4);
  assert.equal(await makespan(' --p2p 0'), 11);
  assert.equal(await makespan(' --forward 5'), 20);
});

test('a message takes latency and size over bandwidth, from flags, from a file, or from both', async () => {
  const makespan = async (flags: string) =>
    JSON.parse((await runCommand(`${small} --json ${flags}`)).stdout).makespan as number;
  const file = writeCosts({ message: { latency: 1, bandwidth: 4, size: 2 } });
  assert.equal(await makespan('--p2p-bandwidth 4 --message-size 2'), 7);
  assert.equal(await makespan('--p2p-latency 1 --p2p-bandwidth 4 --message-size 2'), 9);
  assert.equal(await makespan(`--costs ${file}`), 9);
  assert.equal(await makespan(`--costs ${file} --message-size 4`), 10);
  assert.equal(await makespan(`--costs ${file} --p2p 0.5`), 7);
});

test('the example of a costs file gives memory, over time too, and idle time by its causes', async () => {
  const line = 'simulate dualpipev --ranks 4 --microbatches 16 --costs examples/costs.json';
  const { memory, idle, idleByCause, steps } = JSON.parse((await runCommand(`${line} --json --steps`)).stdout);
  assert.equal(
    memory.curves[2].length,
    1 + 2 * steps[2].filter(({ lane }: { lane: string }) => lane === 'compute').length,
  );
  const peak = Math.max(...memory.curves[2].map(({ amount }: { amount: number }) => amount));
  assert.ok(Math.abs(peak - memory.peak[2]) < 1e-9);
  const parts = Object.values(memory.byPart as Record<string, number[]>);
  assert.ok(Math.abs(parts.reduce((sum, values) => sum + values[0]!, 0) - memory.peak[0]) < 1e-9);
  const causes = Object.values(idleByCause as Record<string, number[]>);
  assert.ok(Math.abs(causes.reduce((sum, values) => sum + values[0]!, 0) - idle[0]) < 1e-9);
  const { stdout } = await runCommand(line);
  assert.match(stdout, /= warm-up {2}\+ waiting for a peer {2}\+ exposed communication {2}\+ cool-down/);
  assert.match(
    stdout,
    /rank {2}peak memory {2}= parameters {2}\+ gradients {2}\+ optimizer {2}\+ activations\n0 +32\.6/,
  );
});

test('without --json a table and a picture are for a person', async () => {
  const { stdout } = await runCommand(small);
  assert.match(stdout, /^gpipe: 2 ranks, 2 stages, 1 microbatch\n\nrank 0 F0······B0 {2}\nrank 1 ··F0B0 {2}····\n/);
  assert.match(stdout, /rank {2}busy {2}idle {2}= warm-up .* \+ cool-down {2}peak activations\n0 {8}3 {5}3 /);
  assert.match(stdout, /makespan 6, bubble 50\.00%\n$/);
  assert.match((await runCommand(`${small} --format svg`)).stdout, /bubble 50\.00%/);
  assert.equal(JSON.parse((await runCommand(`${small} --format trace`)).stdout).traceEvents.at(-1).name, '1B0');
});

test('bad calls are refused in one line that says how to mend them', async () => {
  const calls: [string, RegExp][] = [
    [`${small} --forward -1`, /"-1" is not a time \(--forward\)/],
    [`${small} --p2p NaN`, /"NaN" is not a time/],
    [`${small} --overlapped Infinity`, /"Infinity" is not a time/],
    [`${small} --overlapped 1.9`, /cannot take 1\.9: the longer .* takes 2 alone \(--overlapped\): use 2 or more/],
    [`${small} --overlapped 2 --forward 3`, /takes 3 alone \(--overlapped\): use 3 or more/],
    [`${small} --overlapped 0.29 --forward 0 --backward-input 0.1 --backward-weight 0.2`, /use 0\.3 or more/],
    [`${small} --backward-weight 1e30`, /is not a time \(--backward-weight\)/],
    [`${small} --forward=`, /"" is not a time/],
    [`${small} --format csv`, /Allowed choices/],
    [`${small} --steps`, /--steps needs JSON/],
    [`${small} --p2p 1 --p2p-latency 1`, /--p2p and --p2p-latency are given together/],
    [`${small} --p2p-latency 1`, /--p2p-bandwidth is missing/],
    [`${small} --p2p-bandwidth 1`, /--message-size is missing/],
    [`${small} --p2p-bandwidth 0 --message-size 1`, /--p2p-bandwidth/],
    [`${small} --forward 1 --costs examples/costs.json`, /--forward is given, and segments/],
    ['simulate --replay x --message-size 1', /--message-size and --replay are given together/],
    [`${small} --costs none.json`, /no such file or folder \(none\.json\)/],
    ['simulate --ranks 2 --microbatches 2', /no schedule is named/],
  ];
  const files: [unknown, RegExp][] = [
    ['{', /no valid JSON/],
    [[1], /use a table/],
    [{ forwards: 1 }, /no cost "forwards".*use forward, backwardInput/],
    [{ forward: '1' }, /forward is "1".*use a number from 0/],
    [{ p2p: [1, 1] }, /p2p is a list of 2.*use a number/],
    [{ forward: [1, 2, 3] }, /3 values for 2 stages/],
    [{ backwardInput: -1 }, /backwardInput is -1/],
    [{ backwardInput: [1, 4], overlapped: 4 }, /takes 5 alone \(.*json\): use 5 or more/],
    ['{"__proto__": 1}', /no cost "__proto__"/],
  ];
  const refuse = async (line: string, message: RegExp) => {
    const { status, stdout, stderr } = await runCommand(line);
    assert.match(stderr, /^doubletrack: [^\n]*\n$/, line);
    assert.match(stderr, message, line);
    assert.deepEqual([status, stdout], [2, ''], line);
  };
  for (const [line, message] of calls) await refuse(line, message);
  for (const [costs, message] of files) await refuse(`${small} --costs ${writeCosts(costs)}`, message);
});

test('the least value that a refused --overlapped names works', async () => {
  const times = '--forward 0 --backward-input 0.1 --backward-weight 0.2 --overlapped 0.3';
  assert.equal((await runCommand(`${small} ${times}`)).status, 0);
});

test('a file that deadlocks is a failure of the work that names rank, position and action', async () => {
  const file = join(folder, 'deadlock.csv');
  writeFileSync(file, '0F0,0B0\r\n1B0,1F0\r\n');
  const { status, stderr } = await runCommand(`simulate --from ${file}`);
  assert.equal(status, 1);
  assert.match(stderr, /rank 1, position 0: 1B0 runs before 1F0/);
});
