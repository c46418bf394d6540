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

  it('gives the ranks nearly equal work where there are too many cuts to try them all', () => {
    const layers = 40;
    for (const stageToRank of [
      Array.from({ length: 16 }, (_, stage) => stage % 4),
      Array.from({ length: 16 }, (_, stage) => Math.min(stage, 15 - stage)),
      Array.from({ length: 16 }, (_, stage) => stage),
    ]) {
      // A head as heavy as many layers: the rank that has it needs fewer of them.
      const heavy = { ...model, numHiddenLayers: layers, vocabSize: 2000, firstKDenseReplace: 0 };
      const ranges = splitLayers(heavy, stageToRank, 128);
      assert.equal(ranges.at(-1)?.end, layers);
      const held = new Map<number, number>();
      for (const [stage, { first, end }] of ranges.entries()) {
        assert.ok(end > first && first === (ranges[stage - 1]?.end ?? 0));
        held.set(stageToRank[stage], (held.get(stageToRank[stage]) ?? 0) + end - first);
      }
      const lastRank = stageToRank[stageToRank.length - 1];
      const withHead = held.get(lastRank) as number;
      const without = [...held].filter(([rank]) => rank !== lastRank).map(([, count]) => count);
      assert.ok(withHead <= Math.min(...without), `${withHead} beside ${without}`);
      assert.ok(Math.max(...without) - Math.min(...without) <= 1, String(without));
    }
  });

  it('refuses more stages than layers, and says what works', () => {
    assert.throws(() => counts([0, 1, 2, 3, 3, 2, 1, 0]), {
      name: 'InputError',
      message: /6 layers cannot be cut into 8 stages.*at least 8 layers/,
    });
  });
});
