import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { InputError } from '../base/index.js';
import { defaultTrainingConfig } from './defaults.js';
import { formatHuggingFaceConfig, parseHuggingFaceConfig } from './hugging-face.js';

const written = JSON.parse(readFileSync('test/fixtures/deepseek-v3-tiny/config.json', 'utf8')) as Record<
  string,
  unknown
>;

test('reads what transformers writes', () => {
  const model = parseHuggingFaceConfig(written);
  assert.equal(model.hiddenSize, 64);
  assert.equal(model.qLoraRank, 24);
  assert.equal(model.ropeTheta, 10_000);
  assert.equal(model.nGroup, 2);
  assert.equal(model.tieWordEmbeddings, false);
});

test('writes what transformers writes, but for the version of transformers', () => {
  const { transformers_version: _, ...expected } = written;
  const config = JSON.parse(formatHuggingFaceConfig(parseHuggingFaceConfig(written))) as object;
  assert.deepEqual(config, expected);
  assert.deepEqual(Object.keys(config), Object.keys(expected));
});

test('a model without compressed queries comes back from its file', () => {
  const { model } = defaultTrainingConfig;
  const config = JSON.parse(formatHuggingFaceConfig(model)) as Record<string, unknown>;
  assert.equal(config.q_lora_rank, null);
  assert.deepEqual(parseHuggingFaceConfig(config), model);
});

test('whole floats are written with a point, as transformers takes no integer for them', () => {
  const text = formatHuggingFaceConfig({ ...defaultTrainingConfig.model, routedScalingFactor: 1 });
  for (const line of [
    '"routed_scaling_factor": 1.0,',
    '"rope_theta": 10000.0,',
    '"attention_dropout": 0.0,',
    '"hidden_size": 160,',
  ]) {
    assert.ok(text.includes(line), text);
  }
});

test('reads the older spelling of RoPE, as DeepSeek publishes it', () => {
  const { rope_parameters: _, ...older } = written;
  assert.equal(parseHuggingFaceConfig({ ...older, rope_theta: 50_000, rope_scaling: null }).ropeTheta, 50_000);
  assert.equal(parseHuggingFaceConfig(older).ropeTheta, 10_000);
  assert.equal(parseHuggingFaceConfig({ ...written, rope_theta: 7 }).ropeTheta, 10_000);
});

test('positions that are stretched by 1 are as they are', () => {
  const { rope_parameters: _, ...older } = written;
  for (const type of ['yarn', 'linear', 'dynamic', 'llama3', 'default']) {
    const stretched = { rope_type: type, factor: 1, original_max_position_embeddings: 128, mscale_all_dim: 1 };
    assert.equal(parseHuggingFaceConfig({ ...older, rope_theta: 7, rope_scaling: stretched }).ropeTheta, 7);
    assert.equal(parseHuggingFaceConfig({ ...older, rope_parameters: { ...stretched, rope_theta: 7 } }).ropeTheta, 7);
  }
});

test('how weights are stored does not change the model', () => {
  const quantization = { quant_method: 'fp8', weight_block_size: [128, 128] };
  assert.deepEqual(
    parseHuggingFaceConfig({ ...written, quantization_config: quantization, torch_dtype: 'bfloat16' }),
    parseHuggingFaceConfig(written),
  );
});

test('ignores the layers of multi-token prediction', () => {
  assert.deepEqual(
    parseHuggingFaceConfig({ ...written, num_nextn_predict_layers: 1 }),
    parseHuggingFaceConfig(written),
  );
});

const refused: readonly [name: string, change: unknown, message: RegExp][] = [
  [
    'YaRN',
    { rope_scaling: { type: 'yarn', factor: 40 } },
    /rope_scaling is .*yarn.*not supported \(config\.json\): take a model whose positions are not stretched/,
  ],
  [
    'YaRN in the newer spelling',
    { rope_parameters: { rope_type: 'yarn', rope_theta: 1e4, factor: 40 } },
    /rope_parameters is .*not supported/,
  ],
  [
    'YaRN that changes scores alone',
    { rope_scaling: { type: 'yarn', factor: 1, attention_factor: 2 } },
    /rope_scaling is "yarn" with a factor of 1 and an attention_factor of 2/,
  ],
  ['another way to stretch positions', { rope_scaling: { rope_type: 'longrope', factor: 1 } }, /rope_scaling is/],
  ['RoPE settings that are no table', { rope_parameters: 3 }, /rope_parameters is 3/],
  [
    'biases in attention',
    { attention_bias: true },
    /attention_bias is true, which is not supported .*: take a model with false/,
  ],
  ['another activation', { hidden_act: 'gelu' }, /hidden_act is "gelu"/],
  ['another choice of experts', { topk_method: 'greedy' }, /topk_method is "greedy"/],
  ['another score of experts', { scoring_func: 'softmax' }, /scoring_func is "softmax"/],
  ['another architecture', { model_type: 'llama' }, /model_type is "llama"/],
  ['grouped-query attention', { num_key_value_heads: 2 }, /num_key_value_heads is 2 with 4 attention heads/],
  ['a size in quotes', { hidden_size: '64' }, /hidden_size is "64" \(config\.json\): use an integer from 1/],
  ['a negative size', { v_head_dim: -1 }, /v_head_dim is -1/],
  ['an absurd size', { hidden_size: 1e15 }, /hidden_size is 1000000000000000/],
  ['sizes that do not fit', { topk_group: 3 }, /topk_group is 3, more than the 2 groups/],
];
for (const [name, change, message] of refused) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => parseHuggingFaceConfig({ ...written, ...(change as object) }),
      (error) => {
        assert.ok(error instanceof InputError);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test('names every size that is missing', () => {
  const { hidden_size: _, v_head_dim: __, ...rest } = written;
  assert.throws(
    () => parseHuggingFaceConfig(rest, 'm/config.json'),
    /^InputError: no hidden_size, v_head_dim \(m\/config\.json\): /,
  );
  for (const json of [null, 3, [], 'text']) assert.throws(() => parseHuggingFaceConfig(json), InputError);
});
