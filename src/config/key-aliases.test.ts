import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aliases } from './key-aliases.js';
import { listTrainingKeys } from './listing.js';
import { messageOf, readToml } from './test-config.js';

const meant: readonly [override: string, key: string][] = [
  ['optimizer.lr=1', 'learning_rate'],
  ['optimizer.LR=1', 'learning_rate'],
  ['train.lr=1', 'optimizer.learning_rate'],
  ['train.learning_rate=1', 'optimizer.learning_rate'],
  ['train.max_steps=1', 'steps'],
  ['train.maxSteps=1', 'steps'],
  ['training.seq_len=1', 'data.sequence_length'],
  ['data.seq-len=1', 'sequence_length'],
  ['train.batch_size=1', 'schedule.microbatch_size'],
  ['schedule.gradient_accumulation_steps=1', 'microbatches'],
  ['parallel.pp=1', 'pipeline'],
  ['model.num_experts=1', 'n_routed_experts'],
  ['balance.seed=1', 'train.seed'],
];
for (const [override, key] of meant) {
  test(`--set ${override} is asked whether ${key} was meant`, () => {
    const message = messageOf(() => readToml('', [override]));
    assert.ok(message.endsWith(`: did you mean '${key}'?`), message);
  });
}

test('every alias leads to a key that there is', () => {
  const keys = new Set(listTrainingKeys().map(({ key }) => key));
  for (const key of Object.keys(aliases)) assert.ok(keys.has(key), key);
});

test('an override without a table is asked whether a key was meant, with its value', () => {
  for (const [text, example] of [
    ['lr=1e-4', 'optimizer.learning_rate=1e-4'],
    ['steps=7', 'train.steps=7'],
    ['x=1', 'optimizer.learning_rate=1e-3'],
  ]) {
    const message = messageOf(() => readToml('', [text]));
    assert.ok(message.endsWith(`write for example --set ${example}`), message);
    readToml('', [example]);
  }
});
