import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { InputError } from '../base/index.js';
import { checkSchedule } from './check.js';
import { checkLowered } from './check-lowered.js';
import { formatCsv, formatLoweredCsv, mostCsvCharacters, parseCsv, readCsv } from './csv.js';
import { generateSchedule, scheduleNames } from './generators/generate.js';
import { lowerSchedule, torchReleases } from './passes/lower.js';

const source = { name: 'file', file: 'file.csv' };

test("PyTorch's file is read as the schedule that it is, and written back byte for byte", () => {
  const text = readFileSync('test/fixtures/pytorch_dualpipev_4rank_10mb.csv', 'utf8');
  const schedule = parseCsv(text, { ...source, name: 'dualpipev' });
  assert.deepEqual(schedule, generateSchedule({ name: 'dualpipev', ranks: 4, microbatches: 10 }));
  assert.equal(formatCsv(schedule), text);
});

test('every generated schedule survives being written and read, two chains of stages too', () => {
  for (const name of scheduleNames) {
    for (const [ranks, microbatches] of [
      [2, 4],
      [2, 6],
      [4, 8],
      [8, 20],
    ] as const) {
      const schedule = generateSchedule({ name, ranks, microbatches });
      assert.deepEqual(parseCsv(formatCsv(schedule), { ...source, name }), schedule);
      for (const release of torchReleases) {
        const text = formatLoweredCsv(lowerSchedule(schedule, release));
        const { schedule: computation, lowered } = readCsv(text, { ...source, name });
        assert.ok(lowered !== undefined);
        assert.deepEqual(computation, schedule);
        assert.deepEqual(checkLowered(lowered), []);
        assert.equal(formatLoweredCsv(lowered), text);
      }
    }
  }
});

test('empty cells are idle time, and lines may end without a carriage return', () => {
  const schedule = parseCsv('0F0,,,0B0\n,1F0,1B0,', source);
  assert.equal(formatCsv(schedule), '0F0,0B0\r\n1F0,1B0\r\n');
});

test('files that are not compute-only schedules are refused with file, row and cell', () => {
  const refusals: [string, RegExp][] = [
    ['', /empty.*file\.csv, row 1/],
    ['0F0,0B0\r\n\r\n1F0,1B0\r\n', /empty.*row 2/],
    ['0F0,0x0\r\n', /"0x0" is not an action \(file\.csv, row 1, cell 2\)/],
    ['0F0,0BW0\r\n', /2\.5 and older/],
    ['0F0,0BW0,0UNSHARD\r\n', /2\.5 and older/],
    ['0UNSHARD,0F0,,0B0\r\n', /the cell is empty \(file\.csv, row 1, cell 3\): .*no idle steps/],
    ['0F0,,0B0\r\n1F0,1B0,1SEND_B0\r\n', /the cell is empty \(file\.csv, row 1, cell 2\)/],
    ['0F0,0B0,0SEND_F\r\n', /"0SEND_F" is not an action/],
    ['0F0,0B0,0SEND_F0 \r\n', /"0SEND_F0 " is not an action/],
    ['0UNSHARD\r\n', /no rank runs stage 0/],
    ['\n'.repeat(9), /the row is empty/],
    ['0F0,0B0\r\n2F0,2B0\r\n', /no rank runs stage 1 \(file\.csv\)/],
    [',,\r\n', /no rank runs stage 0/],
    ['0F999999999,0B0', /1 stages x 1000000000 microbatches/],
    ['0F0\r\n'.repeat(5000), /more than 4096 rows/],
    ['x'.repeat(200), /"x{57}\.\.\."/],
  ];
  for (const [text, message] of refusals) {
    assert.throws(
      () => parseCsv(text, source),
      (error: unknown) => error instanceof InputError && message.test(error.message),
      text.slice(0, 40),
    );
  }
});

test('a file that cannot run is read all the same, for the checker to tell why', () => {
  const schedule = parseCsv('0F0,0B0,1F0,1B0\r\n', source);
  assert.deepEqual(
    checkSchedule(schedule).map(({ code }) => code),
    ['deadlock'],
  );
});

test('a file is refused by its size before it fills the memory', () => {
  const refuses = (text: string, message: RegExp) =>
    assert.throws(
      () => readCsv(text, source),
      (error: unknown) => error instanceof InputError && message.test(error.message),
    );
  refuses('0F0,'.repeat(7_000_000), /more than 6291456 actions of computation \(file\.csv, row 1\)/);
  refuses(','.repeat(mostCsvCharacters), /no rank runs stage 0/);
  refuses('0'.repeat(mostCsvCharacters + 1), /longer than 268435456 characters/);
  refuses('0F0,0B0,0F999999999', /1 stages x 1000000000 microbatches/);
});
