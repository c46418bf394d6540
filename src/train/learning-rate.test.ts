import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultTrainingConfig } from '../config/index.js';
import { learningRateAt } from './learning-rate.js';

const optimizer = { ...defaultTrainingConfig.optimizer, learningRate: 1, minimumLearningRate: 0.1, warmupSteps: 10 };

describe('the learning rate', () => {
  it('rises to its full value over the warm-up', () => {
    assert.equal(learningRateAt(optimizer, 1, 110), 0.1);
    assert.equal(learningRateAt(optimizer, 10, 110), 1);
  });

  it('falls as half a cosine to the minimum at the last step', () => {
    assert.ok(Math.abs(learningRateAt(optimizer, 60, 110) - 0.55) < 1e-12);
    assert.ok(Math.abs(learningRateAt(optimizer, 110, 110) - 0.1) < 1e-12);
    assert.ok(Math.abs(learningRateAt(optimizer, 500, 110) - 0.1) < 1e-12);
  });

  it('needs no warm-up', () => assert.ok(learningRateAt({ ...optimizer, warmupSteps: 0 }, 1, 100) > 0.99));
});
