import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { StepMetrics } from '../../../formats/browser.js';
import { findUnknownNumber } from '../parameters.js';
import { describeMissingRuns, findRunRefusals, readCurveChoice } from './address.js';
import { listDifferences, readConfigValues } from './config-differences.js';
import { alignCurves, logarithmicMarks, placesOf, positiveOnly, smoothCurve, tellMarks } from './curves.js';
import { passesFilter } from './run-ids.js';

function line(step: number, rest: Pick<StepMetrics, 'tokens' | 'seconds'>): StepMetrics {
  const ranks = {
    computeSeconds: [],
    communicationSeconds: [],
    exposedCommunicationSeconds: [],
    idleSeconds: [],
    rankLoads: [],
    expertSeconds: [],
  };
  const ratios = { balancedness: 1, rankBalancedness: 1 };
  return { step, loss: 1, gradNorm: 1, learningRate: 1, tokensPerSecond: 1, moves: 0, ...ratios, ...ranks, ...rest };
}

describe('curves of several runs', () => {
  it('share their places, and have nothing where a run has no such place', () => {
    const curves = [
      { places: [1, 3], values: [5, 4] },
      { places: [2, 3], values: [9, null] },
    ];
    assert.deepEqual(alignCurves(curves), {
      places: [1, 2, 3],
      values: [
        [5, null, 4],
        [null, 9, null],
      ],
    });
    assert.deepEqual(alignCurves([]), { places: [], values: [] });
  });

  it('have each value at its place, whatever places the runs have', () => {
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 20 }))), (lists) => {
        const sorted = lists.map((list) => [...list].sort((a, b) => a - b));
        const { places, values } = alignCurves(sorted.map((list) => ({ places: list, values: list })));
        assert.deepEqual(
          places,
          [...new Set(lists.flat())].sort((a, b) => a - b),
        );
        for (const [run, list] of lists.entries())
          assert.deepEqual(
            values[run],
            places.map((place) => (list.includes(place) ? place : null)),
          );
      }),
    );
  });

  it('lie over steps, tokens or time, those of steps that were left out too', () => {
    const history = [line(1, { tokens: 10, seconds: 2 }), line(4, { tokens: 20, seconds: 3 })];
    assert.deepEqual(placesOf(history, 'step'), [1, 4]);
    assert.deepEqual(placesOf(history, 'tokens'), [10, 70]);
    assert.deepEqual(placesOf(history, 'time'), [2, 11]);
  });

  it('are smoothed by a mean that begins at the first value and keeps one that does not change', () => {
    assert.deepEqual(smoothCurve([4, null, 1], 0.5), [4, null, 2]);
    assert.deepEqual(smoothCurve([1, 2, 3], 0), [1, 2, 3]);
    const kept = smoothCurve(new Array<number>(50).fill(7), 0.9);
    assert.ok(kept.every((value) => Math.abs((value ?? 0) - 7) < 1e-9));
    assert.deepEqual(positiveOnly([1, 0, -2, null]), [1, null, null, null]);
  });
});

describe('the axes of curves', () => {
  it('have round marks on a logarithmic scale, however short or long it is', () => {
    assert.deepEqual(logarithmicMarks(2.8, 3.3), [2.8, 2.9, 3, 3.1, 3.2, 3.3]);
    assert.deepEqual(logarithmicMarks(3, 40), [5, 10, 20]);
    assert.deepEqual(logarithmicMarks(1e-6, 2e-3), [1e-6, 1e-5, 1e-4, 1e-3]);
    fc.assert(
      fc.property(
        fc.double({ min: -12, max: 12, noNaN: true }),
        fc.double({ min: 0.01, max: 20, noNaN: true }),
        (low, decades) => {
          const [min, max] = [10 ** low, 10 ** (low + decades)];
          const marks = logarithmicMarks(min, max);
          assert.ok(marks.length <= 8 && marks.every((mark) => mark >= min * (1 - 1e-9) && mark <= max * (1 + 1e-9)));
        },
      ),
    );
  });

  it('have marks with as few digits as tell them apart', () => {
    const fixed = (value: number, digits: number) => value.toFixed(digits);
    assert.deepEqual(tellMarks([4, 5, 6], fixed), ['4', '5', '6']);
    assert.deepEqual(tellMarks([1.85, 1.9, 1.95], fixed), ['1.85', '1.90', '1.95']);
    assert.deepEqual(tellMarks([4.75, 5, 5.25], fixed), ['4.75', '5.00', '5.25']);
    assert.deepEqual(tellMarks([1, null, 10], fixed), ['1', '', '10']);
    assert.deepEqual(
      tellMarks([1.9e-3, 1.95e-3, 2e-3], (value, digits) => value.toExponential(digits)),
      ['1.90e-3', '1.95e-3', '2.00e-3'],
    );
    assert.equal(
      tellMarks([1, 2], () => 'same').every((text) => text === 'same'),
      true,
    );
  });
});

describe('an address of the view Run', () => {
  it('tells how curves are drawn, and what is wrong in it is said and left out', () => {
    const good = { x: 'tokens', smooth: '0.6', log: '1', curves: '10~20', runs: 'a,b', step: '3', layer: '0' };
    assert.deepEqual(findRunRefusals({ ...good, window: '0.1~0.2', filter: 'x' }), []);
    assert.deepEqual(readCurveChoice(good), {
      axis: 'tokens',
      smoothing: 0.6,
      isLogarithmic: true,
      zoom: { from: 10, to: 20 },
    });
    const bad = { x: 'foo', smooth: '1', log: 'yes', curves: '20~10', runs: ',', step: 'banana', layer: '-1' };
    const wrong = findRunRefusals({ ...bad, window: '1', ranks: '8', toString: '1', filter: '' });
    const names = new Set(wrong.map(({ name }) => name));
    assert.deepEqual(names, new Set([...Object.keys(bad), 'window', 'ranks', 'toString']));
    const step = wrong.find(({ name }) => name === 'step');
    assert.deepEqual(step, {
      name: 'step',
      value: 'banana',
      words: 'is no whole number of 0 or more: it is left out',
    });
    assert.deepEqual(readCurveChoice(bad), { axis: 'step', smoothing: 0, isLogarithmic: false, zoom: undefined });
  });

  it('says which number is none of those there are, and nothing of what is no number', () => {
    const find = (layer: string) => findUnknownNumber({ layer }, 'layer', [1, 2], 'has no loads');
    assert.deepEqual(find('0'), [{ name: 'layer', value: '0', words: 'has no loads' }]);
    assert.deepEqual(['1', '', 'banana'].map(find), [[], [], []]);
  });

  it('names the runs that there are not, and how many are too many', () => {
    const known = new Set(['a', 'b']);
    assert.deepEqual(describeMissingRuns('', known), []);
    assert.deepEqual(describeMissingRuns('a,b', known), []);
    assert.deepEqual(describeMissingRuns('a,nope', known), ['There is no run nope']);
    assert.deepEqual(describeMissingRuns('a,b,a1,a2,a3,a4,a5', new Set([...known, 'a1', 'a2', 'a3', 'a4', 'a5'])), [
      'The first 6 of 7 runs are shown',
    ]);
  });

  it('filters runs by each word of their names or folders', () => {
    const run = { id: '2026-wide', folder: 'runs/2026-wide' };
    assert.deepEqual(
      ['', 'WIDE', 'runs 2026', 'narrow', 'wide narrow'].map((filter) => passesFilter(run, filter)),
      [true, true, true, false, false],
    );
  });
});

describe('what differs between configs', () => {
  it('is each key with its values, also one that a config lacks, and nothing else', () => {
    const one = readConfigValues('[train]\nseed = 1\nsteps = 5\n[data]\ntext = ["a", "b"]\n');
    const other = readConfigValues('[train]\nseed = 7\nsteps = 5\n');
    assert.deepEqual(listDifferences([one, other]), [
      { key: 'train.seed', values: ['1', '7'] },
      { key: 'data.text', values: ['["a","b"]', undefined] },
    ]);
    assert.deepEqual(listDifferences([one, one]), []);
    assert.throws(() => readConfigValues('nonsense = [[['), /config/);
  });
});
