import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paceOf } from './step-pace.js';

const paces = (seconds: readonly number[]) =>
  seconds.map((_, step) => paceOf(seconds.slice(0, step + 1).map((one) => ({ seconds: one }))));

test('the pace of a run is that of its usual steps', () => {
  assert.equal(paceOf([]), 0);
  assert.equal(paceOf([{ seconds: 3 }]), 3);
  // The first step warms up.
  assert.equal(paceOf([9, 1, 1.5].map((seconds) => ({ seconds }))), 1.5);
});

test('now and then a step that takes ten times as long changes the pace by less than a tenth', () => {
  const seconds = Array.from({ length: 90 }, (_, step) => (step % 7 === 3 ? 10 : 1 + 0.01 * (step % 3)));
  for (const pace of paces(seconds).slice(3)) assert.ok(pace < 1.1, String(pace));
});

test('where fast and slow steps take turns, the pace does not jump between them', () => {
  const shown = paces(Array.from({ length: 90 }, (_, step) => (step % 2 === 0 ? 1 : 3))).slice(30);
  assert.ok(Math.max(...shown) / Math.min(...shown) < 1.2);
});

test('a run that becomes slower for good is told so after fewer than 30 steps', () => {
  const seconds = Array.from({ length: 60 }, (_, step) => (step < 30 ? 1 : 2));
  assert.ok(paces(seconds).at(-1) === 2);
});
