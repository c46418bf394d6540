import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createLoads } from '../../balance/index.js';
import { bytesOfInts, writeNpy } from '../test-npy.js';
import { makeWriter, readExpertLoadsOfBoth as readExpertLoads, refusesLoads } from './test-files.js';

const { folder, writeFolder } = makeWriter();

const array = (numbers: readonly number[], shape: readonly number[] = [numbers.length]) =>
  writeNpy({ descr: '<i4', shape, data: bytesOfInts(numbers) });

describe('files whose names differ in the number of a layer', () => {
  it('are layers side by side, in the order of their numbers', async () => {
    const prefixes = ['layer_', 'layer', 'layer-', 'moe_layer_', 'run.layers.'];
    for (const [index, prefix] of prefixes.entries()) {
      const path = writeFolder(`plain${index}`, {
        [`${prefix}10.npy`]: array([5, 6]),
        [`${prefix}3.npy`]: array([1, 2]),
      });
      const { loads, layerNumbers, notes } = await readExpertLoads(path);
      const rows = [
        [1, 2],
        [5, 6],
      ];
      assert.deepEqual([loads, layerNumbers], [createLoads([rows]), [3, 10]], prefix);
      assert.ok(notes.includes('the names of the files number layers 3, 10: put together'));
    }
  });

  it('have windows in their rows', async () => {
    const path = writeFolder('windows', {
      'layer0.npy': array([1, 2, 3, 4], [2, 2]),
      'layer1.npy': array([5, 6, 7, 8], [2, 2]),
    });
    const { loads, notes } = await readExpertLoads(path);
    const [first, second] = [
      [
        [1, 2],
        [5, 6],
      ],
      [
        [3, 4],
        [7, 8],
      ],
    ];
    assert.deepEqual(loads, createLoads([first, second]));
    assert.ok(notes.includes('the rows of each layer are taken as 2 windows'));
  });
});

describe('files of layers', () => {
  it('may be of ranks, which are summed, and of steps, which are windows', async () => {
    const path = writeFolder('ranks', {
      'layer_0_rank_0.npy': array([1, 2]),
      'layer_0_rank_1.npy': array([10, 20]),
      'layer_1_rank_0.npy': array([3, 4]),
      'layer_1_rank_1.npy': array([30, 40]),
    });
    const rows = [
      [11, 22],
      [33, 44],
    ];
    assert.deepEqual((await readExpertLoads(path)).loads, createLoads([rows]));
    const steps = writeFolder('steps', {
      'step_2_layer_0.npy': array([1, 2]),
      'step_2_layer_1.npy': array([3, 4]),
      'step_10_layer_0.npy': array([5, 6]),
      'step_10_layer_1.npy': array([7, 8]),
    });
    const counts = (await readExpertLoads(steps)).loads.counts;
    assert.deepEqual([...counts], [1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('are refused where they are not one layer each', async () => {
    const whole = writeFolder('whole', {
      'layer_0.json': [[[1, 2]], [[3, 4]]],
      'layer_1.json': [
        [
          [1, 2],
          [3, 4],
        ],
        [
          [1, 2],
          [3, 4],
        ],
      ],
    });
    await refusesLoads(whole, /its name says layer 1, but it has 2 layers .*layer_1\.json\): give each layer a file/);
    const wide = writeFolder('wide', { 'layer_0.npy': array([1, 2]), 'layer_1.npy': array([1, 2, 3]) });
    await refusesLoads(wide, /it has 3 experts, .*layer_0\.npy has 2 .*layer_1\.npy/);
    const path = join(folder, 'wide', 'layer_0.npy');
    await refusesLoads([path, path, join(folder, 'wide', 'layer_1.npy')], /several files are of layer 0/);
  });
});

describe('files whose names differ in the number of a GPU', () => {
  it('are refused, as each may have all experts or its own', async () => {
    for (const word of ['ep', 'gpu', 'ep_']) {
      const path = writeFolder(word, { [`${word}0.json`]: [[1, 2]], [`${word}1.json`]: [[3, 4]] });
      await refusesLoads(
        path,
        /do not say whether each has all experts .*: name them rank_0, rank_1, .* step_0, step_1/,
      );
    }
    const ranks = writeFolder('as-ranks', { 'rank_0.json': [[1, 2]], 'rank_1.json': [[3, 4]] });
    assert.deepEqual((await readExpertLoads(ranks)).loads, createLoads([[[4, 6]]]));
    const steps = writeFolder('as-steps', { 'step_0.json': [[1, 2]], 'step_1.json': [[3, 4]] });
    assert.deepEqual((await readExpertLoads(steps)).loads, createLoads([[[1, 2]], [[3, 4]]]));
  });
});
