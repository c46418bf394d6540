import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countParts, cutCosts } from './cut.js';

const twoStages = { pipelines: [[0, 1]], stageToRank: [0, 1] };
const copies = {
  pipelines: [
    [0, 1],
    [2, 3],
  ],
  stageToRank: [0, 1, 1, 0],
};

test('a number is of a share of the model, so half a share takes half; a message stays', () => {
  const costs = { forward: 4, backwardInput: 2, backwardWeight: 1, overlapped: 6, p2p: 3, memory: { parameters: 10 } };
  assert.equal(countParts(costs, 1), 1);
  assert.deepEqual(cutCosts(costs, 1, twoStages), {
    ...{ forward: 2, backwardInput: 1, backwardWeight: 0.5, overlapped: 3, p2p: 3 },
    memory: { parameters: 5 },
  });
});

test('a list is of parts: a stage has the sum of its run, and each copy the whole model', () => {
  const costs = { forward: [1, 2, 3, 4], backwardInput: 1, backwardWeight: [0, 0, 0, 8], p2p: 0 };
  assert.equal(countParts(costs, 2), 4);
  assert.deepEqual(cutCosts(costs, 4, copies), {
    ...{ forward: [3, 7, 3, 7], backwardInput: 2, backwardWeight: [0, 8, 0, 8], p2p: 0 },
  });
  assert.throws(() => cutCosts(costs, 4, { pipelines: [[0, 1, 2]], stageToRank: [0, 1, 2] }), /do not divide into 3/);
});

test('a table of pairs goes by the place in the chain, and stages of segments join with layers of their own', () => {
  const overlapped = [
    [1, 2],
    [null, 4],
  ];
  const costs = { forward: 1, backwardInput: 1, backwardWeight: 1, overlapped, p2p: 0 };
  const folded = { pipelines: [[1, 0]], stageToRank: [0, 0] };
  assert.deepEqual(cutCosts(costs, 2, folded).overlapped, [
    [4, null],
    [2, 1],
  ]);
  const segment = (time: number, phase: 'forward' | 'backwardInput') =>
    ({ name: 'mlp', phase, layer: 0, lane: 'compute', time }) as const;
  const stage = (time: number) => ({ forward: [segment(time, 'forward')], backward: [segment(time, 'backwardInput')] });
  const joined = cutCosts(
    { forward: 1, backwardInput: 1, backwardWeight: 1, p2p: 0, segments: [stage(1), stage(2)] },
    2,
    { pipelines: [[0]], stageToRank: [0] },
  ).segments;
  assert.deepEqual(joined, [
    {
      forward: [segment(1, 'forward'), { ...segment(2, 'forward'), layer: 1 }],
      backward: [{ ...segment(2, 'backwardInput'), layer: 1 }, segment(1, 'backwardInput')],
    },
  ]);
});

test('lists of different lengths are refused', () => {
  const costs = { forward: [1, 2], backwardInput: [1], backwardWeight: 1, p2p: 0 };
  assert.throws(() => countParts(costs, 2), /the costs list 2 stages in forward and 1 in backwardInput/);
});
