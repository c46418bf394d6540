import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createPace } from './pace.js';

/** A pace on a clock that the test moves. */
function openPace(options: { leastSeconds: number; share: number; mostShare?: number }) {
  let seconds = 100;
  const pace = createPace({ ...options, clock: () => seconds });
  return {
    ...pace,
    pass(more: number) {
      seconds += more;
    },
    work(length: number) {
      const end = pace.begin();
      seconds += length;
      end();
    },
  };
}

it('is due at first, and again after the least time', () => {
  const pace = openPace({ leastSeconds: 5, share: 1 });
  assert.ok(pace.isDue(0));
  pace.work(1);
  pace.pass(4.5);
  assert.ok(!pace.isDue(0));
  assert.ok(pace.isDue(1));
  pace.pass(0.5);
  assert.ok(pace.isDue(0));
});

it('keeps work to its share of the time, however long a piece takes', () => {
  const pace = openPace({ leastSeconds: 0, share: 0.01 });
  let spent = 0;
  for (let index = 0; index < 10_000; index++) {
    pace.pass(0.1);
    if (!pace.isDue(0)) continue;
    const length = 0.01 * (1 + (index % 7));
    pace.work(length);
    spent += length;
  }
  assert.ok(spent > 0.009 * 1000 && spent < 0.0101 * 1010, `${spent} s`);
});

it('leaves a part for what is wanted more, which need not wait', () => {
  const pace = openPace({ leastSeconds: 5, share: 0.01, mostShare: 0.02 });
  pace.pass(1);
  pace.work(0.015);
  assert.ok(!pace.isDue(0) && pace.isAffordable(0));
  pace.work(0.01);
  assert.ok(!pace.isAffordable(0));
});
