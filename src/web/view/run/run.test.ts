import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { StepMetrics } from '../../../formats/browser.js';
import { addNews, alignCurves, spreadPick } from './history.js';
import { gridOfExperts, gridOfRanks, listMoves } from './loads.js';

function line(step: number, rest: Partial<StepMetrics> = {}): StepMetrics {
  return {
    step,
    loss: 1 / step,
    gradNorm: 1,
    learningRate: 0.001,
    tokens: 10,
    seconds: 1,
    tokensPerSecond: 10,
    computeSeconds: [1, 1],
    communicationSeconds: [0, 0],
    exposedCommunicationSeconds: [0, 0],
    idleSeconds: [0, 0],
    balancedness: 1,
    rankBalancedness: 1,
    rankLoads: [1, 1],
    expertSeconds: [0, 0],
    moves: 0,
    ...rest,
  };
}

const stepsOf = (history: readonly StepMetrics[]) => history.map(({ step }) => step);

describe('the history of a run', () => {
  it('grows by what comes', () => {
    const history = addNews(addNews([], { lines: [line(1), line(2)], isAnew: false }), {
      lines: [line(3)],
      isAnew: false,
    });
    assert.deepEqual(stepsOf(history), [1, 2, 3]);
  });

  it('takes the steps that a resumed run runs again for those that it ran before', () => {
    const before = [line(1), line(2), line(3), line(4)];
    const history = addNews(before, { lines: [line(3, { loss: 7 })], isAnew: false });
    assert.deepEqual(stepsOf(history), [1, 2, 3]);
    assert.equal(history[2]?.loss, 7);
    assert.equal(before.length, 4);
  });

  it('begins anew where the file does', () => {
    assert.deepEqual(stepsOf(addNews([line(8)], { lines: [line(1)], isAnew: true })), [1]);
  });

  it('has steps that ascend, whatever comes', () => {
    const news = fc.array(fc.tuple(fc.array(fc.integer({ min: 1, max: 9 })), fc.boolean()));
    fc.assert(
      fc.property(news, (portions) => {
        let history: readonly StepMetrics[] = [];
        for (const [steps, isAnew] of portions)
          history = addNews(history, { lines: steps.map((step) => line(step)), isAnew });
        assert.ok(stepsOf(history).every((step, place, all) => place === 0 || step > all[place - 1]!));
      }),
    );
  });
});

describe('curves of several runs', () => {
  it('share their steps, and have nothing where a run has no such step', () => {
    const curves = [
      {
        name: 'a',
        points: [
          { step: 1, value: 5 },
          { step: 3, value: 4 },
        ],
      },
      {
        name: 'b',
        points: [
          { step: 2, value: 9 },
          { step: 3, value: undefined },
        ],
      },
    ];
    assert.deepEqual(alignCurves(curves), {
      steps: [1, 2, 3],
      values: [
        [5, null, 4],
        [null, 9, null],
      ],
    });
  });
});

describe('a spread choice', () => {
  it('has the first and the last, no entry twice, and no more than asked for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 2, max: 60 }), (length, most) => {
        const list = Array.from({ length }, (_, index) => index);
        const picked = spreadPick(list, most);
        assert.equal(picked.length, Math.min(length, most));
        assert.equal(new Set(picked).size, picked.length);
        if (length > 0) assert.deepEqual([picked[0], picked.at(-1)], [0, length - 1]);
      }),
    );
  });
});

describe('loads over time', () => {
  it('are multiples of the mean of the ranks that share experts, at each step', () => {
    const history = [line(1, { rankLoads: [3, 1] }), line(2, { rankLoads: [5, 5], unmovedRankLoads: [4, 0] })];
    assert.deepEqual([...gridOfRanks(history, 'measured', 2).values], [1.5, 1, 0.5, 1]);
    assert.deepEqual([...gridOfRanks(history, 'unmoved', 2).values], [1.5, 2, 0.5, 0]);
    assert.deepEqual([...gridOfRanks(history, 'measured', 1).values], [1, 1, 1, 1]);
  });

  it('of experts are those of one layer, from all files', () => {
    const file = (steps: number[], counts: number[]) => ({
      steps,
      layers: [1, 2],
      experts: 2,
      counts: Float64Array.from(counts),
    });
    const files = [file([11], [9, 9, 1, 3]), file([12, 13], [0, 0, 5, 5, 0, 0, 2, 0])];
    const { values, steps, rows } = gridOfExperts(files, 1);
    assert.deepEqual(steps, [11, 12, 13]);
    assert.equal(rows, 2);
    assert.deepEqual([...values], [0.5, 1, 2, 1.5, 1, 0]);
  });

  it('have a mark where experts moved, at the next step that is shown', () => {
    const history = [line(1), line(2, { moves: 3 }), line(3), line(4, { moves: 1 }), line(9, { moves: 2 })];
    assert.deepEqual(
      listMoves(history, { steps: [1, 3, 4] }).map(({ column, words }) => `${column} ${words}`),
      ['1 3 replicas moved at the end of step 2', '2 1 replica moved at the end of step 4'],
    );
  });
});
