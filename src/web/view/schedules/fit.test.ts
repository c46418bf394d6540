import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isWithinLimits, type ScheduleName, scheduleNames } from '../../../schedule/index.js';
import { fitCounts, requestOf } from './fit.js';
import type { ScheduleChoice } from './state.js';

const choose = (...names: readonly ScheduleChoice[]) => names.map((name) => ({ name, stagesPerRank: 2 }));

describe('counts that fit', () => {
  it('are the chosen ones where those do', () => {
    assert.deepEqual(fitCounts(choose('1f1b', 'auto'), { ranks: 7, microbatches: 3 }), { ranks: 7, microbatches: 3 });
  });

  it('are the nearest, with as many ranks if any number of microbatches will do', () => {
    assert.deepEqual(fitCounts(choose('dualpipev'), { ranks: 8, microbatches: 3 }), { ranks: 8, microbatches: 16 });
    assert.deepEqual(fitCounts(choose('dualpipe'), { ranks: 7, microbatches: 21 }), { ranks: 8, microbatches: 22 });
    assert.deepEqual(fitCounts(choose('interleaved'), { ranks: 4, microbatches: 9 }), { ranks: 4, microbatches: 10 });
  });

  it('fit both schedules at once', () => {
    const fit = fitCounts(choose('dualpipe', 'interleaved'), { ranks: 5, microbatches: 13 });
    assert.deepEqual(fit, { ranks: 6, microbatches: 14 });
  });

  it('are none where nothing near does', () => {
    assert.equal(fitCounts([{ name: 'interleaved', stagesPerRank: 1e9 }], { ranks: 4, microbatches: 8 }), undefined);
  });

  it('are looked for where a schedule takes twice its ranks, as all do on ranks that they take', () => {
    for (const name of scheduleNames) {
      for (let ranks = 2; ranks <= 64; ranks += 2)
        assert.ok(isWithinLimits({ name, ranks, microbatches: 2 * ranks }), `${name} ${ranks}`);
    }
  });

  it('are within the limits of every schedule', () => {
    const counts = fc.record({ ranks: fc.integer({ min: 1, max: 32 }), microbatches: fc.integer({ min: 1, max: 64 }) });
    const names = fc.array(fc.constantFrom(...scheduleNames), { minLength: 1, maxLength: 2 });
    fc.assert(
      fc.property(names, counts, (list: ScheduleName[], asked) => {
        const fit = fitCounts(choose(...list), asked);
        assert.ok(fit !== undefined);
        for (const chosen of choose(...list)) assert.ok(isWithinLimits({ ...requestOf(chosen), ...fit }));
      }),
    );
  });
});
