import assert from 'node:assert/strict';
import { it } from 'node:test';
import { beginSentence } from './sentence.js';

it('a message begins with a capital unless its first word is a name', () => {
  assert.equal(beginSentence('the schedule cannot run'), 'The schedule cannot run');
  assert.equal(beginSentence('it is no TOML'), 'It is no TOML');
  for (const kept of ['model_type is "x"', 'dualpipev needs 4 ranks', '7 does not divide', 'thesis.json is empty', ''])
    assert.equal(beginSentence(kept), kept);
});
