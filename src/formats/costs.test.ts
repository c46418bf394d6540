import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InputError } from '../base/index.js';
import { readCosts } from './costs.js';

const folder = mkdtempSync(join(tmpdir(), 'costs-'));
const file = join(folder, 'costs.json');
after(() => rmSync(folder, { recursive: true }));

function read(costs: unknown) {
  writeFileSync(file, typeof costs === 'string' ? costs : JSON.stringify(costs));
  return readCosts(file);
}

const segment = { name: 'experts', phase: 'forward', layer: 0, lane: 'compute', time: 1 };
const chunk = { forward: [segment], backward: [{ ...segment, phase: 'backwardInput' }] };

test('what a file gives is read as it stands, and nothing else is there', () => {
  for (const costs of [
    {},
    { forward: 1, backwardInput: [1, 2], backwardWeight: 0, overlapped: [2, 3], p2p: 0.5 },
    {
      overlapped: [
        [null, 2],
        [3, null],
      ],
    },
    { message: { latency: 0, bandwidth: 2, size: 5 }, segments: chunk, contention: 0.2 },
    { segments: [chunk, chunk], memory: { parameters: [1, 2], optimizer: 5 } },
  ]) {
    assert.deepEqual(read(costs), costs);
  }
});

test('what cannot be is refused with file and key, in one line', () => {
  const bad: [unknown, RegExp][] = [
    [[], /^it is a list of 0 /],
    ['{"__proto__": 1}', /no cost "__proto__"/],
    ['{"forward": NaN}', /no valid JSON/],
    ['{"forward": 1e999}', /forward is Infinity.*use a number from 0/],
    [{ forward: -1 }, /forward is -1 \(.*costs\.json, forward\)/],
    [{ forward: [1, '2'] }, /costs\.json, forward\.1/],
    [{ forward: [] }, /a list of 1 to/],
    [{ backwardWeight: 1e13 }, /use a number from 0 to 1000000000000/],
    [{ overlapped: [[1], 2] }, /overlapped\.1/],
    [{ overlapped: [[true]] }, /overlapped\.0\.0/],
    [{ p2p: [1] }, /p2p is a list of 1/],
    [{ p2p: 1, message: { latency: 0, bandwidth: 1, size: 1 } }, /p2p and message are given together/],
    [{ message: { latency: 0, bandwidth: 0, size: 1 } }, /bandwidth is 0.*above 0/],
    [{ message: { latency: 0, bandwidth: 1 } }, /size is missing/],
    [{ message: { latency: 0, bandwidth: 1, size: 1, unit: 'MB' } }, /no cost "unit" \(.*, message\)/],
    [{ contention: 0.5 }, /contention needs segments/],
    [{ segments: chunk, contention: 2 }, /contention is 2.*from 0 to 1/],
    [{ segments: chunk, forward: 1 }, /forward and segments are given together/],
    [{ segments: chunk, overlapped: 1 }, /overlapped and segments/],
    [{ segments: { forward: [segment] } }, /segments\.backward/],
    [
      { segments: { ...chunk, backward: [segment] } },
      /segments\.backward\.0\.phase\).*backwardInput or backwardWeight/,
    ],
    [{ segments: { ...chunk, forward: [{ ...segment, lane: 'gpu' }] } }, /compute or communication/],
    [{ segments: { ...chunk, forward: [{ ...segment, time: -1 }] } }, /forward\.0\.time/],
    [{ segments: { ...chunk, forward: [{ ...segment, layer: 0.5 }] } }, /layer is 0\.5/],
    [{ segments: { ...chunk, forward: [{ ...segment, name: 'a\nb' }] } }, /name is "a\\nb"/],
    [{ segments: { ...chunk, forward: Array(2049).fill(segment) } }, /a list of 2049/],
    [{ memory: { parameters: 'all' } }, /memory\.parameters/],
    [{ memory: { weights: 1 } }, /no cost "weights".*use parameters/],
    ['['.repeat(200), /nested deeper/],
  ];
  for (const [costs, message] of bad) {
    assert.throws(
      () => read(costs),
      (error: unknown) => {
        assert.ok(error instanceof InputError, String(error));
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      },
      JSON.stringify(costs).slice(0, 80),
    );
  }
});
