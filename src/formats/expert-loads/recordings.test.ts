import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLoads } from '../../balance/index.js';
import { type Pickled, writeTorch } from '../test-torch.js';
import { countRanks } from './local-slots.js';
import { groupRankFiles, listMissing, parseRankName, type RankFile } from './rank-files.js';
import { makeWriter, readExpertLoadsOfBoth as readExpertLoads } from './test-files.js';

const { writeFolder } = makeWriter();

/** A rank's file of a `per_pass` recording with one layer of two experts, in slots 1, 0, 1. */
function perPass(rank: number, passes: readonly (readonly [id: number, counts: readonly number[]])[]): Uint8Array {
  const map = { storage: 'LongStorage', data: BigInt64Array.of(1n, 0n, 1n), shape: [1, 3] };
  const records = passes.map(
    ([id, counts]) =>
      new Map<string, Pickled>([
        ['forward_pass_id', id],
        ['rank', rank],
        ['gatherer_key', 'primary'],
        ['global_physical_count', { storage: 'IntStorage', data: Int32Array.from(counts), shape: [1, 3] }],
      ]),
  );
  return writeTorch(
    new Map<string, Pickled>([
      ['records', records],
      ['last_physical_to_logical_map', map],
    ]),
  );
}

const nameOf = (time: number, rank: number) => `expert_distribution_recorder_${time}_${rank}.pt`;

test('the files of ranks, each with its own clock in its name, are summed for each forward pass, whichever is named', async () => {
  const dump = writeFolder('clocks', {
    [nameOf(1747412345.1201, 0)]: perPass(0, [
      [8, [1, 2, 3]],
      [7, [4, 5, 6]],
    ]),
    [nameOf(1747412345.3377, 1)]: perPass(1, [
      [7, [10, 20, 30]],
      [8, [0, 0, 0]],
    ]),
  });
  const paths = [dump, join(dump, nameOf(1747412345.1201, 0)), join(dump, nameOf(1747412345.3377, 1))];
  for (const path of [...paths, paths.slice(1)]) {
    const { loads, notes, placement } = await readExpertLoads(path);
    assert.deepEqual(loads, createLoads([[[25, 50]], [[2, 4]]]));
    assert.ok(notes.includes('the files of 2 ranks were summed'));
    assert.ok(!notes.some((note) => /no file of rank|lack a rank|only the file/.test(note)));
    assert.equal(placement?.slots, 3);
  }
});

test('the files of several dumps are told apart by their forward passes, and their windows follow one another', async () => {
  const dumps = writeFolder('dumps', {
    // The clock of rank 1 is two seconds ahead, more than lies between the dumps.
    [nameOf(1747412345, 0)]: perPass(0, [[1, [1, 0, 0]]]),
    [nameOf(1747412347, 1)]: perPass(1, [[1, [2, 0, 0]]]),
    [nameOf(1747412346, 0)]: perPass(0, [[2, [10, 0, 0]]]),
    [nameOf(1747412348, 1)]: perPass(1, [[2, [20, 0, 0]]]),
  });
  assert.deepEqual((await readExpertLoads(dumps)).loads, createLoads([[[0, 3]], [[0, 30]]]));
  const second = await readExpertLoads(join(dumps, nameOf(1747412348, 1)));
  assert.deepEqual(second.loads, createLoads([[[0, 30]]]));
});

test('the files of servers that each wrote into a folder of their own are put together', async () => {
  const servers = [0, 1].map((rank) =>
    writeFolder(`server${rank}`, { [nameOf(1747412345 + rank, rank)]: perPass(rank, [[1, [1 + rank, 0, 0]]]) }),
  );
  const { loads, notes } = await readExpertLoads(servers);
  assert.deepEqual(loads, createLoads([[[0, 3]]]));
  assert.deepEqual(notes, [`1 file in ${servers[0]}`, `1 file in ${servers[1]}`, 'the files of 2 ranks were summed']);
});

test('a server that was started again counts its passes from 1 again', async () => {
  const dumps = writeFolder('restarted', {
    [nameOf(1747412345.1, 0)]: perPass(0, [[1, [1, 0, 0]]]),
    [nameOf(1747412345.2, 1)]: perPass(1, [[1, [2, 0, 0]]]),
    [nameOf(1747419345.1, 1)]: perPass(1, [[1, [20, 0, 0]]]),
    [nameOf(1747419345.2, 0)]: perPass(0, [[1, [10, 0, 0]]]),
  });
  assert.deepEqual((await readExpertLoads(dumps)).loads, createLoads([[[0, 3]], [[0, 30]]]));
  assert.deepEqual((await readExpertLoads(join(dumps, nameOf(1747419345.2, 0)))).loads, createLoads([[[0, 30]]]));
});

test('a rank whose file is missing is named', async () => {
  const dumps = writeFolder('missing', {
    [nameOf(1747412345.1, 0)]: perPass(0, [[1, [1, 0, 0]]]),
    [nameOf(1747412345.2, 2)]: perPass(2, [[1, [2, 0, 0]]]),
    [nameOf(1747419345.1, 0)]: perPass(0, [[9, [1, 0, 0]]]),
    [nameOf(1747419345.2, 1)]: perPass(1, [[9, [1, 0, 0]]]),
    [nameOf(1747419345.3, 2)]: perPass(2, [[9, [1, 0, 0]]]),
    [nameOf(1747419345.4, 3)]: perPass(3, [[9, [1, 0, 0]]]),
  });
  const first = join(dumps, nameOf(1747412345.1, 0));
  const missing = 'there is no file of ranks 1, 3: their counts are not in it';
  assert.deepEqual((await readExpertLoads(first)).notes, ['the files of 2 ranks were summed', missing]);
  const { notes } = await readExpertLoads(dumps);
  assert.ok(
    notes.some((note) => note.endsWith(missing)),
    notes.join('\n'),
  );
  assert.ok(notes.some((note) => note.endsWith('the files of 4 ranks were summed')));
});

test('ranks that counted only their own slots say how many there are', async () => {
  const wide = (rank: number, counts: readonly number[]) => {
    const map = { storage: 'LongStorage', data: BigInt64Array.from(counts, (_, slot) => BigInt(slot)), shape: [1, 8] };
    const tokens = { storage: 'IntStorage', data: Int32Array.from(counts), shape: [1, 8] };
    const record = new Map<string, Pickled>([
      ['forward_pass_id', 1],
      ['rank', rank],
      ['global_physical_count', tokens],
    ]);
    return writeTorch(
      new Map<string, Pickled>([
        ['records', [record]],
        ['last_physical_to_logical_map', map],
      ]),
    );
  };
  const dump = writeFolder('slots', {
    [nameOf(1747412345.1, 0)]: wide(0, [5, 6, 0, 0, 0, 0, 0, 0]),
    [nameOf(1747412345.2, 1)]: wide(1, [0, 0, 5, 6, 0, 0, 0, 0]),
  });
  const { notes } = await readExpertLoads(dump);
  assert.ok(notes.includes('there is no file of ranks 2, 3: their counts are not in it'), notes.join('\n'));
  const part = (rank: number, first: number, last: number) => ({ rank, first, last });
  assert.equal(countRanks([part(0, 0, 1), part(1, 2, 3)], 8), 4);
  assert.equal(countRanks([part(0, 0, 7), part(1, 0, 7)], 8), 0);
  assert.equal(countRanks([part(0, 0, 1)], 8), 0);
  assert.equal(countRanks([part(0, 8, -1), part(3, 6, 7)], 8), 4);
});

test('forward passes that a rank did not count are told', async () => {
  const dump = writeFolder('passes', {
    [nameOf(1747412345.1, 0)]: perPass(0, [
      [1, [1, 0, 0]],
      [2, [1, 0, 0]],
      [3, [1, 0, 0]],
    ]),
    [nameOf(1747412345.2, 1)]: perPass(1, [
      [2, [1, 0, 0]],
      [3, [1, 0, 0]],
    ]),
  });
  const { notes } = await readExpertLoads(dump);
  assert.ok(notes.includes('1 of 3 forward passes lack a rank, whose counts are not in them'));
  const alone = writeFolder('alone', { 'rec_0.pt': perPass(0, [[1, [1, 2, 3]]]) });
  assert.deepEqual((await readExpertLoads(join(alone, 'rec_0.pt'))).notes, [
    'only the file of one rank is here: the counts of other ranks are not in it',
  ]);
});

test('dumps of both kinds in a folder, and what else lies there, are told apart', async () => {
  const stat = (count: number) =>
    writeTorch(
      new Map([['logical_count', { storage: 'IntStorage', data: Int32Array.of(count, 1), shape: [1, 1, 2] }]]),
    );
  const dumps = writeFolder('stat', {
    'expert_distribution_recorder_1747412999.55.pt': stat(7),
    'expert_distribution_recorder_1747412345.12.pt': stat(5),
    'other.pt': stat(9),
    'notes.json': Buffer.from('{}'),
  });
  const { loads, notes, layerNumbering } = await readExpertLoads(dumps);
  assert.deepEqual([loads, layerNumbering], [createLoads([[[5, 1]], [[7, 1]]]), 'absolute']);
  assert.deepEqual(notes, [`2 files in ${dumps}`]);
});

test('names of recorders are taken apart', () => {
  const parsed = [
    'expert_distribution_recorder_1747412345.12_3.pt',
    'sglang-per-pass_0.pt',
    'x_1747_12.pt',
    'a.pt',
    'a_1.json',
  ];
  assert.deepEqual(parsed.map(parseRankName), [
    { start: 'expert_distribution_recorder_', time: 1747412345.12, rank: 3 },
    { start: 'sglang-per-pass_', time: undefined, rank: 0 },
    { start: 'x_', time: 1747, rank: 12 },
    undefined,
    undefined,
  ]);
  assert.deepEqual(listMissing([0, 3]), [1, 2]);
  assert.deepEqual(listMissing([0], 3), [1, 2]);
});

test('files of ranks are put together as they were written, however clocks differ and whatever is missing', () => {
  const dump = fc.record({
    // Half a minute apart or more, where clocks differ by less than half of that.
    gap: fc.integer({ min: 30, max: 5000 }),
    ranks: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 6 }),
    passes: fc.integer({ min: 1, max: 5 }),
    isRestarted: fc.boolean(),
  });
  const restartSeconds = 650;
  const skews = fc.array(fc.double({ min: -7, max: 7, noNaN: true }), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(dump, { minLength: 1, maxLength: 6 }), skews, (dumps, skew) => {
      const files: (RankFile & { readonly dump: number })[] = [];
      let time = 1.7e9;
      let pass = 1;
      for (const [index, { gap, ranks, passes, isRestarted }] of dumps.entries()) {
        time += isRestarted ? gap + restartSeconds : gap;
        if (isRestarted) pass = 1;
        const own = new Set(Array.from({ length: passes }, () => pass++));
        for (const rank of ranks)
          files.push({ path: `${index} ${rank}`, rank, time: time + skew[rank], passes: own, dump: index });
      }
      const groups = groupRankFiles(files.toSorted((a, b) => (a.rank - b.rank) * 7 + a.dump - b.dump));
      const dumpsOf = groups.map((members) => new Set(members.map(({ path }) => path.split(' ')[0])));
      assert.deepEqual(
        dumpsOf.map((own) => own.size),
        dumps.map(() => 1),
      );
      assert.deepEqual(groups.flat().length, files.length);
    }),
  );
});
