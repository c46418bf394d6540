import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { InputError } from '../../base/index.js';
import { formatAction } from '../action.js';
import { formatCsv } from '../csv.js';
import { generateSchedule } from './generate.js';

type ReferenceAction = [string, ...number[]];
interface ReferenceCase {
  readonly ranks: number;
  readonly microbatches: number;
  readonly actions: ReferenceAction[][];
}

/** What DeepSeek's own code did: [F | B | I | W, direction, microbatch] or [FB, direction, microbatch, direction, microbatch]. */
const reference = JSON.parse(readFileSync('test/fixtures/dualpipe.json', 'utf8')) as Record<
  'dualpipe' | 'dualpipev',
  ReferenceCase[]
>;

/** The stage of each direction on a rank. */
const stageOf = {
  dualpipe: (ranks: number, rank: number, direction: number) => (direction === 0 ? rank : 2 * ranks - 1 - rank),
  dualpipev: (ranks: number, rank: number, chunk: number) => (chunk === 0 ? rank : 2 * ranks - 1 - rank),
};

function referenceText(action: ReferenceAction, stage: (direction: number) => number): string[] {
  const [kind, direction = 0, microbatch = 0, otherDirection = 0, otherMicrobatch = 0] = action;
  if (kind === 'COMM') return [];
  if (kind !== 'FB') return [`${stage(direction)}${kind}${microbatch}`];
  return [`(${stage(direction)}F${microbatch};${stage(otherDirection)}B${otherMicrobatch})OVERLAP_F_B`];
}

for (const name of ['dualpipe', 'dualpipev'] as const) {
  for (const { ranks, microbatches, actions } of reference[name]) {
    test(`${name} with ${ranks} ranks and ${microbatches} microbatches has the order of DeepSeek's code`, () => {
      const expected = actions.map((list, rank) =>
        list.flatMap((action) => referenceText(action, (direction) => stageOf[name](ranks, rank, direction))),
      );
      const schedule = generateSchedule({ name, ranks, microbatches });
      assert.deepEqual(
        schedule.actions.map((list) => list.map(formatAction)),
        expected,
      );
    });
  }
}

test("dualpipev is PyTorch's own file, byte for byte", () => {
  const golden = readFileSync('test/fixtures/pytorch_dualpipev_4rank_10mb.csv', 'utf8');
  assert.equal(formatCsv(generateSchedule({ name: 'dualpipev', ranks: 4, microbatches: 10 })), golden);
});

test('gpipe and 1f1b have the known orders', () => {
  assert.equal(
    formatCsv(generateSchedule({ name: 'gpipe', ranks: 2, microbatches: 2 })),
    '0F0,0F1,0B0,0B1\r\n1F0,1F1,1B0,1B1\r\n',
  );
  assert.equal(
    formatCsv(generateSchedule({ name: '1f1b', ranks: 3, microbatches: 4 })),
    '0F0,0F1,0F2,0B0,0F3,0B1,0B2,0B3\r\n1F0,1F1,1B0,1F2,1B1,1F3,1B2,1B3\r\n2F0,2B0,2F1,2B1,2F2,2B2,2F3,2B3\r\n',
  );
  assert.equal(
    formatCsv(generateSchedule({ name: '1f1b', ranks: 3, microbatches: 1 })),
    '0F0,0B0\r\n1F0,1B0\r\n2F0,2B0\r\n',
  );
});

test('one rank runs every schedule that allows it', () => {
  assert.equal(formatCsv(generateSchedule({ name: '1f1b', ranks: 1, microbatches: 2 })), '0F0,0B0,0F1,0B1\r\n');
  const folded = generateSchedule({ name: 'dualpipev', ranks: 1, microbatches: 2 });
  assert.deepEqual(folded.stageToRank, [0, 0]);
  assert.equal(formatCsv(folded), '0F0,1F0,0F1,1B0,(1F1;0B0)OVERLAP_F_B,1B1,0I1,0W1\r\n');
});

test('dualpipe holds two copies of the model, the second one mirrored', () => {
  const { pipelines, stageToRank } = generateSchedule({ name: 'dualpipe', ranks: 4, microbatches: 8 });
  assert.deepEqual(pipelines, [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
  ]);
  assert.deepEqual(stageToRank, [0, 1, 2, 3, 3, 2, 1, 0]);
});

test('a limit that does not hold is named, with the nearest values that do', () => {
  const refusals: [string, number, number, RegExp][] = [
    ['dualpipe', 5, 20, /ranks that divides by 2 \(ranks 5\): use 4 or 6$/],
    ['dualpipe', 1, 20, /use 2$/],
    ['dualpipe', 4, 9, /microbatches that divides by 2 \(microbatches 9\): use 8 or 10$/],
    ['dualpipe', 4, 6, /at least 8 microbatches \(microbatches 6\): use 8 or more$/],
    ['dualpipev', 4, 7, /at least 8 microbatches/],
    [
      'dualpipev',
      4096,
      7,
      /^dualpipev on 4096 ranks needs at least 8192 microbatches, more than fit \(ranks 4096\): use 724 or less$/,
    ],
    ['dualpipe', 1026, 2052, /more than fit \(ranks 1026\): use 1024 or less$/],
    ['gpipe', 0, 4, /ranks cannot be 0: use a whole number from 1/],
    ['gpipe', 4, 0, /microbatches cannot be 0/],
    ['gpipe', 2.5, 4, /ranks cannot be 2\.5/],
    ['gpipe', Number.NaN, 4, /ranks cannot be NaN/],
    ['1f1b', 4, 1e9, /microbatches cannot be 1000000000: use a whole number from 1 to 524288/],
    ['1f1b', 1e9, 4, /ranks cannot be 1000000000: use a whole number from 1 to 4096/],
    ['zb-h9', 4, 8, /no schedule "zb-h9": use one of gpipe, 1f1b, interleaved, zb-h1, zb-v, dualpipe, dualpipev$/],
    ['toString', 4, 8, /no schedule/],
    ['interleaved', 4, 13, /number of rounds, 3 = .* \(microbatches 13\): use 12 or 15$/],
    ['interleaved', 4, 9, /use 8 or 10$/],
  ];
  for (const [name, ranks, microbatches, message] of refusals) {
    assert.throws(
      () => generateSchedule({ name, ranks, microbatches }),
      (error: unknown) => error instanceof InputError && message.test(error.message),
      `${name} ${ranks} ${microbatches}`,
    );
  }
});

test('a number of stages a rank that a schedule does not have is refused, with its own', () => {
  const refusals: [string, number, RegExp][] = [
    ['1f1b', 2, /^1f1b has 1 stage a rank, no other number \(stages per rank 2\): use 1, or leave it out$/],
    ['zb-v', 1, /^zb-v has 2 stages a rank, no other number \(stages per rank 1\): use 2, or leave it out$/],
    ['dualpipe', 1, /use 2, or leave it out$/],
    ['interleaved', 0, /^stages per rank cannot be 0: use a whole number from 1 to 524288$/],
    ['interleaved', 1.5, /^stages per rank cannot be 1\.5/],
    ['interleaved', 1e6, /^stages per rank cannot be 1000000/],
  ];
  for (const [name, stagesPerRank, message] of refusals) {
    assert.throws(
      () => generateSchedule({ name, ranks: 4, microbatches: 8, stagesPerRank }),
      (error: unknown) => error instanceof InputError && message.test(error.message),
      `${name} ${stagesPerRank}`,
    );
  }
});

test('interleaved goes round the ranks, with two stages a rank where no number is given', () => {
  const { stageToRank } = generateSchedule({ name: 'interleaved', ranks: 3, microbatches: 3 });
  assert.deepEqual(stageToRank, [0, 1, 2, 0, 1, 2]);
});
