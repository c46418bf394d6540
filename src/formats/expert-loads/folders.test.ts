import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createLoads } from '../../balance/index.js';
import { writeSafetensors } from '../safetensors.js';
import { makeWriter, readExpertLoadsOfBoth as readExpertLoads, refusesLoads } from './test-files.js';

const { writeFolder } = makeWriter();
const fixtures = 'test/fixtures/loads';

describe('a folder', () => {
  it('with files of one kind is read in the order in which people count', async () => {
    const dumps = writeFolder('order', {
      'step_10.json': [[10, 1]],
      'step_9.json': [[9, 1]],
      'config.json': {},
      'readme.md': 'no',
      '.hidden.csv': '1',
    });
    assert.deepEqual((await readExpertLoads(dumps)).loads, createLoads([[[9, 1]], [[10, 1]]]));
  });

  it('with files of several kinds, or none, says what it has', async () => {
    const both = writeFolder('both', { 'a.csv': '1,2\n', 'b.json': [[1, 2]] });
    await refusesLoads(both, /files of several kinds: a\.csv, b\.json .*: name those to read, such as .*both\/a\.csv$/);
    assert.deepEqual((await readExpertLoads(join(both, 'a.csv'))).loads, createLoads([[[1, 2]]]));
    const phases = writeFolder('phases', { 'prefill/a.csv': '1,2\n', 'decode/a.csv': '3,4\n' });
    await refusesLoads(phases, /no file of loads, but folders decode, prefill .*: name one, such as .*phases\/decode$/);
    assert.deepEqual((await readExpertLoads(join(phases, 'decode'))).loads, createLoads([[[3, 4]]]));
    await refusesLoads(
      writeFolder('model', { 'config.json': {}, 'model.safetensors': '' }),
      /the checkpoint of a model, not/,
    );
    await refusesLoads(
      writeFolder('words', { 'a.md': 'x' }),
      /the folder has no file of loads .*: name a file, the folder of/,
    );
  });

  it('of a training run has its loads in the folder loads', async () => {
    const steps = { logical_count: [[[1, 2]]], steps: [1], layers: [0] };
    const run = writeFolder('run', {
      'config.toml': '',
      'metrics.jsonl': '',
      'trace.json': '{}',
      'loads/1-1.json': steps,
    });
    const { loads, notes } = await readExpertLoads(run);
    assert.deepEqual(loads, createLoads([[[1, 2]]]));
    assert.deepEqual(notes, [`the loads of the run: ${join(run, 'loads')}`, '1 step in 1 file']);
    assert.deepEqual((await readExpertLoads([run, run])).loads.windows, 2);
    const dense = writeFolder('dense', { 'config.toml': '', 'metrics.jsonl': '' });
    await refusesLoads(dense, /the run has no loads: it is short, or its model has no experts/);
  });
});

describe("TensorRT-LLM's statistics", () => {
  it('may be of any whole numbers', async () => {
    const { loads, layerNumbers, layerNumbering, notes } = await readExpertLoads(`${fixtures}/trt-i64`);
    assert.deepEqual([loads.windows, loads.layers, loads.experts], [2, 2, 8]);
    // rank 0 has 22 and 39 first, rank 1 50 and 8.
    assert.deepEqual([...loads.counts.subarray(0, 2)], [72, 47]);
    assert.deepEqual([layerNumbers, layerNumbering], [[3, 4], 'absolute']);
    assert.deepEqual(notes, ['the files of 2 ranks were summed']);
  });

  it('are summed over the ranks that have a tensor, without iterations that lack one everywhere', async () => {
    const statistics = writeFolder('trt', {
      'meta_info.json': { num_experts: 2, num_experts_per_token: 1, ep_size: 4 },
    });
    const rank = (number: number, tensors: Readonly<Record<string, readonly number[]>>) =>
      writeSafetensors(
        join(statistics, `rank${number}.safetensors`),
        Object.entries(tensors).map(([name, data]) => ({
          name,
          dtype: 'I32',
          shape: [2],
          data: Int32Array.from(data),
        })),
      );
    await rank(0, { '5_3': [1, 2], '6_3': [3, 4], '7_3': [9, 9] });
    await rank(2, { '5_4': [5, 6], '6_4': [7, 8], '6_3': [10, 20] });
    const { loads, notes } = await readExpertLoads(statistics);
    assert.deepEqual(
      loads,
      createLoads([
        [
          [1, 2],
          [5, 6],
        ],
        [
          [13, 24],
          [7, 8],
        ],
      ]),
    );
    assert.deepEqual(notes, [
      'the files of 2 ranks were summed',
      'there is no file of ranks 1, 3: their counts are not in it',
      '3 tensors not in the files of all ranks: summed over those that have them',
      'iteration 7 left out: it lacks a layer',
    ]);
    await refusesLoads(
      join(statistics, 'rank0.safetensors'),
      /one rank's file of TensorRT-LLM's statistics, not loads .*: give the folder that it lies in: .*trt$/,
    );
    await refusesLoads(
      join(statistics, 'meta_info.json'),
      /TensorRT-LLM's meta_info\.json, not loads .*: give the folder that it lies in$/,
    );
  });
});

describe("TensorRT-LLM's statistics of ranks", () => {
  it('of several servers are summed where their ranks differ', async () => {
    const data = Int32Array.of(1, 2);
    const tensors = [{ name: '0_3', dtype: 'I32' as const, shape: [2], data }];
    const servers = [writeFolder('server0', { 'meta_info.json': { num_experts: 2 } }), writeFolder('server1', {})];
    await writeSafetensors(join(servers[0], 'rank0.safetensors'), tensors);
    await writeSafetensors(join(servers[1], 'rank1.safetensors'), tensors);
    assert.deepEqual((await readExpertLoads(servers)).loads, createLoads([[[2, 4]]]));
    await refusesLoads(
      servers[1],
      /the folder has no meta_info\.json .*: copy it from the EXPERT_STATISTIC_PATH of rank 0/,
    );
  });

  it('that are no counts are refused', async () => {
    const statistics = writeFolder('trt-float', { 'meta_info.json': { num_experts: 2 } });
    const data = Float32Array.of(1, 2);
    await writeSafetensors(join(statistics, 'rank0.safetensors'), [{ name: '0_3', dtype: 'F32', shape: [2], data }]);
    await refusesLoads(statistics, /tensor '0_3' is of F32/);
  });
});
