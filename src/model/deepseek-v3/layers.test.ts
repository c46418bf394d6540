import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultTrainingConfig } from '../../config/index.js';
import { splitLayers } from './layers.js';

const model = { ...defaultTrainingConfig.model, numHiddenLayers: 6 };
const counts = (stageToRank: readonly number[]) =>
  splitLayers(model, stageToRank, 128).map(({ first, end }) => end - first);

describe('splitting layers into stages', () => {
  it('covers every layer once, in order', () => {
    const ranges = splitLayers(model, [0, 1, 1, 0], 128);
    assert.equal(ranges[0].first, 0);
    assert.equal(ranges[3].end, 6);
    for (const [stage, { first }] of ranges.entries()) if (stage > 0) assert.equal(first, ranges[stage - 1].end);
  });

  it('gives the ranks of a V equal work rather than its stages', () => {
    const [first, second, third, fourth] = counts([0, 1, 1, 0]);
    assert.equal(first + fourth, 3);
    assert.equal(second + third, 3);
  });

  it('leaves one stage whole', () => assert.deepEqual(counts([0]), [6]));

  it('refuses more stages than layers, and says what works', () => {
    assert.throws(() => counts([0, 1, 2, 3, 3, 2, 1, 0]), {
      name: 'InputError',
      message: /6 layers cannot be cut into 8 stages.*at least 8 layers/,
    });
  });
});
