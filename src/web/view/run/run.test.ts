import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { StepMetrics } from '../../../formats/browser.js';
import type { StepRecord } from '../../../simulate/index.js';
import { countPredicted } from './count-predicted.js';
import { formatTokens } from './format-tokens.js';
import { addNews, pickSteadily, strideFor, thinSteps } from './history.js';
import { gridOfExperts, gridOfRanks, listMoves } from './loads.js';
import { describeOutlook } from './outlook.js';
import { formatRunIds, parseRunIds } from './run-ids.js';

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

describe('a choice of a long list', () => {
  const listOf = (length: number) => Array.from({ length }, (_, index) => index);

  it('has the first and the last entry, and about as many as asked for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 2, max: 60 }), (length, most) => {
        const picked = pickSteadily(listOf(length), most);
        assert.ok(picked.length <= most + 1 && picked.length >= Math.min(length, most / 2));
        assert.deepEqual([picked[0], picked.at(-1)], [0, length - 1]);
      }),
    );
  });

  it('stays while the list grows, until it is twice as long', () => {
    const picked = pickSteadily(listOf(101), 50);
    assert.deepEqual(pickSteadily(listOf(200), 50).slice(0, 26), picked.slice(0, 26));
  });
});

describe('steps that are left out of a long run', () => {
  it('are not those in which something happens, unless that is always so', () => {
    const history = Array.from({ length: 64 }, (_, place) => line(place + 1, place === 4 ? { validationLoss: 1 } : {}));
    assert.deepEqual(stepsOf(thinSteps(history, 16)), [5, 16, 32, 48, 64]);
    assert.deepEqual(thinSteps(history, 1), history);
    assert.deepEqual([0, 2 ** 25, 2 ** 27].map(strideFor), [1, 1, 4]);
    const busy = history.map((metrics) => ({ ...metrics, validationLoss: 1 }));
    assert.ok(thinSteps(busy, 16).length <= 8);
    assert.deepEqual(stepsOf(thinSteps([line(5, { validationLoss: 1 })], 16)), [5]);
  });
});

describe('names of runs in an address', () => {
  it('come back as they were, whatever is in them, each once and not too many', () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 6 });
    fc.assert(fc.property(names, (ids) => assert.deepEqual(parseRunIds(formatRunIds(ids)), ids)));
    assert.deepEqual(parseRunIds('a,,a,b'), ['a', 'b']);
    assert.deepEqual(parseRunIds('100%,%zz'), ['100%', '%zz']);
    assert.equal(parseRunIds('1,2,3,4,5,6,7,8').length, 6);
    assert.equal(formatRunIds(['20260101-1200', 'my run']), '20260101-1200,my run');
  });
});

describe('what is to be expected of a run', () => {
  const history = [1, 2, 3].map((step) => line(step, { seconds: 2 }));
  const usual = { steps: 10, quietSeconds: 1, isFinished: false };

  it('is the time at the pace of its last steps, as far as its end is known', () => {
    assert.equal(describeOutlook(history, usual), 'about 14.0 s left');
    assert.equal(describeOutlook(history, { ...usual, steps: 2 }), 'about 0 s left');
    assert.equal(describeOutlook(history, { ...usual, steps: undefined }), 'the last one so far');
    assert.equal(describeOutlook(history, { ...usual, isFinished: true, quietSeconds: 1e6 }), 'the run is over');
  });

  it('is doubt where no step has come for long', () => {
    assert.match(describeOutlook(history, { ...usual, quietSeconds: 200 }), /^no step for 3 min 20 s/);
    const slow = history.map((metrics) => ({ ...metrics, seconds: 100 }));
    assert.match(describeOutlook(slow, { ...usual, quietSeconds: 200 }), /left$/);
  });
});

describe('a rate of tokens', () => {
  it('is short, and keeps the zeros that count', () => {
    const rates = [0, 50, 100, 950, 1000, 1500, 41_500, 40_000, 2e6, 0.5];
    assert.deepEqual(rates.map(formatTokens), [
      '0',
      '50',
      '100',
      '950',
      '1 k',
      '1.5 k',
      '41.5 k',
      '40 k',
      '2 M',
      '0.5',
    ]);
  });
});

describe('what is predicted', () => {
  it('counts the segments of all microbatches on all expert ranks, and the actions', () => {
    const segment = { name: 'a', phase: 'forward', lane: 'compute', seconds: [1, 1] } as const;
    const record = {
      schedule: { name: '1f1b', ranks: 2, microbatches: 10 },
      layers: [
        { first: 0, end: 1 },
        { first: 1, end: 2 },
      ],
      expert: 2,
      parts: [{ part: 'layer', layer: 0, forward: [segment, segment], backward: [segment] }],
    } as unknown as StepRecord;
    assert.equal(countPredicted(record), 10 * (3 * 2 + 3 * 2));
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
