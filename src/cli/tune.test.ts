import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeBest } from './tune.js';

const best = { tokensPerSecond: 1000, stepSeconds: { median: 2.5, min: 2.28, max: 6.13 }, steps: 2 };
const found = { cores: 2, best, isClear: true, gain: 1.57, isGainClear: false };

test('a gain within the noise of the config as given is not told as a ratio', () => {
  const given = { stepSeconds: { median: 3.9, min: 3, max: 4.5 } };
  assert.equal(
    describeBest({ ...found, given }).join(' '),
    'Found by doubletrack tune on 2 cores: 1000 tokens/s, 2.50 s a step [2.28..6.13] in 2 steps; ' +
      'within the noise of the config as given [3.00..4.50].',
  );
  assert.match(describeBest({ ...found, given, isGainClear: true }).join(' '), /; 1\.57x the config as given\.$/);
  assert.match(describeBest({ ...found, given, gain: 1 }).join(' '), /; it is the config as given\.$/);
  assert.match(describeBest({ ...found, given: null, gain: null }).join(' '), /in 2 steps\.$/);
});
