import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { modelFlops } from '../config/index.js';
import { countParameters, listParts, partParameters, sumParameters } from './parameters.js';
import { exampleBasis } from './test-example.js';
import { attentionWork, headWork, mlpWork, nodesOfToken } from './work.js';

const { model } = exampleBasis((path) => readFileSync(path, 'utf8'));
const { sizes } = model;

test('DeepSeek-V3 has 671 B parameters, 37 B of them active, and a prediction module of 14 B with the vocabulary that it shares', () => {
  const { main, prediction } = countParameters(model);
  assert.equal(Math.round(main / 1e9), 671);
  assert.equal(main, modelFlops(sizes, 4096).totalParameters);
  assert.equal(Math.round(modelFlops(sizes, 4096).activeMatrixParameters / 1e9), 37);
  const vocabulary = 2 * sizes.vocabSize * sizes.hiddenSize;
  assert.ok(Math.abs((prediction + vocabulary) / 1e9 - 13.5) < 0.5);
});

test('the parts of all ranks that share experts hold each routed expert once and all else as often as there are ranks', () => {
  const whole = sumParameters(listParts(model).map((kind) => partParameters(model, kind, 1)));
  const shared = sumParameters(listParts(model).map((kind) => partParameters(model, kind, 64)));
  assert.equal(shared.experts * 64, whole.experts);
  assert.equal(shared.layers, whole.layers);
});

test('the forward work of all parts, three times, is what training costs a token', () => {
  const size = { tokens: 1, sequenceLength: 4096 };
  const flops = [
    ...Array.from({ length: sizes.numHiddenLayers }, () => attentionWork(model, size, 'none').forward),
    ...Array.from({ length: 3 }, () => mlpWork(model, size, 'dense').forward),
    ...Array.from({ length: 58 }, () => mlpWork(model, size, 'moe').forward),
    headWork(model, size, 1).forward,
  ].reduce((sum, work) => sum + work.matrixFlops + work.attentionFlops + work.vocabularyFlops, 0);
  const expected = modelFlops(sizes, 4096).trainingFlopsPerToken / 3;
  assert.ok(Math.abs(flops / expected - 1) < 1e-12);
});

test('a token reaches at most the nodes of the groups that it may choose', () => {
  assert.ok(nodesOfToken(sizes, 8) <= 4 && nodesOfToken(sizes, 8) > 3);
  assert.equal(nodesOfToken(sizes, 1), 1);
  assert.ok(nodesOfToken(sizes, 4) <= 2);
});
