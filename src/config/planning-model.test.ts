import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { InputError } from '../base/index.js';
import { parseHuggingFaceConfig } from './hugging-face.js';
import { parsePlanningModel } from './planning-model.js';

const written = JSON.parse(readFileSync('configs/deepseek-v3.json', 'utf8')) as Record<string, unknown>;

test("DeepSeek-V3's own config is read for planning, with YaRN, FP8 and its prediction module", () => {
  const { sizes, predictionModules, precision } = parsePlanningModel(written);
  assert.equal(sizes.hiddenSize, 7168);
  assert.equal(sizes.numHiddenLayers, 61);
  assert.equal(predictionModules, 1);
  assert.equal(precision, 'fp8');
});

test('training refuses the same file for its stretched positions alone', () => {
  assert.throws(() => parseHuggingFaceConfig(written), /rope_scaling is .*not supported/);
  assert.equal(parseHuggingFaceConfig({ ...written, rope_scaling: null }).hiddenSize, 7168);
});

test('without quantization a model is planned in BF16, without a count it has no prediction module', () => {
  const { quantization_config: _, num_nextn_predict_layers: __, ...plain } = written;
  const model = parsePlanningModel(plain);
  assert.deepEqual([model.precision, model.predictionModules], ['bf16', 0]);
});

const refused: readonly [change: unknown, message: RegExp][] = [
  [{ quantization_config: { quant_method: 'awq' } }, /quant_method is "awq", which is not supported/],
  [{ quantization_config: 3 }, /quantization_config is 3/],
  [{ num_nextn_predict_layers: -1 }, /num_nextn_predict_layers is -1/],
  [{ num_nextn_predict_layers: 1e9 }, /use an integer from 0 to 16/],
  [{ hidden_size: -7168 }, /hidden_size is -7168/],
  [{ scoring_func: 'softmax' }, /scoring_func is "softmax", which is not supported/],
  [{ num_key_value_heads: 8 }, /num_key_value_heads is 8/],
  [{ rope_parameters: 1 }, /rope_parameters is 1/],
  [{ hidden_size: undefined }, /no hidden_size/],
];
for (const [change, message] of refused) {
  test(`refuses ${JSON.stringify(change)} in one line`, () => {
    assert.throws(
      () => parsePlanningModel({ ...written, ...(change as object) }, 'm.json'),
      (error) => error instanceof InputError && message.test(error.message) && !error.message.includes('\n'),
    );
  });
}
