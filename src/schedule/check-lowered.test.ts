import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLowered } from './check-lowered.js';
import { formatLoweredCsv, readCsv } from './csv.js';
import { generateSchedule } from './generators/generate.js';
import { lowerSchedule } from './passes/lower.js';

/** Issues as `code rank/position message`, of a file with communication. */
function issuesOf(...rows: string[]): string[] {
  const { lowered } = readCsv(rows.map((row) => row.replaceAll(' ', ',')).join('\n'), {
    name: 'file',
    file: 'file.csv',
  });
  assert.ok(lowered !== undefined);
  return checkLowered(lowered).map(({ code, rank, position, message }) => `${code} ${rank}/${position} ${message}`);
}

const first = '0F0 0SEND_F0 0F1 0SEND_F1 0RECV_B0 0B0 0RECV_B1 0B1';
const second = '1RECV_F0 1F0 1RECV_F1 1B0 1SEND_B0 1F1 1B1 1SEND_B1';

test('parameters and sums of gradients may be left out altogether, for a model that is not sharded', () => {
  assert.deepEqual(issuesOf(first, second), []);
});

test('every rule about communication finds its fault, at its place', () => {
  const cases: [string, string, string[]][] = [
    [
      `${first} 0RECV_F0`,
      second,
      ['range 0/8 0RECV_F0: there is no such message between ranks; stages are 0 to 1, microbatches 0 to 1'],
    ],
    [`${first} 7UNSHARD`, second, ['range 0/8 7UNSHARD: it does not exist; stages are 0 to 1, microbatches 0 to 1']],
    [`${first} 1UNSHARD`, second, ['rank 0/8 1UNSHARD runs on rank 0, but stage 1 is on rank 1']],
    [`${first} 0SEND_F1`, second, ['duplicate 0/8 0SEND_F1 has already run at rank 0, position 3']],
    [
      first.replace('0SEND_F1 ', ''),
      second,
      ['missing 0/null 0SEND_F1 is missing (microbatch 1): forward from stage 0 to 1'],
    ],
    [
      first,
      second.replace('1RECV_F1 ', ''),
      ['missing 1/null 1RECV_F1 is missing (microbatch 1): forward from stage 0 to 1'],
    ],
    [
      `${first} 0WAIT_SEND_F0 0WAIT_SEND_F1`,
      second,
      ['missing 1/null 1WAIT_SEND_B0 is missing (microbatch 0-1): backward from stage 1 to 0'],
    ],
    [first.replace('0F0 0SEND_F0', '0SEND_F0 0F0'), second, ['order 0/0 0SEND_F0 runs before 0F0']],
    [first, second.replace('1RECV_F0 1F0', '1F0 1RECV_F0'), ['order 1/1 1F0 runs before 1RECV_F0']],
    [
      first,
      `1RECV_F1 ${second.replace(' 1RECV_F1', '')}`,
      ['crossing 1/0 1RECV_F1 is receive 1 from rank 0, which sends that as message 2'],
    ],
    [`0UNSHARD ${first}`, `1UNSHARD ${second} 1RESHARD`, ['sharding 0/null stage 0 is still gathered at the end']],
    // All ranks leave them gathered, as older releases of PyTorch do.
    [`0UNSHARD ${first}`, `1UNSHARD ${second}`, []],
    [
      `${first} 0UNSHARD 0RESHARD`,
      second,
      [...'0F0 0F1 0B0 0B1'.split(' ')].map(
        (text) => `sharding 0/${first.split(' ').indexOf(text)} ${text}: stage 0 is not gathered`,
      ),
    ],
    [`${first} 0REDUCE_GRAD`, second, ['reduction 1/null 1REDUCE_GRAD is missing: stage 1']],
    [
      first.replace('0B1', '0REDUCE_GRAD 0B1'),
      `${second} 1REDUCE_GRAD`,
      ['reduction 0/7 0REDUCE_GRAD runs before 0B1'],
    ],
  ];
  for (const [one, other, expected] of cases) assert.deepEqual(issuesOf(one, other), expected, `${one}\n${other}`);
});

test('sends that wait for each other are a deadlock, though the computation alone would end', () => {
  const late = second.replace('1RECV_F1 1B0 1SEND_B0', '1B0 1SEND_B0 1RECV_F1');
  assert.deepEqual(issuesOf(first, late), [
    'deadlock 0/3 0SEND_F1 waits for ever for 1RECV_F1, which rank 1 does not reach',
    'deadlock 1/3 1SEND_B0 waits for ever for 0RECV_B0, which rank 0 does not reach',
  ]);
});

test('mirrored stages of two chains sum their gradients, and come to it in the same order', () => {
  const schedule = generateSchedule({ name: 'dualpipe', ranks: 2, microbatches: 4 });
  const rows = formatLoweredCsv(lowerSchedule(schedule, '2.14')).trimEnd().replaceAll(',', ' ').split('\r\n');
  const [one, other] = rows as [string, string];
  assert.deepEqual(issuesOf(one, other), []);
  assert.deepEqual(issuesOf(one.replace(' 3REDUCE_GRAD', ''), other.replace(' 1REDUCE_GRAD', '')), [
    'reduction 1/null 1REDUCE_GRAD is missing: stage 1, whose gradients are summed with its mirrored stage',
    'reduction 0/null 3REDUCE_GRAD is missing: stage 3, whose gradients are summed with its mirrored stage',
  ]);
  const swapped = `${one.replace(' 3REDUCE_GRAD', '')} 3REDUCE_GRAD`;
  assert.deepEqual(issuesOf(swapped, other), [
    `deadlock 0/${swapped.split(' ').indexOf('0REDUCE_GRAD')} 0REDUCE_GRAD waits for ever for 2REDUCE_GRAD, which rank 1 does not reach`,
    `deadlock 1/${other.split(' ').indexOf('1REDUCE_GRAD')} 1REDUCE_GRAD waits for ever for 3REDUCE_GRAD, which rank 0 does not reach`,
  ]);
});
