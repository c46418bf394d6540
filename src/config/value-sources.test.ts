import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { messageOf, readToml } from './test-config.js';
import { parseTrainingConfig } from './training-config.js';

/** What is wrong is blamed on where it was written: a flag, the file, or the defaults. */
const blamed: readonly [toml: string, overrides: readonly string[], where: string][] = [
  ['', ['model.vocab_size=100'], '--set model.vocab_size=100'],
  ['[model]\nvocab_size = 100', [], 'config.toml, [model]'],
  ['[model]\nvocab_size = 100', ['train.steps=3'], 'config.toml, [model]'],
  ['[model]\nvocab_size = 300', ['model.vocab_size=100', 'data.sequence_length=64'], '--set model.vocab_size=100'],
  ['', ['model.num_experts_per_tok=9'], '--set model.num_experts_per_tok=9'],
  ['', ['data.sequence_length=5000'], '--set data.sequence_length=5000'],
  ['[data]\nsequence_length = 5000', [], 'config.toml, [data]'],
  ['[model]\nmax_position_embeddings = 64', [], 'config.toml, [model]'],
  ['', ['parallel.expert=3'], '--set parallel.expert=3'],
  ['[model]\nn_routed_experts = 9', ['parallel.expert=2'], '--set parallel.expert=2'],
  ['', ['balance.redundant_slots=1'], '--set balance.redundant_slots=1'],
  ['', ['balance.interval=5'], '--set balance.interval=5'],
  ['', ['optimizer.learning_rate=1e-5', 'optimizer.minimum_learning_rate=1'], 'minimum_learning_rate=1 and --set opt'],
  ['', ['model.topk_group=2'], '--set model.topk_group=2'],
  ['', ['model.n_group=3'], '--set model.n_group=3'],
  ['', ['model.first_k_dense_replace=9'], '--set model.first_k_dense_replace=9'],
  ['', ['model.qk_rope_head_dim=3'], '--set model.qk_rope_head_dim=3'],
  ['', ['data.block_steps=3'], '--set data.block_steps=3'],
  ['', ['data.dataset=none'], '--set data.dataset=none'],
];
for (const [toml, overrides, where] of blamed) {
  test(`values that do not fit are blamed on ${where}`, () => {
    const text = messageOf(() => readToml(toml, overrides));
    assert.ok(text.includes(where) && !text.includes('the defaults'), text);
  });
}

test('a value of a flag of its own is blamed on that flag', () => {
  const overrides = [{ text: 'train.steps=0', where: '--steps 0' }];
  const message = messageOf(() => parseTrainingConfig({ tables: {}, where: 'config.toml', overrides }));
  assert.equal(message, 'steps is 0 (--steps 0): use an integer from 1 to 1000000000');
});

test('a size of a model file is blamed on that file, and on a key that changes it', () => {
  const json = JSON.parse(readFileSync('test/fixtures/deepseek-v3-tiny/config.json', 'utf8')) as object;
  const readModelFile = () => ({ ...json, vocab_size: 100 });
  const toml = '[model]\npath = "m.json"\n';
  assert.match(
    messageOf(() => readToml(toml, [], { readModelFile })),
    /\(m\.json\)/,
  );
  assert.match(
    messageOf(() => readToml(`${toml}vocab_size = 99`, [], { readModelFile })),
    /vocab_size is 99.*\(config\.toml, \[model\]\)/,
  );
});
