import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../base/index.js';
import { defaultTrainingConfig } from './defaults.js';
import { parseHuggingFaceConfig } from './hugging-face.js';
import { formatTrainingConfig, listTrainingKeys } from './listing.js';
import { messageOf, readToml } from './test-config.js';
import { parseTrainingConfig } from './training-config.js';
import { sequencesPerStep } from './training-fields.js';

test('[model] takes every key of a config.json that says nothing new', () => {
  const json = JSON.parse(readFileSync('test/fixtures/deepseek-v3-tiny/config.json', 'utf8')) as object;
  const given = Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
  const { model } = parseTrainingConfig({ tables: { model: given }, where: 'config.toml' });
  assert.deepEqual(model, parseHuggingFaceConfig(json));
  const refused: Readonly<Record<string, unknown>> = {
    num_key_value_heads: 2,
    qk_head_dim: 8,
    head_dim: 7,
    num_nextn_predict_layers: 1,
  };
  for (const [key, value] of Object.entries(refused)) {
    const message = messageOf(() => parseTrainingConfig({ tables: { model: { ...given, [key]: value } }, where: 'f' }));
    assert.match(message, new RegExp(`^${key} is ${value}, which is not supported.*\\(f, \\[model\\]\\): use `));
  }
  assert.equal(readToml('', ['model.num_key_value_heads=4']).model.numAttentionHeads, 4);
});

test('an empty file takes every default', () => {
  assert.deepEqual(readToml(''), defaultTrainingConfig);
});

test('a file changes what it names and nothing else', () => {
  const config = readToml('[optimizer]\nlearning_rate = 0.01\n[model]\nhidden_size = 64');
  assert.equal(config.optimizer.learningRate, 0.01);
  assert.equal(config.model.hiddenSize, 64);
  assert.deepEqual(config.schedule, defaultTrainingConfig.schedule);
});

test('overrides win over the file, the last one over those before', () => {
  const config = readToml('[schedule]\nname = "gpipe"', [
    'schedule.name=1f1b',
    'train.steps=5',
    'train.steps=7',
    'parallel.overlap=false',
  ]);
  assert.equal(config.schedule.name, '1f1b');
  assert.equal(config.train.steps, 7);
  assert.equal(config.parallel.overlap, false);
});

test("a schedule is read in any case and by PyTorch's names, and written by its own", () => {
  const config = readToml('[schedule]\nname = "1F1B"', ['schedule.name=ZBVZeroBubble']);
  assert.equal(config.schedule.name, 'zb-v');
  assert.equal(readToml('[schedule]\nname = "1F1B"').schedule.name, '1f1b');
  assert.match(formatTrainingConfig(config), /^name = "zb-v"/m);
  const refusal = messageOf(() => readToml('', ['schedule.name=LoopedBFS']));
  assert.equal(
    refusal,
    'name is "LoopedBFS" (--set schedule.name=LoopedBFS): the nearest are gpipe, with one stage a rank, and interleaved, with several',
  );
});

test('a text may stand without quotes on the command line, and a list in TOML', () => {
  assert.deepEqual(readToml('', ['data.text=2024-01-01 book.txt']).data.text, ['2024-01-01 book.txt']);
  assert.deepEqual(readToml('', ['data.text=["a.txt", "b.txt"]']).data.text, ['a.txt', 'b.txt']);
  assert.deepEqual(readToml('', ['data.text="a=b.txt"']).data.text, ['a=b.txt']);
});

test('text and dataset take each other’s place', () => {
  const withText = readToml('[data]\ntext = "book.txt"');
  assert.deepEqual([withText.data.text, withText.data.dataset], [['book.txt'], 'none']);
  const back = readToml('[data]\ntext = "book.txt"', ['data.dataset=moby-dick']);
  assert.deepEqual([back.data.text, back.data.dataset], [[], 'moby-dick']);
});

test('a model may be without shared experts', () => {
  assert.equal(readToml('[model]\nn_shared_experts = 0').model.nSharedExperts, 0);
});

test('blocks are taken from several files, or from the mixture', () => {
  assert.equal(readToml('[data]\ntext = ["a", "b"]\nblock_steps = 5').data.blockSteps, 5);
  assert.equal(readToml('[data]\ndataset = "mixture"\nblock_steps = 5').data.blockSteps, 5);
});

test('paths are resolved by where they are written', () => {
  const resolvePath = (path: string, writtenIn: string) => `${writtenIn}:${path}`;
  const config = readToml('[data]\ntext = ["a", "b"]\n[train]\ninitial_checkpoint = "c"', ['data.tokenizer=t.json'], {
    resolvePath,
  });
  assert.deepEqual(config.data.text, ['file:a', 'file:b']);
  assert.equal(config.data.tokenizer, 'override:t.json');
  assert.equal(config.train.initialCheckpoint, 'file:c');
  assert.equal(readToml('[data]\ntokenizer = "bytes"', [], { resolvePath }).data.tokenizer, 'bytes');
  assert.equal(readToml('[train]\ninitial_checkpoint = ""', [], { resolvePath }).train.initialCheckpoint, '');
});

test('path of [model] reads a config.json, which the other keys change', () => {
  const json: unknown = JSON.parse(readFileSync('test/fixtures/deepseek-v3-tiny/config.json', 'utf8'));
  const asked: string[] = [];
  const readModelFile = (path: string) => {
    asked.push(path);
    return json;
  };
  const { model } = readToml('[model]\npath = "config.json"\nnum_hidden_layers = 4', ['model.rope_theta=500'], {
    readModelFile,
  });
  assert.deepEqual(asked, ['config.json']);
  assert.deepEqual([model.hiddenSize, model.qLoraRank, model.numHiddenLayers, model.ropeTheta], [64, 24, 4, 500]);
});

test('keys of a config.json that have one supported value may stand in [model]', () => {
  const { model } = readToml(
    '[model]\nhidden_act = "silu"\nscoring_func = "sigmoid"\ntopk_method = "noaux_tc"\nattention_bias = false',
  );
  assert.deepEqual(model, defaultTrainingConfig.model);
});

const bad: readonly [name: string, toml: string, overrides: readonly string[], message: string][] = [
  ['an unknown table', '[optimiser]', [], "unknown table 'optimiser' (config.toml): did you mean 'optimizer'?"],
  [
    'an unknown key',
    '[optimizer]\nlearning_rat = 1',
    [],
    "unknown key 'learning_rat' (config.toml, [optimizer]): did you mean 'learning_rate'?",
  ],
  ['a key outside a table', 'steps = 3', [], "unknown table 'steps' (config.toml): did you mean 'train.steps'?"],
  ['a word that means nothing here', 'frobnicate = 3', [], 'use one of model, data'],
  ['a table by another name', '[training]', [], "unknown table 'training' (config.toml): did you mean 'train'?"],
  ['a value in place of a table', 'train = 3', [], 'train is 3 (config.toml, [train]): use a table'],
  [
    'a text for a number',
    '[train]\nsteps = "3"',
    [],
    'steps is "3" (config.toml, [train]): use an integer from 1 to 1000000000',
  ],
  ['a fraction for an integer', '[train]\nsteps = 2.5', [], 'steps is 2.5'],
  [
    'not a number',
    '[optimizer]\nbeta1 = nan',
    [],
    'beta1 is NaN (config.toml, [optimizer]): use a number from 0 to below 1',
  ],
  ['infinity', '[optimizer]\nclip_norm = inf', [], 'clip_norm is Infinity'],
  ['a value out of range', '[data]\nvalidation_fraction = 0.6', [], 'validation_fraction is 0.6'],
  ['a validation fraction of 0', '[data]\nvalidation_fraction = 0', [], 'use a number above 0, at most 0.5'],
  ['no pipeline ranks', '[parallel]\npipeline = 0', [], 'pipeline is 0'],
  ['no microbatches', '[schedule]\nmicrobatches = -1', [], 'microbatches is -1'],
  ['a date', '[train]\nseed = 2024-01-01', [], 'seed is '],
  [
    'a boolean in quotes',
    '[parallel]\noverlap = "yes"',
    [],
    'overlap is "yes" (config.toml, [parallel]): use true or false',
  ],
  [
    'an unknown schedule',
    '[schedule]\nname = "dualpip"',
    [],
    'use "gpipe" or "1f1b" or "interleaved" or "zb-h1" or "zb-v" or "dualpipe" or "dualpipev"',
  ],
  ['a list of numbers as text', '[data]\ntext = [1]', [], 'text is [1]'],
  ['a path with a zero byte', '[data]\ntokenizer = "a\\u0000b"', [], 'tokenizer is'],
  ['an empty tokenizer', '[data]\ntokenizer = ""', [], 'tokenizer is ""'],
  ['both text and dataset', '[data]\ntext = "a"\ndataset = "moby-dick"', [], 'both text and dataset are given'],
  [
    'blocks of the only text',
    '[data]\ntext = "a"\nblock_steps = 5',
    [],
    'block_steps is 5, but there is one kind of text only (config.toml, [data]): use 0',
  ],
  ['no text at all', '[data]\ndataset = "none"', [], 'there is nothing to train on'],
  ['too small a vocabulary for bytes', '[model]\nvocab_size = 100', [], 'vocab_size is 100, too small for bytes'],
  [
    'longer sequences than the model is for',
    '[model]\nmax_position_embeddings = 64',
    [],
    'sequence_length is 128, longer than',
  ],
  [
    'an odd rotated width',
    '[model]\nqk_rope_head_dim = 3',
    [],
    'qk_rope_head_dim is 3 (config.toml, [model]): use an even number',
  ],
  ['unequal groups', '[model]\nn_group = 3', [], 'n_routed_experts is 8, no multiple of the 3 groups'],
  ['groups of one expert', '[model]\nn_group = 8', [], 'leave at least 2 experts in a group'],
  ['more groups chosen than there are', '[model]\ntopk_group = 2', [], 'topk_group is 2, more than the 1 groups'],
  ['more experts chosen than allowed', '[model]\nn_group = 4\nnum_experts_per_tok = 3', [], 'more than the 2 experts'],
  [
    'more dense layers than layers',
    '[model]\nfirst_k_dense_replace = 9',
    [],
    'first_k_dense_replace is 9, more than the 4 layers',
  ],
  ['another activation', '[model]\nhidden_act = "gelu"', [], 'hidden_act is "gelu", which is not supported'],
  [
    'a minimum above the learning rate',
    '[optimizer]\nminimum_learning_rate = 0.1',
    [],
    'minimum_learning_rate is 0.1, above',
  ],
  [
    'expert ranks that do not divide the experts',
    '[parallel]\nexpert = 3',
    [],
    'expert is 3, which does not divide n_routed_experts, 8 (config.toml, [parallel]): use a divisor of 8, or redundant_slots = 1 in [balance]',
  ],
  [
    'more expert ranks than experts without replicas',
    '[parallel]\nexpert = 16',
    [],
    'n_routed_experts, 8 (config.toml, [parallel]): use a divisor of 8, or redundant_slots = 8 in [balance]',
  ],
  [
    'slots that expert ranks cannot share',
    '[parallel]\nexpert = 4\n[balance]\nredundant_slots = 6',
    [],
    'redundant_slots is 6, but 4 expert ranks cannot share 14 slots evenly (config.toml, [balance]): use 4 or 8',
  ],
  [
    'more slots than experts on every rank',
    '[parallel]\nexpert = 2\n[balance]\nredundant_slots = 10',
    [],
    'redundant_slots is 10, more than the 8 with which each of 2 expert ranks has all 8 experts (config.toml, [balance]): use 8',
  ],
  [
    'replicas on a single rank',
    '[balance]\nredundant_slots = 8',
    [],
    'redundant_slots is 8, more than the 0 with which each of 1 expert ranks has all 8 experts (config.toml, [balance]): use 0',
  ],
  [
    'new placements on a single expert rank',
    '[balance]\ninterval = 100',
    [],
    'interval is 100, but with one expert rank all experts lie together (config.toml, [balance]): use 0, or expert = 2 or more in [parallel]',
  ],
  ['an override without a table', '', ['steps=3'], '--set steps=3 is no table.key=value'],
  ['an override without a value', '', ['train.steps'], '--set train.steps is no table.key=value'],
  ['an empty value', '', ['train.steps='], 'steps is "" (--set train.steps=): use an integer'],
  [
    'an override of an unknown key',
    '',
    ['train.step=3'],
    "unknown key 'step' (--set train.step=3): did you mean 'steps'?",
  ],
  [
    'an override of an unknown table',
    '',
    ['trian.steps=3'],
    "unknown table 'trian' (--set trian.steps=3): did you mean 'train'?",
  ],
  ['an override with a second line', '', ['train.steps=3\nx=4'], 'steps is "3\\nx=4"'],
  ['a model file where none can be read', '[model]\npath = "x.json"', [], 'a model file cannot be read here (x.json)'],
];
for (const [name, toml, overrides, message] of bad) {
  test(`${name} is refused with what, where and how to mend it`, () => {
    const text = messageOf(() => readToml(toml, overrides));
    assert.ok(text.includes(message), text);
  });
}

test('replicas make any number of expert ranks possible that can share the slots', () => {
  for (const [expert, redundantSlots] of [
    [2, 2],
    [2, 8],
    [3, 1],
    [4, 4],
    [16, 8],
  ]) {
    const { balance } = readToml(`[parallel]\nexpert = ${expert}\n[balance]\nredundant_slots = ${redundantSlots}`);
    assert.equal(balance.redundantSlots, redundantSlots);
  }
});

test('a key that JavaScript knows is as unknown as any other', () => {
  for (const key of ['__proto__', 'constructor', 'toString']) {
    const tables: unknown = JSON.parse(`{"train": {"${key}": 1}}`);
    assert.match(
      messageOf(() => parseTrainingConfig({ tables, where: 'c' })),
      /unknown key/,
    );
    const tablesOf: unknown = JSON.parse(`{"${key}": {}}`);
    assert.match(
      messageOf(() => parseTrainingConfig({ tables: tablesOf, where: 'c' })),
      /unknown table/,
    );
  }
});

test('whatever the tables hold, the answer is a config or an InputError', () => {
  const key = fc.constantFrom(...listTrainingKeys().map(({ key }) => key), 'data.x', 'x.y');
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.jsonValue()), { maxLength: 6 }), (entries) => {
      const tables: Record<string, Record<string, unknown>> = {};
      for (const [path, value] of entries) {
        const [table, name] = path.split('.') as [string, string];
        tables[table] = { ...tables[table], [name]: value };
      }
      try {
        parseTrainingConfig({ tables, where: 'c' });
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
      }
    }),
  );
});

test('a written config reads as the same config', () => {
  const configs = [
    readToml(''),
    readToml('[data]\ntext = ["a b.txt", "c\\"d.txt"]\n[optimizer]\nepsilon = 1e-12\nlearning_rate = 0.1', [
      'train.seed=9007199254740991',
    ]),
    readToml(readFileSync('configs/medium.toml', 'utf8')),
  ];
  for (const config of configs) assert.deepEqual(readToml(formatTrainingConfig(config)), config);
});

test('every key is listed with a sentence, what it takes and its default', () => {
  const keys = listTrainingKeys();
  assert.equal(new Set(keys.map(({ key }) => key)).size, keys.length);
  for (const { help, expects } of keys) assert.match(`${help} ${expects}`, /^[A-Z0-9"].*\. \S/);
  const rate = keys.find(({ key }) => key === 'optimizer.learning_rate');
  assert.deepEqual([rate?.expects, rate?.defaultText], ['a number above 0, at most 10', '0.002']);
});

test('a step of small and of medium is 8192 tokens', () => {
  for (const name of ['small', 'medium']) {
    const config = readToml(readFileSync(`configs/${name}.toml`, 'utf8'));
    assert.equal(sequencesPerStep(config) * config.data.sequenceLength, 8192);
    assert.deepEqual([config.parallel.pipeline, config.schedule.name], [2, 'dualpipev']);
  }
});
