import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { divideByGroupMeans, measureImbalance } from './rank-groups.js';

describe('the imbalance of ranks', () => {
  it('is the slowest over the mean, of all steps as one', () => {
    assert.equal(measureImbalance([[3, 1]], 2), 1.5);
    const alternating = [
      [3, 1],
      [1, 3],
    ];
    assert.equal(measureImbalance(alternating, 2), 1.5);
    assert.equal(measureImbalance([[0, 0]], 2), 1);
    assert.equal(measureImbalance([], 2), 1);
  });

  it('is among the ranks that share experts: a pipeline rank with more layers is not slower for it', () => {
    assert.equal(measureImbalance([[3, 1, 40, 40]], 2), 43 / 42);
    assert.equal(measureImbalance([[10, 30]], 1), 1);
  });

  it('lies between even and all on one rank', () => {
    const cases = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 })).chain(([expert, groups]) => {
      const loads = fc.array(fc.nat(1000), { minLength: expert * groups, maxLength: expert * groups });
      return fc.record({ expert: fc.constant(expert), steps: fc.array(loads, { maxLength: 5 }) });
    });
    const check = ({ expert, steps }: { expert: number; steps: number[][] }) => {
      const imbalance = measureImbalance(steps, expert);
      assert.ok(imbalance > 1 - 1e-12 && imbalance < expert + 1e-12, `${imbalance}`);
    };
    fc.assert(fc.property(cases, check));
  });

  it('is shown by rank over the mean of those that it shares experts with', () => {
    assert.deepEqual(divideByGroupMeans([3, 1, 40, 40, 0, 0], 2), [1.5, 0.5, 1, 1, 0, 0]);
  });
});
