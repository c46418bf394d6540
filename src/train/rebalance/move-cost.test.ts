import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../../base/index.js';
import { formatMoveCost, priceMove } from './move-cost.js';

const traffic = { bytesPerMove: 300_000, bytesPerSecond: 1e8, expertSeconds: 0.05 };

it('is the share of the experts in a step, rounded up to a power of ten', () => {
  assert.equal(priceMove(traffic), 0.1);
  assert.equal(priceMove({ ...traffic, bytesPerMove: 500_000 }), 0.1);
  assert.equal(priceMove({ ...traffic, bytesPerMove: 501_000 }), 1);
  assert.equal(priceMove({ ...traffic, bytesPerSecond: 1e15 }), 1e-6);
  assert.equal(priceMove({ ...traffic, expertSeconds: 1e-30 }), 1e6);
});

it('never counts a move cheaper than it was measured, nor ten times dearer, and nearly alike what was measured nearly alike', () => {
  const measure = fc.double({ min: 1e-2, max: 1e2, noNaN: true });
  fc.assert(
    fc.property(measure, measure, measure, (bytes, rate, seconds) => {
      const ratio = bytes / rate / seconds;
      const price = priceMove({ bytesPerMove: bytes, bytesPerSecond: rate, expertSeconds: seconds });
      assert.ok((price >= ratio * (1 - 1e-12) && price < 10 * ratio * (1 + 1e-12)) || price === 1e-6);
      assert.match(price.toExponential(), /^1e[+-]\d+$/);
    }),
  );
});

it('refuses what is no measurement', () => {
  for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    for (const name of Object.keys(traffic))
      assert.throws(() => priceMove({ ...traffic, [name]: bad }), InputError, `${name} ${bad}`);
  }
});

it('says what it was made from', () => {
  assert.equal(
    formatMoveCost(traffic, priceMove(traffic)),
    "a move takes 3.00 ms on the wire, counted as 0.1 steps of the experts' computing",
  );
});
