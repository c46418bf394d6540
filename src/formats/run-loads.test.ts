import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InputError } from '../base/index.js';
import { parseRunLoads } from './run-loads.js';

const file = {
  logical_count: [
    [
      [0, 0],
      [1, 2],
      [3, 4],
    ],
    [
      [0, 0],
      [5, 6],
      [7, 8],
    ],
  ],
  steps: [11, 12],
  layers: [1, 2],
};

describe('the loads of a training run', () => {
  it('are those of the layers with experts, by step', () => {
    const { steps, layers, experts, counts } = parseRunLoads(JSON.stringify(file), '0000011-0000012.json');
    assert.deepEqual({ steps, layers, experts }, { steps: [11, 12], layers: [1, 2], experts: 2 });
    assert.deepEqual([...counts], [1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('are refused where steps or layers do not fit them', () => {
    const bad = [
      { ...file, steps: [11] },
      { ...file, steps: [12, 11] },
      { ...file, steps: undefined },
      { ...file, layers: [1, 3] },
      { ...file, layers: [] },
      { ...file, layers: ['1'] },
      { ...file, logical_count: 7 },
      [],
    ];
    for (const value of bad) assert.throws(() => parseRunLoads(JSON.stringify(value), 'x.json'), InputError);
  });
});
