import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { readSafetensors, readTensor } from '../formats/index.js';
import { evaluateRows } from './evaluate.js';
import { type DrawLimits, drawToken } from './generate.js';

const folder = 'test/fixtures/deepseek-v3-tiny';
const expected = readSafetensors(`${folder}/expected.safetensors`);
const answers = JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8')) as {
  loss: number;
  experts_chosen_sorted: Record<string, number[][][]>;
};
const { input_ids: ids } = JSON.parse(readFileSync(`${folder}/input.json`, 'utf8')) as { input_ids: number[][] };

function largestDifference(actual: Float32Array, wanted: Float32Array): number {
  assert.equal(actual.length, wanted.length);
  return actual.reduce((largest, value, index) => Math.max(largest, Math.abs(value - wanted[index])), 0);
}

const layers = Object.keys(answers.experts_chosen_sorted);
const result = await evaluateRows({
  checkpoint: folder,
  rows: ids.map((row) => Int32Array.from(row)),
  withLogits: true,
  withGradients: true,
  exports: layers.map((layer) => `layers.${layer}.choiceToScore`),
});

describe("a checkpoint of transformers' DeepseekV3ForCausalLM", () => {
  it('gives the same loss and logits', () => {
    assert.ok(Math.abs(result.loss - answers.loss) < 1e-4, `${result.loss} is not ${answers.loss}`);
    const { logits } = result;
    assert.ok(logits !== undefined);
    assert.deepEqual(logits.shape, [2, 64, 256]);
    assert.ok(largestDifference(logits.data, readTensor(expected, 'logits')) < 1e-4);
  });

  it('sends the tokens to the same experts', () => {
    for (const layer of layers) {
      const chosen = Array.from(result.exported.get(`layers.${layer}.choiceToScore`) ?? [], (slot) => slot % 8);
      assert.deepEqual(chosen, answers.experts_chosen_sorted[layer].flat(2));
    }
  });

  it('gives the same gradients', () => {
    const names = [...expected.tensors.keys()].filter((name) => name.startsWith('grad.'));
    assert.ok(names.length > 40);
    for (const name of names) {
      const gradient = result.gradients?.find((tensor) => `grad.${tensor.name}` === name);
      assert.ok(gradient !== undefined, name);
      const difference = largestDifference(gradient.data, readTensor(expected, name));
      assert.ok(difference < 1e-4, `${name} differs by ${difference}`);
    }
  });
});

describe('drawing a token', () => {
  const logits = Float32Array.of(0, 2, 1);

  it('takes the likeliest at temperature 0', () => assert.equal(drawToken(logits, 0, 0.99), 1));

  it('follows the distribution otherwise', () => {
    const shares = [0, 0, 0];
    for (let index = 0; index < 1000; index++) shares[drawToken(logits, 1, (index + 0.5) / 1000)]++;
    assert.deepEqual(shares, [90, 665, 245]);
  });

  it('takes only the likeliest, as many or as probable together as is asked', () => {
    const drawn = (limits: DrawLimits) =>
      new Set(Array.from({ length: 100 }, (_, index) => drawToken(logits, 1, index / 100, limits)));
    assert.deepEqual(drawn({ topK: 1 }), new Set([1]));
    assert.deepEqual(drawn({ topK: 2 }), new Set([1, 2]));
    assert.deepEqual(drawn({ topP: 0.6 }), new Set([1]));
    assert.deepEqual(drawn({ topP: 0.7 }), new Set([1, 2]));
    assert.deepEqual(drawn({ topP: 0 }), new Set([1]));
    assert.deepEqual(drawn({ topK: 0, topP: 1 }), new Set([0, 1, 2]));
  });
});
