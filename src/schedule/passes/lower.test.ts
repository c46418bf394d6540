import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { WorkError } from '../../base/index.js';
import { checkLowered } from '../check-lowered.js';
import { formatCsv, formatLoweredCsv, parseCsv, readCsv } from '../csv.js';
import { generateSchedule } from '../generators/generate.js';
import { lowerSchedule, type TorchRelease, torchReleases } from './lower.js';

/**
 * What PyTorch's own lowering made of schedules (`_PipelineScheduleRuntime._load_csv` and `_dump_csv` of 2.15.0 and 2.14.0): of this program's
 * (`name-ranks-microbatches`), and of PyTorch's with several stages a rank (`name-ranks-microbatches-stages a rank`).
 */
const golden = JSON.parse(gunzipSync(readFileSync('test/fixtures/pytorch-comms.json.gz')).toString()) as readonly ({
  readonly case: string;
  readonly compute: string;
} & Record<TorchRelease, string>)[];

for (const entry of golden) {
  test(`${entry.case} is lowered as PyTorch does, byte for byte, and such a file is read and checks`, () => {
    const source = { name: 'golden', file: 'golden.csv' };
    const schedule = parseCsv(entry.compute, source);
    for (const release of torchReleases) {
      assert.equal(formatLoweredCsv(lowerSchedule(schedule, release)), entry[release]);
      const { lowered } = readCsv(entry[release], source);
      assert.ok(lowered !== undefined);
      assert.deepEqual(checkLowered(lowered), []);
      assert.equal(formatLoweredCsv(lowered), entry[release]);
      assert.deepEqual(lowered.schedule, schedule);
    }
  });
}

test("the golden files are of this program's own orders", () => {
  for (const { case: name, compute } of golden.filter((entry) => entry.case.split('-').length === 3)) {
    const [schedule, ranks, microbatches] = name.split('-');
    const request = { name: schedule as string, ranks: Number(ranks), microbatches: Number(microbatches) };
    assert.equal(formatCsv(generateSchedule(request)), compute);
  }
});

test('a chain of dualpipe sends within itself, and the gradients of all stages are summed', () => {
  const lowered = lowerSchedule(generateSchedule({ name: 'dualpipe', ranks: 2, microbatches: 4 }));
  assert.deepEqual(checkLowered(lowered), []);
  const text = formatLoweredCsv(lowered);
  for (const stage of [0, 1, 2, 3]) assert.equal(text.split(`${stage}REDUCE_GRAD`).length, 2);
  assert.doesNotMatch(text, /1SEND_F|2RECV_F|3SEND_F|0RECV_F/);
});

test('two ranks that end their mirrored stages in different orders sum their gradients at the end, in one order', () => {
  const text = '0F0,3F0,3I0,0I0,0W0,3W0\r\n2F0,1F0,1I0,2I0,1W0,2W0\r\n';
  const schedule = parseCsv(text, { name: 'unlike', file: 'unlike.csv' });
  assert.equal(schedule.pipelines.length, 2);
  for (const release of torchReleases) {
    const lowered = lowerSchedule(schedule, release);
    assert.deepEqual(checkLowered(lowered), []);
    const sums = formatLoweredCsv(lowered).match(/\b\d+REDUCE_GRAD/g);
    assert.deepEqual(sums, ['0REDUCE_GRAD', '3REDUCE_GRAD', '2REDUCE_GRAD', '1REDUCE_GRAD']);
  }
});

test('a schedule that does not end cannot be lowered', () => {
  const schedule = parseCsv('0F0,0B0,0F1,0B1\r\n1F0,1F1,1B0,1B1\r\n', { name: 'stuck', file: 'stuck.csv' });
  assert.throws(() => lowerSchedule(schedule), WorkError);
});
