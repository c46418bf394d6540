import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../base/index.js';
import { type SplitSegment, scaleSegments, splitResources, timeSplit } from './index.js';

/** A backward that computes while the forward's dispatch is under way. */
function pairOf(compute: number, communication: number, fixedTime = 0): SplitSegment[] {
  return [
    { name: 'dispatch', phase: 'forward', layer: 0, lane: 'communication', chunk: 0, time: communication, fixedTime },
    { name: 'experts', phase: 'backwardInput', layer: 0, lane: 'compute', chunk: 1, time: compute },
  ];
}

const machine = { referenceSms: 20, totalSms: 132, saturationSms: 20 };

test('the reference split gives the times that were measured', () => {
  const segments = pairOf(112, 100, 30);
  const { time, computeTime, communicationTime } = timeSplit({ ...machine, segments }, 20);
  assert.deepEqual([time, computeTime, communicationTime], [112, 112, 100]);
});

test('computation goes by the SMs that are left, communication by its own until the links are full', () => {
  const request = { ...machine, segments: pairOf(112, 100, 20) };
  const times = (sms: number) => scaleSegments(request, sms).map(({ time }) => time);
  assert.deepEqual(times(10), [180, (112 * 112) / 122]);
  assert.deepEqual(times(76), [100, 224]);
});

test('the best split balances the lanes, and of equal ones it is that with the fewest SMs for communication', () => {
  // Computation: 126 x 112 / (132 - c); communication: 113.4 x 20 / c. They meet at 18.3, where 18 leaves communication the longer one.
  const { best, curve } = splitResources({ ...machine, segments: pairOf(126, 113.4) });
  assert.equal(best.communicationSms, 19);
  assert.equal(curve.length, 131);
  const idle = splitResources({ ...machine, segments: pairOf(0, 0) });
  assert.equal(idle.best.communicationSms, 1);
  // All that communication needs is 20 SMs; what computation has then hides behind it.
  const bound = splitResources({ ...machine, segments: pairOf(10, 100) });
  assert.equal(bound.best.communicationSms, 20);
});

test('more SMs than fill the links never help, and the best is the least of the curve', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 100, noNaN: true }),
      fc.double({ min: 0, max: 100, noNaN: true }),
      fc.integer({ min: 1, max: 63 }),
      fc.integer({ min: 1, max: 63 }),
      (compute, communication, referenceSms, saturationSms) => {
        const segments = pairOf(compute, communication, communication / 4);
        const { best, curve } = splitResources({ segments, referenceSms, totalSms: 64, saturationSms });
        assert.ok(best.time <= Math.min(...curve.map(({ time }) => time)) * (1 + 1e-9));
        assert.ok(best.communicationSms <= saturationSms);
        for (const [index, { time, computeTime, exposed }] of curve.entries()) {
          assert.ok(Math.abs(time - computeTime - exposed) <= 1e-9 * (time + 1));
          if (index >= saturationSms) assert.ok(time >= curve[index - 1].time - 1e-9);
        }
      },
    ),
  );
});

test('a split that a GPU does not have is refused in one line', () => {
  const segments = pairOf(1, 1);
  for (const sms of [0, 132, 1.5, Number.NaN]) {
    assert.throws(() => timeSplit({ ...machine, segments }, sms), InputError);
    assert.throws(() => splitResources({ ...machine, segments, referenceSms: sms }), InputError);
  }
  for (const totalSms of [1, 1e9]) assert.throws(() => splitResources({ ...machine, segments, totalSms }), InputError);
  for (const saturationSms of [0, -1, Number.NaN]) {
    assert.throws(() => splitResources({ ...machine, segments, saturationSms }), InputError);
  }
});
