import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { areaPath, peakColumns } from './memory-columns.js';

const curveOf = (...points: readonly (readonly [time: number, amount: number])[]) => ({
  time: Float64Array.from(points, ([time]) => time),
  amount: Float64Array.from(points, ([, amount]) => amount),
});

const curve = curveOf([0, 0], [1, 2], [2.2, 5], [2.4, 1], [4, 3]);

describe('the columns of a memory curve', () => {
  it('hold what is held there, also between its steps', () => {
    assert.deepEqual([...peakColumns(curve, { from: 0, to: 6 }, { columns: 6, end: 9 })], [0, 2, 5, 1, 3, 3]);
  });

  it('of a part of the time begin with what is held already', () => {
    assert.deepEqual([...peakColumns(curve, { from: 2.5, to: 3.5 }, { columns: 2, end: 9 })], [1, 1]);
  });

  it('end where the schedule does', () => {
    assert.deepEqual([...peakColumns(curve, { from: 3, to: 6 }, { columns: 3, end: 5 })], [1, 3, Number.NaN]);
  });

  it('show the highest peak, however narrow it is', () => {
    const steps = fc.array(fc.tuple(fc.double({ min: 0.001, max: 3, noNaN: true }), fc.integer({ min: 0, max: 9 })), {
      minLength: 1,
    });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 20 }), (list, columns) => {
        let time = 0;
        const points = list.map(([gap, amount]) => {
          time += gap;
          return [time, amount] as const;
        });
        const all = curveOf([0, 0], ...points);
        const peaks = peakColumns(all, { from: 0, to: time + 1 }, { columns, end: time + 1 });
        assert.equal(Math.max(...peaks), Math.max(0, ...points.map(([, amount]) => amount)));
      }),
    );
  });
});

describe('the area under them', () => {
  it('steps up and down, and ends with the last column', () => {
    const peaks = Float64Array.from([0, 2, 2, 1, Number.NaN]);
    assert.equal(areaPath(peaks, { most: 2, height: 10 }), 'M0 10H0V10H1V0H3V5H4V10Z');
  });

  it('is flat where nothing is held', () => {
    assert.equal(areaPath(new Float64Array(2), { most: 0, height: 10 }), 'M0 10H0V10H2V10Z');
  });
});
