import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { InputError } from '../base/index.js';
import { scheduleNames } from '../config/index.js';
import { checkSchedule } from './check.js';
import { checkLowered } from './check-lowered.js';
import { formatCsv, formatLoweredCsv, mostCsvCharacters, parseCsv, readCsv } from './csv.js';
import { generateSchedule } from './generators/generate.js';
import { countIssues } from './issues.js';
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
    ['0F0,0B0,0SEND_F_RECV_B0\r\n', /SEND_F_RECV_B is from PyTorch 2\.5 and older/],
    ['0F0,0B0,0SEND_F\r\n', /"0SEND_F" is not an action/],
    ['0F0,0B0,0SEND_F0 1\r\n', /"0SEND_F0 1" is not an action \(file\.csv, row 1, cell 3\)/],
    ['0F0 0B0\r\n', /is not an action \(file\.csv, row 1, cell 1\)/],
    ['0F0,"0B0\r\n', /a quote has no end \(file\.csv, row 1\)/],
    ['0UNSHARD\r\n', /no rank runs stage 0/],
    ['\n'.repeat(9), /the row is empty/],
    ['0F0,0B0\r\n2F0,2B0\r\n', /no rank runs stage 1 \(file\.csv\)/],
    [',,\r\n', /the row is empty \(file\.csv, row 1\)/],
    ['0F0,0B0\r\n,,\r\n1F0,1B0\r\n', /the row is empty \(file\.csv, row 2\)/],
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
  refuses(','.repeat(mostCsvCharacters), /the row is empty/);
  refuses('\n'.repeat(5000), /more than 4096 rows/);
  refuses('0'.repeat(mostCsvCharacters + 1), /longer than 268435456 characters/);
  refuses('0F0,0B0,0F999999999', /1 stages x 1000000000 microbatches/);
});

test('spaces, quotes, line ends and empty cells are as Python and spreadsheets write them', () => {
  const plain = '0F0,0F1,0B0,0B1\r\n1F0,1B0,1F1,1B1\r\n';
  const variants = [
    '0F0, 0F1, 0B0, 0B1\n1F0, 1B0, 1F1, 1B1\n',
    ' 0 F 0 ,\t0F1,0B0 ,0B1\t\n1F0,1B0,1F1,1B1  \n',
    '"0F0","0F1","0B0","0B1"\n"1F0","1B0","1F1","1B1"\n',
    '"0F0", "0F1" ,"",0B0,"0B1"\n"","1F0","1B0","1F1","1B1"',
    '"0F0,0F1,0B0,0B1"\r\n"1F0,1B0,1F1,1B1"\r\n',
    '"""0F0"",""0F1"",""0B0"",""0B1"""\r\n"""1F0"",""1B0"",""1F1"",""1B1"""\r\n',
    '\uFEFF0F0,0F1,0B0,0B1\r\n1F0,1B0,1F1,1B1\r\n',
    '\uFEFF"0F0","0F1","0B0","0B1"\r1F0,1B0,1F1,1B1\r',
    '0F0,0F1,,0B0,0B1,,\r\n,1F0,1B0,1F1,1B1,\r\n,,,,,\r\n\r\n',
    '00F00,0F01,0B00,0B01\n01F0,1B0,1F1,1B1',
  ];
  for (const text of variants) assert.equal(formatCsv(parseCsv(text, source)), plain, JSON.stringify(text));
  const pair = '(0F0;1B0)OVERLAP_F_B';
  for (const text of ['( 0F0 ; 1B0 ) OVERLAP_F_B', '"(0F0;1B0)OVERLAP_F_B"', ' (0F0;1B0)OVERLAP_F_B'])
    assert.equal(formatCsv(parseCsv(text, source)), `${pair}\r\n`);
});

test('a file with communication is read in the same dialects', () => {
  const lowered = lowerSchedule(generateSchedule({ name: 'zb-v', ranks: 2, microbatches: 4 }));
  const text = formatLoweredCsv(lowered);
  for (const variant of [
    text.replaceAll(',', ', '),
    text.replaceAll(/[^,\r\n]+/g, '"$&"'),
    text.replaceAll('\r\n', ',,\n'),
    text.replaceAll(/(.+)\r\n/g, '"$1"\r\n'),
  ]) {
    const read = readCsv(variant, source);
    assert.ok(read.lowered !== undefined);
    assert.equal(formatLoweredCsv(read.lowered), text);
  }
});

test('files of PyTorch 2.6 to 2.9, which leave parameters gathered at the end, check and are told in a note', () => {
  for (const name of ['1f1b', 'interleaved', 'zb-h1', 'zb-v', 'dualpipev'] as const) {
    const schedule = generateSchedule({ name, ranks: 4, microbatches: 8 });
    // These releases add neither the last RESHARD of a stage nor sums of gradients.
    const text = formatLoweredCsv(lowerSchedule(schedule, '2.14'))
      .replaceAll(/,\d+REDUCE_GRAD/g, '')
      .replaceAll(/(,\d+RESHARD)+(?=\r)/g, '');
    const { schedule: computation, lowered, notes } = readCsv(text, { ...source, name });
    assert.ok(lowered !== undefined);
    assert.deepEqual(checkLowered(lowered), []);
    assert.deepEqual(computation, schedule);
    assert.match(notes.join('\n'), /^file\.csv leaves parameters gathered at the end, as PyTorch 2\.6 to 2\.9 do$/);
  }
});

test('a file without messages is computation, whatever else PyTorch added to it', () => {
  const computation = '0F0,0F1,0B0,0B1\r\n1F0,1F1,1B0,1B1\r\n';
  const files: [string, RegExp][] = [
    ['0F0,0F1,0B0,0B1,0REDUCE_GRAD\r\n1F0,1F1,1B0,1B1,1REDUCE_GRAD\r\n', /REDUCE_GRAD but no messages/],
    ['0UNSHARD,0F0,0F1,,0B0,0B1\r\n1UNSHARD,1F0,1F1,1B0,1B1,1RESHARD\r\n', /UNSHARD, RESHARD but no messages/],
  ];
  for (const [text, note] of files) {
    const { schedule, lowered, notes } = readCsv(text, source);
    assert.equal(lowered, undefined);
    assert.equal(formatCsv(schedule), computation);
    assert.match(notes.join('\n'), note);
  }
  assert.deepEqual(readCsv(computation, source).notes, []);
  assert.ok(readCsv('0UNSHARD,0F0,0B0,0REDUCE_GRAD,0RESHARD', source).lowered !== undefined);
});

test("the last rank of PyTorch's own 1F1B, whose forwards count from 1, is read from 0 with a note", () => {
  const order = ['0F0,,,0F1,0B0,0F2,0B1,,0B2,0REDUCE_GRAD', ',1F1,1B0,1F2,1B1,1F3,1B2,1REDUCE_GRAD', ''];
  const { schedule, notes } = readCsv(order.join('\r\n'), { ...source, name: '1f1b' });
  assert.deepEqual(schedule, generateSchedule({ name: '1f1b', ranks: 2, microbatches: 3 }));
  assert.match(notes.join('\n'), /row 2 numbers its forwards from 1.*\n.*no messages/);
  // Forwards from 1 of more microbatches than there are backwards are a mistake.
  assert.notDeepEqual(checkSchedule(parseCsv('0F0,0B0\r\n1F1,1F2,1B0', source)), []);
});

test('a W without an I is of PyTorch 2.5, and is refused with what the letters meant', () => {
  for (const text of ['0F0,0B0,0W0', '0F0,1F0,1B0,0B0,1W0,0W0', '0F0,0W0,0B0,0SEND_B0']) {
    assert.throws(
      () => readCsv(text, source),
      /^InputError: .W0 is the gradient of weights, and no action .*\(file\.csv, row 1\): .*PyTorch 2\.5 .* make I of each B/,
    );
  }
  assert.doesNotThrow(() => readCsv('0F0,0I0,0W0,0F1,0B1', source));
});

test('of millions of problems the first are told and the others counted', () => {
  const schedule = parseCsv('0F0,'.repeat(20_000), source);
  const issues = checkSchedule(schedule);
  assert.equal(countIssues(issues.filter(({ code }) => code === 'duplicate')), 19_999);
  assert.ok(issues.length < 1000);
  const gaps = parseCsv(`${Array.from({ length: 500 }, (_, index) => `0F${2 * index}`).join()},0F999`, source);
  for (const { message } of checkSchedule(gaps)) assert.ok(message.length < 300, message);
});
