import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createLoads } from '../../balance/index.js';
import { bytesOfInts, writeNpy } from '../test-npy.js';
import { compareNames, parseFileName } from './file-names.js';
import { makeWriter, readExpertLoadsOfBoth as readExpertLoads, refusesLoads, toLines } from './test-files.js';

const { folder, write, writeFolder } = makeWriter();
const fixtures = 'test/fixtures/loads';

const array = (...numbers: number[]) =>
  writeNpy({ descr: '<i4', shape: [1, numbers.length], data: bytesOfInts(numbers) });

describe('several files', () => {
  it('have their windows one after the other, in the order given', async () => {
    const paths = ['b.json', 'a.npy', 'c.csv'].map((name) => join(folder, name));
    write('b.json', [[1, 2]]);
    write('a.npy', array(3, 4));
    write('c.csv', '5,6\n');
    const { loads, format } = await readExpertLoads(paths);
    assert.deepEqual([loads, format], [createLoads([[[1, 2]], [[3, 4]], [[5, 6]]]), 'table']);
    const engine = write('s.json', { logical_count: [[1, 2]] });
    const two = await readExpertLoads([engine, engine]);
    assert.deepEqual([two.loads.windows, two.format, two.layerNumbering], [2, 'sglang', 'absolute']);
    await assert.rejects(readExpertLoads([]), /there is nothing to read/);
  });

  it('may be folders too, and parts of files', async () => {
    const parts = write('parts.json', { x: { day: [[1, 2]], night: [[3, 4]] } });
    const { loads, windowNames } = await readExpertLoads([`${parts}#x/night`, `${parts}#x/day`]);
    assert.deepEqual([loads, windowNames], [createLoads([[[3, 4]], [[1, 2]]]), ['night', 'day']]);
    const statistics = await readExpertLoads([`${fixtures}/trt-i64`, `${fixtures}/trt-i64`]);
    assert.deepEqual([statistics.loads.windows, statistics.format], [4, 'tensorrt-llm']);
  });

  it('that name only experts with tokens are filled up, and their numbers tell together what they count', async () => {
    const paths = [write('0.json', { 0: { 0: 5 }, 2: { 1: 6 } }), write('1.json', { 1: { 3: 7 } })];
    const zeros = [0, 0, 0, 0];
    const { loads, layerNumbering, layerNumbers } = await readExpertLoads([...paths, paths[0]]);
    const first = [[5, 0, 0, 0], zeros, [0, 6, 0, 0]];
    assert.deepEqual(loads, createLoads([first, [zeros, [0, 0, 0, 7], zeros], first]));
    assert.deepEqual([layerNumbering, layerNumbers], ['moe', [0, 1, 2]]);
  });
});

describe('several files that do not go together', () => {
  it('are refused, and the one that does not is named', async () => {
    const one = write('one.json', [[1, 2]]);
    await refusesLoads(
      [one, write('wide.json', [[1, 2, 3]])],
      /1 layer of 3 experts, .*one\.json has 1 layer of 2 experts .*wide\.json/,
    );
    await refusesLoads(
      [
        one,
        write('deep.json', [
          [1, 2],
          [3, 4],
        ]),
      ],
      /it has 2 layers of 2 experts/,
    );
    const absolute = write('absolute.json', { logical_count: [[1, 2]] });
    await refusesLoads(
      [one, absolute],
      /its layers are all of the model's, those of .*one\.json are only those with experts/,
    );
    const rows = [write('3.json', { 3: [1, 2] }), write('34.json', { 3: [1, 2], 4: [1, 2] })];
    await refusesLoads(rows, /it has 2 layers of 2 experts, .*3\.json has 1 layer/);
    await refusesLoads(
      [rows[1], write('45.json', { 4: [1, 2], 5: [3, 4] })],
      /its layers are 4, 5, those of .*34\.json 3, 4/,
    );
    await refusesLoads([one, join(folder, 'none.json')], /no such file/);
  });
});

describe('the notes of several files', () => {
  it('say once what is true of all of them', async () => {
    const paths = [write('p.json', [[1, 2]]), write('q.json', [[3, 4]]), write('r.json', [[[1, 2]], [[0, 0]]])];
    const { notes } = await readExpertLoads(paths);
    assert.deepEqual(notes, [
      `${paths[0]} and 1 more: a table without names: taken as 1 layer of 2 experts`,
      `${paths[2]}: a table without names: taken as 2 windows of 1 layer of 2 experts`,
      `${paths[2]}: 1 window without tokens left out`,
    ]);
    assert.equal((await readExpertLoads(paths.slice(0, 2))).notes.length, 1);
  });
});

describe('files of ranks', () => {
  it('are summed: of MindSpeed-RL, and of the old recorder of SGLang, whose names hold clocks', async () => {
    const collects = writeFolder('collects', {
      'eplb_token_collects_0.json': { 0: { 0: 5, 1: 1 } },
      'eplb_token_collects_1.json': { 0: { 0: 2, 3: 7 } },
    });
    const { loads, notes } = await readExpertLoads(collects);
    assert.deepEqual(loads, createLoads([[[7, 1, 0, 7]]]));
    assert.ok(notes.includes('the files of 2 ranks were summed'));
    const csv = (count: number) => `layer_id,expert_id,count\n3,0,${count}\n3,1,1\n`;
    const old = writeFolder('old', {
      'expert_distribution_rank0_timestamp1744347750.3721356.csv': csv(1),
      'expert_distribution_rank1_timestamp1744347750.006448.csv': csv(2),
      'expert_distribution_rank0_timestamp1744349999.1.csv': csv(10),
      'expert_distribution_rank1_timestamp1744349999.2.csv': csv(20),
      'expert_distribution_rank3_timestamp1744349999.3.csv': csv(40),
    });
    const dumps = await readExpertLoads(old);
    assert.deepEqual(dumps.loads, createLoads([[[3, 2]], [[70, 3]]]));
    const missing = dumps.notes.filter((note) => note.includes('there is no file of rank'));
    assert.deepEqual(
      missing.map((note) => note.replace(/^.*: there/, 'there')),
      [
        'there is no file of ranks 2, 3: their counts are not in it',
        'there is no file of rank 2: its counts are not in it',
      ],
    );
  });

  it('of the same steps are summed, each step a window', async () => {
    const steps = writeFolder('steps', {
      'rank0_step2_counts.npy': array(1, 2),
      'rank0_step10_counts.npy': array(3, 4),
      'rank1_step2_counts.npy': array(10, 20),
      'rank1_step10_counts.npy': array(30, 40),
    });
    assert.deepEqual((await readExpertLoads(steps)).loads, createLoads([[[11, 22]], [[33, 44]]]));
  });
});

describe('files of experts and of layers', () => {
  it('of MindIE stand side by side, in the order of ranks', async () => {
    const names = Array.from({ length: 11 }, (_, npu) => `decode_${npu}.csv`);
    const npus = writeFolder('mindie', Object.fromEntries(names.map((name, npu) => [name, `${npu},1\n2,3\n`])));
    const { loads, notes } = await readExpertLoads(npus);
    assert.deepEqual(loads, createLoads([[names.flatMap((_, npu) => [npu, 1]), names.flatMap(() => [2, 3])]]));
    assert.ok(notes.includes('the experts of 11 NPUs stand side by side, as MindIE writes them'));
    write('mindie/prefill_2.csv', '1,2\n3,4\n');
    await refusesLoads(npus, /these are the loads of prefill and of decode .*: give those of one/);
    const decode = names.map((name) => join(npus, name));
    assert.deepEqual((await readExpertLoads(decode.toReversed())).loads, loads);
    const gap = decode.filter((_, npu) => npu !== 3);
    await refusesLoads(gap, /there is no file of NPU 3, so that the experts after it have no number/);
  });

  it('of route logs that each have a layer are put together', async () => {
    const route = (layer: number, topk_ids: number[]) => ({ type: 'route', layer, topk_ids });
    const paths = [
      write('layer8.jsonl', toLines([route(8, [1, 2]), route(8, [0, 1])])),
      write('layer0.jsonl', toLines([route(0, [3])])),
    ];
    const { loads, layerNumbers, routes, notes } = await readExpertLoads(paths);
    assert.deepEqual(
      [loads, layerNumbers],
      [
        createLoads([
          [
            [0, 0, 0, 1],
            [1, 2, 1, 0],
          ],
        ]),
        [0, 8],
      ],
    );
    assert.deepEqual(routes, { layers: 2, topK: 2, chosen: [Int32Array.of(3, -1), Int32Array.of(1, 2, 0, 1)] });
    assert.ok(notes.includes('each of 2 files has layers of its own: put together'));
    const again = await readExpertLoads([paths[0], paths[0]]);
    assert.deepEqual([again.loads.windows, again.routes?.chosen[0].length], [2, 8]);
  });

  it('are told by their names', () => {
    const { rank, time, kind } = parseFileName('expert_distribution_rank12_timestamp1744347750.37.csv');
    assert.deepEqual([rank, time, kind], [12, 1744347750.37, 'expert_distribution_rank*_timestamp*.csv']);
    assert.equal(parseFileName('franking3.csv').rank, undefined);
    assert.deepEqual(['b', 'a10', 'a9', 'a'].sort(compareNames), ['a', 'a9', 'a10', 'b']);
  });
});
