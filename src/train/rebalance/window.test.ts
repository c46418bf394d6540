import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { addStep, countWarmUpSteps, createLoadWindow, type LoadWindow, measureWindow, windowLoads } from './window.js';

const countsOf = (...rows: readonly number[][]) => new Map(rows.map((row, index) => [index + 3, row] as const));

function fill(interval: number, steps: number): LoadWindow {
  let window = createLoadWindow({ layers: [3, 4], experts: 2, interval });
  for (let step = 1; step <= steps; step++) window = addStep(window, step, countsOf([step, 1], [2, 2 * step]));
  return window;
}

it('holds the last steps, without the first of the run', () => {
  assert.deepEqual(
    fill(4, 5).steps.map(({ step }) => step),
    [3, 4, 5],
  );
  const long = fill(1000, 200);
  assert.equal(long.steps.length, 100);
  assert.deepEqual([long.steps[0].step, long.steps[99].step], [101, 200]);
  assert.equal(fill(1, 100).steps.length, 16);
});

it('leaves something for the first decision, whatever the interval', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 10_000 }), (interval) => countWarmUpSteps(interval) < interval));
  assert.deepEqual([1, 5, 20, 1000].map(countWarmUpSteps), [0, 2, 10, 10]);
});

it('leaves dead steps out', () => {
  const window = fill(2, 3);
  assert.equal(addStep(window, 4, countsOf([1, 1], [0, 0])).steps.length, window.steps.length);
  assert.equal(addStep(window, 4, countsOf([0, 1], [0, 1])).steps.length, window.steps.length + 1);
});

it('replaces the steps of a run that was cut off', () => {
  const window = addStep(fill(4, 9), 7, countsOf([70, 1], [1, 1]));
  assert.deepEqual(
    window.steps.map(({ step }) => step),
    [3, 4, 5, 6, 7],
  );
  assert.deepEqual([...window.steps[4].counts], [70, 1, 1, 1]);
});

it('gives its loads, and their mean and variance', () => {
  const window = fill(2, 4);
  assert.deepEqual(windowLoads(window), {
    windows: 3,
    layers: 2,
    experts: 2,
    counts: Float64Array.of(2, 1, 2, 4, 3, 1, 2, 6, 4, 1, 2, 8),
  });
  const { mean, variance } = measureWindow(window);
  assert.deepEqual(
    [...mean].map((value) => Math.round(1e6 * value) / 1e6),
    [3, 1, 2, 6],
  );
  assert.deepEqual(
    [...variance].map((value) => Math.round(1e6 * value) / 1e6),
    [0.666667, 0, 0, 2.666667],
  );
});

it('refuses counts of other layers or experts', () => {
  const window = fill(2, 2);
  assert.throws(() => addStep(window, 3, countsOf([1, 1])), /no counts of 2 experts of layer 4/);
  assert.throws(() => addStep(window, 3, countsOf([1, 1], [1, 1, 1])), /no counts of 2 experts of layer 4/);
});
