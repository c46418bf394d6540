import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { pickKeptSteps, type StepMark } from './kept-steps.js';

const none: ReadonlyMap<number, StepMark> = new Map();
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

/** Adds steps one after the other and throws away what does not stay. */
function addAll(steps: readonly number[], marks: ReadonlyMap<number, StepMark>): number[] {
  let kept: number[] = [];
  for (const step of steps) kept = pickKeptSteps([...kept, step], marks);
  return kept;
}

it('keeps all steps of a short run, and of a long one every second, fourth, eighth', () => {
  assert.deepEqual(pickKeptSteps(upTo(128), none), upTo(128));
  for (const last of [129, 300, 1000, 5000]) {
    const kept = pickKeptSteps(upTo(last), none);
    const even = kept.slice(0, -1);
    const spacing = even[1]! - even[0]!;
    assert.ok(Number.isInteger(Math.log2(spacing)) && spacing > 1);
    for (const [index, step] of even.entries()) assert.equal(step, 1 + index * spacing);
    assert.ok(kept.length > 64 && kept.length <= 129, `${kept.length} of ${last}`);
    assert.equal(kept.at(-1), last);
  }
});

const gaps = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 700 });
const run = fc.tuple(
  gaps,
  fc.array(fc.constantFrom(undefined, 'migration', 'decision'), { minLength: 1, maxLength: 9 }),
);

it('is bounded, keeps the last step, and leaves no hole where there was a step', () => {
  fc.assert(
    fc.property(run, ([between, pattern]) => {
      let step = 0;
      const steps = between.map((gap) => (step += gap));
      const marks = new Map<number, StepMark>();
      for (const [index, one] of steps.entries()) {
        const mark = pattern[index % pattern.length];
        if (mark !== undefined) marks.set(one, mark as StepMark);
      }
      const kept = addAll(steps, marks);
      assert.ok(kept.length <= 193);
      assert.equal(kept.at(-1), steps.at(-1));
      assert.deepEqual(kept, pickKeptSteps(steps, marks));
      const spacing = 2 ** Math.max(0, Math.ceil(Math.log2(step / 128)));
      const places = (list: readonly number[]) => new Set(list.map((one) => Math.floor((one - 1) / spacing)));
      assert.deepEqual(places(kept), places(steps));
    }),
    { numRuns: 40 },
  );
});

it('keeps steps in which experts moved, and where these are too many prefers them to decisions', () => {
  const marks = new Map<number, StepMark>();
  for (let step = 20; step <= 4000; step += 100) {
    marks.set(step, 'decision');
    marks.set(step + 1, 'migration');
  }
  const kept = new Set(pickKeptSteps(upTo(4000), marks));
  const of = (mark: StepMark) => [...marks].filter(([step, one]) => one === mark && kept.has(step)).length;
  assert.equal(of('migration'), 40);
  assert.ok(of('decision') < 40);
});
