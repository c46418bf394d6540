import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createRandom, shuffleNumbers } from '../../base/index.js';
import { createLoads, type ExpertLoads } from '../loads.js';
import { isDrifting } from './drift.js';
import { planSplits } from './splits.js';

/** Windows of Poisson-like noise around rates that `rateOf` gives for each window. */
function makeLoads(windows: number, rateOf: (window: number, expert: number) => number, seed = 0): ExpertLoads {
  const random = createRandom(seed, 'splits test');
  return createLoads(
    Array.from({ length: windows }, (_, window) => [
      Array.from({ length: 12 }, (__, expert) => {
        const rate = rateOf(window, expert);
        return Math.max(0, Math.round(rate + Math.sqrt(rate) * random.normal()));
      }),
    ]),
  );
}

const steady = (_: number, expert: number) => 100 + 40 * expert;

describe('windows that are held out', () => {
  it('judge once each, never in the part that searched, and at least one always searches', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), fc.integer({ min: 2, max: 8 }), fc.nat(), (windows, folds, seed) => {
        const { turns, ahead } = planSplits(makeLoads(windows, steady), { folds, isTimed: false, seed });
        assert.deepEqual(ahead, []);
        assert.equal(turns.length, Math.min(windows, folds));
        const judged = turns.flatMap(({ judge }) => judge).sort((a, b) => a - b);
        assert.deepEqual(
          judged,
          Array.from({ length: windows }, (_, window) => window),
        );
        for (const { search, judge } of turns) {
          assert.ok(search.length > 0 && judge.length > 0);
          assert.equal(new Set([...search, ...judge]).size, windows);
          assert.equal(search.length + judge.length, windows);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('take turns among neighbours, so that each part has some of every time', () => {
    const { turns } = planSplits(makeLoads(24, steady), { folds: 6, isTimed: true, seed: 3 });
    for (const { judge } of turns)
      assert.deepEqual(
        judge.map((window) => Math.floor(window / 6)),
        [0, 1, 2, 3],
      );
  });

  it('are the later ones too where loads drift and windows follow each other in time', () => {
    const loads = makeLoads(16, (window, expert) => 100 + 40 * ((expert + window / 4) % 12));
    const { ahead } = planSplits(loads, { folds: 6, isTimed: true, seed: 0 });
    assert.equal(ahead.length, 2);
    for (const { search, judge } of ahead) assert.ok(Math.max(...search) < Math.min(...judge));
    assert.deepEqual(planSplits(loads, { folds: 6, isTimed: false, seed: 0 }).ahead, []);
  });
});

describe('loads drift', () => {
  it('where experts become hot one after the other, and not once the windows are shuffled', () => {
    const rateOf = (window: number, expert: number) => 50 + 400 / (1 + Math.abs(expert - window / 2));
    assert.equal(isDrifting(makeLoads(20, rateOf), 0), true);
    const order = shuffleNumbers(20, createRandom(5, 'order'));
    assert.equal(
      isDrifting(
        makeLoads(20, (window, expert) => rateOf(order[window], expert)),
        0,
      ),
      false,
    );
  });

  it('only by chance where nothing changes, in about one of twenty recordings', () => {
    const found = Array.from({ length: 100 }, (_, seed) => isDrifting(makeLoads(12, steady, seed), seed));
    const drifting = found.filter(Boolean).length;
    assert.ok(drifting <= 14, `${drifting} of 100`);
  });

  it('not where two domains take turns, nor in too few windows to tell', () => {
    const hot = (window: number, expert: number) => (expert % 2 === window % 2 ? 400 : 50);
    assert.equal(isDrifting(makeLoads(16, hot), 0), false);
    assert.equal(
      isDrifting(
        makeLoads(4, (window, expert) => 100 + 100 * ((expert + window) % 12)),
        0,
      ),
      false,
    );
  });
});
