import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drawCurve } from './curve.js';

describe('a curve as text', () => {
  it('shows a line that falls, with its scale', () => {
    const text = drawCurve([3, 2, 1], { width: 20, height: 3 });
    assert.deepEqual(text.split('\n'), ['   3.000 █', '         █▄', '   1.000 ██▁', '']);
  });

  it('has one number where nothing rises or falls', () => {
    assert.deepEqual(drawCurve([5, 5], { width: 20, height: 2 }).split('\n'), ['', '   5.000 ▁▁', '']);
  });

  it('squeezes many values into the width', () => {
    const lines = drawCurve(
      Array.from({ length: 1000 }, (_, index) => index),
      { width: 40, height: 4 },
    ).split('\n');
    assert.ok(lines.every((line) => line.length <= 40));
  });

  it('leaves out what is not finite, and shows nothing of nothing', () => {
    assert.equal(drawCurve([Number.NaN], { width: 40, height: 4 }), '');
    assert.ok(!drawCurve([1, Number.NaN, 2], { width: 40, height: 4 }).includes('NaN'));
  });
});
