import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestWord, suggestWord } from './nearest.js';

const known = ['learning_rate', 'minimum_learning_rate', 'beta1', 'beta2', 'steps', 'seed'];

test('a slip of the finger finds the word that was meant', () => {
  const slips = {
    learning_rat: 'learning_rate',
    'learning-rate': 'learning_rate',
    STEPS: 'steps',
    sede: 'seed',
    beta3: 'beta1',
  };
  for (const [slip, word] of Object.entries(slips)) assert.equal(nearestWord(slip, known), word);
});

test('a word that is like none finds none, however long it is', () => {
  for (const word of ['zzz', '', 'x'.repeat(1_000_000)]) assert.equal(nearestWord(word, known), undefined);
});

test('a suggestion names the nearest word, or all', () => {
  assert.equal(suggestWord('step', known), "did you mean 'steps'?");
  assert.equal(suggestWord('zzz', ['a', 'b']), 'use one of a, b');
});
