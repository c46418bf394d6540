import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseMetrics } from './metrics.js';

const line = {
  step: 3,
  loss: 2,
  gradNorm: 1,
  learningRate: 0,
  tokens: 8,
  seconds: 1,
  tokensPerSecond: 8,
  balancedness: 1,
  rankBalancedness: 1,
  moves: 0,
  computeSeconds: [1],
  communicationSeconds: [0],
  exposedCommunicationSeconds: [0],
  idleSeconds: [0],
  rankLoads: [8],
  expertSeconds: [0],
};
const migration = { moves: 1, bytes: 8, seconds: 0.1, exposedSeconds: 0 };

it('takes a line whole, and leaves out what no line has', () => {
  const whole = { ...line, validationLoss: 2.5, unmovedRankLoads: [9], migration };
  assert.deepEqual(parseMetrics(JSON.stringify({ ...whole, more: 'x'.repeat(1000) })), whole);
});

it('refuses a line in which a number is missing, none, or too large to be one', () => {
  for (const bad of [
    { gradNorm: undefined },
    { rankBalancedness: null },
    { loss: '2' },
    { step: 0 },
    { step: 1.5 },
    { idleSeconds: [null] },
    { rankLoads: { length: 1 } },
    { expertSeconds: undefined },
    { rankLoads: new Array<number>(5000).fill(1) },
  ])
    assert.equal(parseMetrics(JSON.stringify({ ...line, ...bad })), undefined, JSON.stringify(bad).slice(0, 80));
  assert.equal(parseMetrics(JSON.stringify(line).replace('"loss":2', '"loss":1e999')), undefined);
});

it('leaves out of a line what only some have and this one has wrongly', () => {
  for (const bad of [
    { validationLoss: 'low' },
    { validationLoss: null },
    { migration: 7 },
    { migration: { ...migration, bytes: '8' } },
    { decision: { after: 2 } },
    { unmovedRankLoads: 'x' },
    { computeCpuSeconds: [null] },
  ])
    assert.deepEqual(parseMetrics(JSON.stringify({ ...line, ...bad })), line, JSON.stringify(bad));
});
