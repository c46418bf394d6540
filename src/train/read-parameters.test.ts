import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openCheckpoint, readTensor } from '../formats/index.js';
import { evaluateRows } from './evaluate.js';
import { generateText } from './generate.js';
import { readModelConfig } from './open-folder.js';
import { describeCheckpoint, fillParameters } from './read-parameters.js';
import {
  asFloats,
  copyTiny,
  type StoredTensor,
  storeBfloat16,
  storeFloats,
  storeFp8,
  tinyCheckpoint,
  tinyTensors,
  writeCheckpoint,
} from './test-checkpoints.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-parameters-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const quantized = { quantization_config: { quant_method: 'fp8', fmt: 'e4m3', weight_block_size: [128, 128] } };
const ids = Int32Array.from({ length: 16 }, (_, index) => index + 1);
const measure = (checkpoint: string) =>
  evaluateRows({ checkpoint, rows: [ids], withLogits: false, withGradients: false });

/** All experts of a layer in two tensors, as transformers 5 holds them. */
function fuseExperts(): StoredTensor[] {
  const index = openCheckpoint(tinyCheckpoint);
  const read = (layer: number, expert: number, part: string) =>
    readTensor(index, `model.layers.${layer}.mlp.experts.${expert}.${part}_proj.weight`);
  const join = (layer: number, parts: readonly string[]) => {
    const experts = Array.from({ length: 8 }, (_, expert) => parts.map((part) => read(layer, expert, part))).flat();
    const all = new Float32Array(experts.length * experts[0].length);
    for (const [position, numbers] of experts.entries()) all.set(numbers, position * numbers.length);
    return all;
  };
  const fused = [1, 2].flatMap((layer) => [
    storeFloats(`model.layers.${layer}.mlp.experts.gate_up_proj`, [8, 96, 64], join(layer, ['gate', 'up'])),
    storeFloats(`model.layers.${layer}.mlp.experts.down_proj`, [8, 64, 48], join(layer, ['down'])),
  ]);
  return [...tinyTensors((tensor) => (tensor.name.includes('.experts.') ? [] : asFloats(tensor))), ...fused];
}

const isProjection = (name: string) => name.startsWith('model.layers') && name.endsWith('_proj.weight');

/** As DeepSeek-V3's own files: projections in FP8, the selection bias in F32, all else in BF16. */
function quantize(): StoredTensor[] {
  return tinyTensors(({ name, shape, numbers }) => {
    if (isProjection(name) || name.includes('kv_a_proj_with_mqa')) return storeFp8(name, shape, numbers);
    if (name.endsWith('correction_bias')) return [storeFloats(name, shape, numbers)];
    return [storeBfloat16(name, shape, numbers)];
  });
}

const tieChanges = { tie_word_embeddings: true };
const withoutHead = () => tinyTensors((tensor) => (tensor.name === 'lm_head.weight' ? [] : asFloats(tensor)));
const inBfloat16 = () => tinyTensors(({ name, shape, numbers }) => [storeBfloat16(name, shape, numbers)]);
const yarn = { type: 'yarn', factor: 1, original_max_position_embeddings: 128, mscale: 1, mscale_all_dim: 1 };

/** The losses are those of transformers 5.24 on the same files. */
const kinds: readonly (readonly [name: string, make: (path: string) => string, loss: number, note: RegExp])[] = [
  ['in F32', () => tinyCheckpoint, 5.455038, /^$/],
  ['in FP8, in several files', (path) => writeCheckpoint(path, quantize(), quantized, 3), 5.360861, /^$/],
  ['with all experts of a layer in one tensor', (path) => writeCheckpoint(path, fuseExperts()), 5.455038, /^$/],
  ['whose head is its embedding', (path) => writeCheckpoint(path, withoutHead(), tieChanges), 12.382002, /^$/],
  [
    'whose head is its embedding, and written once more',
    (path) => {
      const embedding = readTensor(openCheckpoint(tinyCheckpoint), 'model.embed_tokens.weight');
      return writeCheckpoint(path, [...withoutHead(), storeFloats('lm_head.weight', [256, 64], embedding)], tieChanges);
    },
    12.382002,
    /^$/,
  ],
  [
    'in BF16 with a quantization that is left over',
    (path) => writeCheckpoint(path, inBfloat16(), quantized),
    5.457573,
    /quantization_config in config.json is left over \("fp8"\)/,
  ],
  [
    'with YaRN of factor 1, in the older spelling',
    (path) => writeCheckpoint(path, tinyTensors(), { rope_parameters: undefined, rope_theta: 1e4, rope_scaling: yarn }),
    5.455038,
    /^$/,
  ],
];

describe('a checkpoint', () => {
  for (const [index, [name, make, loss, note]] of kinds.entries()) {
    it(`${name} has the loss that transformers gives`, async () => {
      const result = await measure(make(join(folder, `kind-${index}`)));
      assert.ok(Math.abs(result.loss - loss) < 2e-5, `${result.loss} is not ${loss}`);
      assert.match(result.notes.join(' '), note);
    });
  }

  it('says which of its tensors are not used', () => {
    const path = writeCheckpoint(
      join(folder, 'more'),
      [
        ...quantize(),
        storeFloats('model.layers.0.self_attn.rotary_emb.inv_freq', [4], new Float32Array(4)),
        storeFloats('model.layers.3.eh_proj.weight', [1, 1], new Float32Array(1)),
        storeFloats('model.layers.3.shared_head.norm.weight', [1], new Float32Array(1)),
      ],
      { ...quantized, num_nextn_predict_layers: 1 },
    );
    const model = readModelConfig(path);
    const [note, ...others] = describeCheckpoint(path, model);
    assert.match(note, /^layers from 3 on are not used: the model has 3/);
    assert.deepEqual(others, []);
    writeCheckpoint(path, [
      ...tinyTensors(),
      storeFloats('model.layers.1.self_attn.o_proj.bias', [1], Float32Array.of(1)),
    ]);
    assert.match(
      describeCheckpoint(path, model).join(),
      /^warning: tensors .* not used: 1, such as model\.layers\.1\.self_attn\.o_proj\.bias$/,
    );
  });
});

/** The projections of one layer, which every damage below is done to. */
const victim = 'model.layers.0.self_attn.o_proj.weight';
const damaged = (numbers: Float32Array, at: number, value: number) =>
  numbers.map((one, index) => (index === at ? value : one));

const broken: readonly (readonly [name: string, make: (path: string) => string, message: RegExp])[] = [
  [
    'a number that is not finite',
    (path) =>
      writeCheckpoint(
        path,
        tinyTensors(({ name, shape, numbers }) => [
          storeFloats(name, shape, name === victim ? damaged(numbers, 99, Number.NaN) : numbers),
        ]),
        {},
        2,
      ),
    /tensor model\.layers\.0\.self_attn\.o_proj\.weight holds a number that is not finite \(.*model-0000\d-of-00002\.safetensors\)/,
  ],
  [
    'a selection bias that is not finite',
    (path) =>
      writeCheckpoint(
        path,
        tinyTensors(({ name, shape, numbers }) => [
          storeFloats(
            name,
            shape,
            name.endsWith('2.mlp.gate.e_score_correction_bias') ? damaged(numbers, 0, Infinity) : numbers,
          ),
        ]),
      ),
    /tensor model\.layers\.2\.mlp\.gate\.e_score_correction_bias holds a number that is not finite/,
  ],
  [
    'FP8 without a scale',
    (path) =>
      writeCheckpoint(
        path,
        quantize().filter(({ name }) => name !== `${victim}_scale_inv`),
        quantized,
      ),
    /o_proj\.weight is of F8_E4M3, but model\.layers\.0\.self_attn\.o_proj\.weight_scale_inv, its scale, is missing/,
  ],
  [
    'FP8 with scales of another name',
    (path) =>
      writeCheckpoint(
        path,
        quantize().map((tensor) => ({ ...tensor, name: tensor.name.replace(/_scale_inv$/, '_scale') })),
        { quantization_config: { quant_method: 'compressed-tensors' } },
      ),
    /_scale_inv, its scale, is missing .*weight_scale, as compressed-tensors and ModelOpt name it, is not read/,
  ],
  [
    'FP8 with scales of other blocks',
    (path) =>
      writeCheckpoint(path, quantize(), { quantization_config: { quant_method: 'fp8', weight_block_size: [32, 32] } }),
    /_scale_inv has shape \[.*\] instead of \[.*\], a scale for every 32 x 32 block/,
  ],
  [
    'no head, though it is not tied',
    (path) => writeCheckpoint(path, withoutHead()),
    /tensor lm_head\.weight is missing .*set tie_word_embeddings to true/,
  ],
  [
    'weights that are packed in another way',
    (path) => writeCheckpoint(path, withoutHead(), { quantization_config: { quant_method: 'awq' } }),
    /tensor lm_head\.weight is missing .*quantized with "awq", which is not read/,
  ],
];

describe('a checkpoint that is damaged', () => {
  for (const [index, [name, make, message]] of broken.entries()) {
    it(`with ${name} is refused, and what is wrong is named`, () => {
      const path = make(join(folder, `broken-${index}`));
      const tensors = openCheckpoint(tinyCheckpoint).tensors;
      const wanted = [...tensors].map(([tensor, { shape }]) => {
        const count = shape.reduce((product, dim) => product * dim, 1);
        return { name: tensor, shape, data: new Float32Array(count) };
      });
      assert.throws(() => fillParameters(path, wanted), { name: 'InputError', message });
    });
  }

  it('with another head than the embedding is refused where config.json says that they are one', () => {
    const path = writeCheckpoint(join(folder, 'other-head'), tinyTensors(), tieChanges);
    assert.throws(() => describeCheckpoint(path, readModelConfig(path)), {
      name: 'InputError',
      message: /lm_head\.weight and model\.embed_tokens\.weight differ .*set tie_word_embeddings to false/,
    });
  });

  it('by numbers so large that nothing comes out is a failure of eval and of generate', async () => {
    const huge = tinyTensors(({ name, shape, numbers }) => [
      storeFloats(name, shape, name === 'model.norm.weight' ? numbers.fill(3e38) : numbers),
    ]);
    const path = writeCheckpoint(join(folder, 'huge'), huge);
    const failure = { name: 'WorkError', message: /what the model computes is not finite \(.*huge\)/ };
    await assert.rejects(measure(path), failure);
    await assert.rejects(generateText({ checkpoint: path, prompt: 'a', tokens: 1, temperature: 0, seed: 1 }), failure);
  });
});

describe('generating', () => {
  it('stops at a token that ends a text, as generation_config.json or config.json names it', async () => {
    const path = copyTiny(join(folder, 'ends'));
    const request = { checkpoint: path, prompt: 'Whale', tokens: 12, temperature: 0, seed: 1 };
    const whole = await generateText(request);
    assert.equal(whole.tokens, 12);
    const [fifth] = new TextEncoder().encode(whole.text.slice(5));
    writeFileSync(join(path, 'generation_config.json'), JSON.stringify({ eos_token_id: [300, fifth] }));
    const stopped = await generateText(request);
    assert.deepEqual([stopped.text, stopped.tokens], ['Whale', 0]);
    assert.match(stopped.notes.join(), new RegExp(`ended the text with token ${fifth} after 0 tokens`));
    assert.equal(readFileSync(join(path, 'config.json'), 'utf8').includes('"eos_token_id": null'), true);
  });
});
