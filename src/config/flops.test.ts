import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'smol-toml';
import { modelFlops } from './flops.js';
import { parseHuggingFaceConfig } from './hugging-face.js';
import { parseTrainingConfig } from './training-config.js';

const expected = {
  // GFLOP of a step of 8192 tokens, millions of parameters and of active ones, as the PyTorch model of the same sizes has them.
  small: { gflop: 276.1, parameters: 18.96, active: 5.12 },
  medium: { gflop: 1326.5, parameters: 141.4, active: 25.7 },
};

for (const [name, { gflop, parameters, active }] of Object.entries(expected)) {
  test(`${name} has the parameters and FLOPs of the same model in PyTorch`, () => {
    const tables = parse(readFileSync(`configs/${name}.toml`, 'utf8'));
    const { model, data } = parseTrainingConfig({ tables, where: name });
    const flops = modelFlops(model, data.sequenceLength);
    assert.ok(Math.abs((flops.trainingFlopsPerToken * 8192) / 1e9 - gflop) < 0.05);
    assert.ok(Math.abs(flops.totalParameters / 1e6 - parameters) < parameters / 2000);
    assert.ok(Math.abs(flops.activeMatrixParameters / 1e6 - active) < 0.05);
  });
}

test('the parameters of a model are those in its file, but for the selection biases of the routers', () => {
  const folder = 'test/fixtures/deepseek-v3-tiny';
  const model = parseHuggingFaceConfig(JSON.parse(readFileSync(`${folder}/config.json`, 'utf8')));
  const file = readFileSync(`${folder}/model.safetensors`);
  const headerBytes = Number(file.readBigUInt64LE(0));
  const numbers = (file.length - 8 - headerBytes) / 4;
  const biases = model.nRoutedExperts * (model.numHiddenLayers - model.firstKDenseReplace);
  assert.equal(modelFlops(model, 64).totalParameters, numbers - biases);
});
