import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { improveSplit, splitEvenly } from './stage-split.js';

const chains = fc
  .array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 9 })
  .chain((seconds) => fc.tuple(fc.constant(seconds), fc.integer({ min: 1, max: seconds.length })));

/** Sums of the runs of a split, or undefined if one is empty or parts are left. */
function runsOf(seconds: readonly number[], ends: readonly number[]): number[] {
  return ends.map((end, stage) => {
    const run = seconds.slice(ends[stage - 1] ?? 0, end);
    assert.ok(run.length > 0);
    return run.reduce((sum, time) => sum + time, 0);
  });
}

/** All splits of `parts` into `stages`. */
function* allSplits(parts: number, stages: number, start = 0): Generator<number[]> {
  if (stages === 1) {
    yield [parts];
    return;
  }
  for (let end = start + 1; end <= parts - stages + 1; end++)
    for (const rest of allSplits(parts, stages - 1, end)) yield [end, ...rest];
}

test('no split has a smaller largest run, and of those none a smaller sum of squares', () => {
  fc.assert(
    fc.property(chains, ([seconds, stages]) => {
      const ends = splitEvenly(seconds, stages);
      assert.equal(ends.length, stages);
      assert.equal(ends.at(-1), seconds.length);
      const measure = (split: readonly number[]) => {
        const runs = runsOf(seconds, split);
        return { most: Math.max(...runs), squares: runs.reduce((sum, run) => sum + run * run, 0) };
      };
      const all = [...allSplits(seconds.length, stages)].map(measure);
      const most = Math.min(...all.map((one) => one.most));
      const squares = Math.min(...all.filter((one) => one.most === most).map((one) => one.squares));
      assert.deepEqual(measure(ends), { most, squares });
    }),
  );
});

test('improving never makes a split worse, and ends where no move helps', () => {
  const cost = (seconds: readonly number[]) => (ends: readonly number[]) => {
    const runs = runsOf(seconds, ends);
    return Math.max(...runs.map((run, stage) => run + (runs[runs.length - 1 - stage] as number)));
  };
  fc.assert(
    fc.property(chains, ([seconds, stages]) => {
      const before = splitEvenly(seconds, stages);
      const after = improveSplit(before, cost(seconds));
      assert.ok(cost(seconds)(after) <= cost(seconds)(before));
      assert.deepEqual(improveSplit(after, cost(seconds)), after);
    }),
  );
});
