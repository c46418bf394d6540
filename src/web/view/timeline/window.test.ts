import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fitWindow, listTicks, panWindow, zoomWindow } from './window.js';

const amount = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const someWindow = fc
  .tuple(amount(0.001, 1e6), amount(0, 1), amount(0.001, 1))
  .map(([end, from, length]) => ({ end, window: fitWindow({ from: from * end, to: (from + length) * end }, end) }));

describe('the window of a timeline', () => {
  it('lies within the timeline, whatever is done to it', () => {
    fc.assert(
      fc.property(
        someWindow,
        amount(-3, 3),
        amount(0.01, 100),
        amount(0, 1),
        ({ end, window }, shift, factor, share) => {
          const time = window.from + share * (window.to - window.from);
          for (const { from, to } of [
            window,
            panWindow(window, end, shift),
            zoomWindow(window, end, { time, factor }),
          ]) {
            assert.ok(from >= 0 && to <= end * (1 + 1e-9) && to > from, `${from} to ${to} of ${end}`);
          }
        },
      ),
    );
  });

  it('keeps what is under the pointer where it is while it zooms in', () => {
    fc.assert(
      fc.property(someWindow, amount(0, 1), amount(0.1, 1), ({ end, window }, share, factor) => {
        const time = window.from + share * (window.to - window.from);
        const { from, to } = zoomWindow(window, end, { time, factor });
        assert.ok(Math.abs((time - from) / (to - from) - share) < 1e-3);
      }),
    );
  });

  it('does not become so short that nothing can be told apart', () => {
    let window = { from: 0, to: 10 };
    for (let times = 0; times < 1000; times++) window = zoomWindow(window, 10, { time: 5, factor: 0.5 });
    assert.ok(window.to - window.from >= 9e-7);
  });
});

describe('the marks of a time axis', () => {
  it('are round, within the window, and no more than there is room for', () => {
    assert.deepEqual(listTicks({ from: 0, to: 10 }, 5), { times: [0, 2, 4, 6, 8, 10], step: 2 });
    assert.deepEqual(listTicks({ from: 0.31, to: 0.62 }, 4), { times: [0.4, 0.5, 0.6], step: 0.1 });
  });

  it('are at most one more than asked for', () => {
    fc.assert(
      fc.property(someWindow, fc.integer({ min: 1, max: 40 }), ({ window }, most) => {
        const { times } = listTicks(window, most);
        assert.ok(times.length <= most + 1);
        const slack = 1e-6 * (window.to - window.from);
        for (const time of times) assert.ok(time >= window.from - slack && time <= window.to + slack);
      }),
    );
  });
});
