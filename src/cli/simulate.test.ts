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

test('without --json a table and a picture are for a person', async () => {
  const { stdout } = await runCommand(small);
  assert.match(stdout, /^gpipe: 2 ranks, 2 stages, 1 microbatch\n\nrank 0 F0······B0 {2}\nrank 1 ··F0B0 {2}····\n/);
  assert.match(stdout, /rank {2}busy {2}idle {2}exposed communication {2}peak activations\n0 {8}3 {5}3 /);
  assert.match(stdout, /makespan 6, bubble 50\.00%\n$/);
  assert.match((await runCommand(`${small} --format svg`)).stdout, /bubble 50\.00%/);
  assert.equal(JSON.parse((await runCommand(`${small} --format trace`)).stdout).traceEvents.at(-1).name, '1B0');
});

test('bad calls are refused in one line that says how to mend them', async () => {
  const calls: [string, RegExp][] = [
    [`${small} --forward -1`, /"-1" is not a time \(--forward\)/],
    [`${small} --p2p NaN`, /"NaN" is not a time/],
    [`${small} --overlapped Infinity`, /"Infinity" is not a time/],
    [`${small} --backward-weight 1e30`, /is not a time \(--backward-weight\)/],
    [`${small} --forward=`, /"" is not a time/],
    [`${small} --format csv`, /Allowed choices/],
    [`${small} --steps`, /--steps needs JSON/],
    [`${small} --costs none.json`, /no such file or folder \(none\.json\)/],
    ['simulate --ranks 2 --microbatches 2', /no schedule is named/],
  ];
  const files: [unknown, RegExp][] = [
    ['{', /not JSON/],
    [[1], /not an object/],
    [{ forwards: 1 }, /no cost "forwards".*use forward, backwardInput/],
    [{ forward: '1' }, /forward is no time/],
    [{ p2p: [1, 1] }, /p2p is no time.*use a number$/m],
    [{ forward: [1, 2, 3] }, /3 values for 2 stages/],
    [{ backwardInput: -1 }, /backwardInput cannot be -1/],
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

test('a file that deadlocks is a failure of the work that names rank, position and action', async () => {
  const file = join(folder, 'deadlock.csv');
  writeFileSync(file, '0F0,0B0\r\n1B0,1F0\r\n');
  const { status, stderr } = await runCommand(`simulate --from ${file}`);
  assert.equal(status, 1);
  assert.match(stderr, /rank 1, position 0: 1B0 runs before 1F0/);
});
