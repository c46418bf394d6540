import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../base/index.js';
import { defaultTrainingConfig } from '../config/index.js';
import { openCheckpoint } from './checkpoint.js';
import { parseJson } from './json.js';
import { readFileBytes } from './read-file.js';
import { readJson, readToml } from './read-text.js';
import { writeSafetensors } from './safetensors.js';
import { readTensor } from './safetensors-read.js';
import { parseToml } from './toml.js';
import { readTrainingConfig, writeTrainingConfig } from './training-config.js';

const folder = mkdtempSync(join(tmpdir(), 'formats-'));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

test('any JSON that is not too deep is read as JSON.parse reads it', () => {
  fc.assert(fc.property(fc.json({ maxDepth: 8 }), (text) => assert.deepEqual(parseJson(text, 'x'), JSON.parse(text))));
});

test('brackets within strings do not count as depth', () => {
  assert.deepEqual(parseJson('["[[[[\\"[[[["]', 'x', 1), ['[[[["[[[[']);
});

test('a JSON text with more values than an engine has memory for is refused before it is parsed', () => {
  assert.throws(() => parseJson(`[${'1,'.repeat(2 ** 25)}1]`, 'x'), /the JSON has more than 33554432 values/);
  assert.equal(parseJson(`"${','.repeat(2 ** 25 + 1)}"`, 'x'), ','.repeat(2 ** 25 + 1));
});

const badJson: readonly [name: string, content: string | Uint8Array, message: RegExp][] = [
  ['is broken', '{"a": 1,\n  "b": }', /no valid JSON: Unexpected token '\}'/],
  ['ends too early', '{"a": [1, 2', /no valid JSON/],
  ['is empty', '', /no valid JSON/],
  ['is nested too deep', '['.repeat(101), /nested deeper than 100/],
  ['is no UTF-8', Uint8Array.of(0x22, 0xc3, 0x28, 0x22), /not UTF-8/],
  ['is too long', `"${'a'.repeat(2000)}"`, /longer than 1000 B/],
];
for (const [name, content, message] of badJson) {
  test(`a JSON file that ${name} is refused`, () => {
    const path = write('bad.json', content);
    assert.throws(
      () => readJson(path, { maxBytes: 1000 }),
      (error) => error instanceof InputError && message.test(error.message),
    );
  });
}

test('a file is read up to its limit and not beyond', () => {
  const path = write('ten', '0123456789');
  assert.equal(readFileBytes(path, { maxBytes: 10 }).length, 10);
  assert.throws(() => readFileBytes(path, { maxBytes: 9 }), /longer than 9 B/);
  assert.equal(readFileBytes(write('none', ''), { maxBytes: 0 }).length, 0);
});

test('TOML errors say line and column on one line', () => {
  assert.throws(
    () => parseToml('[a]\nb = \nc = 1', 'c.toml'),
    (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, /^it is no valid TOML: .+ \(c\.toml, line 2, column \d+\): correct the file$/);
      return true;
    },
  );
  assert.throws(() => parseToml(`a = ${'['.repeat(1000)}`, 'c'), InputError);
  assert.throws(() => parseToml('a = 99999999999999999999', 'c'), InputError);
  assert.throws(() => parseToml('a = 1\na = 2', 'c'), InputError);
  assert.throws(() => readToml(join(folder, 'missing.toml')), /no such file/);
});

test('a training config is written and read again, with its paths made absolute', async () => {
  mkdirSync(join(folder, 'sub'));
  write('sub/c.toml', '[data]\ntext = "book.txt"\ntokenizer = "../t.json"\n[train]\nsteps = 3\n');
  const config = readTrainingConfig(join(folder, 'sub', 'c.toml'), ['train.initial_checkpoint=x']);
  assert.deepEqual(config.data.text, [join(folder, 'sub', 'book.txt')]);
  assert.equal(config.data.tokenizer, join(folder, 't.json'));
  assert.equal(config.train.initialCheckpoint, resolve('x'));
  await writeTrainingConfig(join(folder, 'config.toml'), config);
  assert.deepEqual(readTrainingConfig(join(folder, 'config.toml')), config);
  assert.deepEqual(readTrainingConfig(undefined), defaultTrainingConfig);
});

test('[model] may name a config.json', () => {
  const path = write(
    'm.toml',
    `[model]\npath = ${JSON.stringify(resolve('test/fixtures/deepseek-v3-tiny/config.json'))}\n`,
  );
  assert.equal(readTrainingConfig(path).model.hiddenSize, 64);
  const missing = write('m2.toml', '[model]\npath = "none.json"\n');
  assert.throws(() => readTrainingConfig(missing), /no such file or folder \(.*none\.json\)/);
});

async function makeShards(name: string, weightMap: unknown): Promise<string> {
  const checkpoint = join(folder, name);
  mkdirSync(checkpoint);
  for (const [shard, value] of [
    ['a', 1],
    ['b', 2],
  ] as const) {
    const data = Float32Array.of(value, value);
    await writeSafetensors(join(checkpoint, `model-${shard}.safetensors`), [
      { name: shard, dtype: 'F32', shape: [2], data },
    ]);
  }
  writeFileSync(
    join(checkpoint, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: {}, weight_map: weightMap }),
  );
  return checkpoint;
}

test('a checkpoint of one file or of several is one index of tensors', async () => {
  assert.equal(openCheckpoint('test/fixtures/deepseek-v3-tiny').tensors.size, 91);
  const checkpoint = openCheckpoint(await makeShards('shards', { a: 'model-a.safetensors', b: 'model-b.safetensors' }));
  assert.deepEqual([...checkpoint.tensors.keys()], ['a', 'b']);
  assert.deepEqual([...readTensor(checkpoint, 'b')], [2, 2]);
});

test('a list of shards that leads elsewhere, or that does not hold, is refused', async () => {
  const cases: [string, unknown, RegExp][] = [
    ['up', { a: '../x.safetensors' }, /puts 'a' into "\.\.\/x\.safetensors"/],
    ['absolute', { a: '/etc/x.safetensors' }, /puts 'a' into/],
    ['windows', { a: '..\\x.safetensors' }, /puts 'a' into/],
    ['hidden', { a: '..safetensors' }, /puts 'a' into/],
    ['other', { a: 'passwd' }, /puts 'a' into/],
    ['number', { a: 3 }, /puts 'a' into 3/],
    ['list', [], /no weight_map/],
    ['lacking', { c: 'model-a.safetensors' }, /model-a\.safetensors has no tensor 'c'/],
    ['missing', { a: 'model-z.safetensors' }, /no such file/],
  ];
  for (const [name, map, message] of cases) {
    const checkpoint = await makeShards(`bad-${name}`, map);
    assert.throws(
      () => openCheckpoint(checkpoint),
      (error) => error instanceof InputError && message.test(error.message),
      name,
    );
  }
  assert.throws(() => openCheckpoint(join(folder, 'sub')), /there is no model\.safetensors/);
});
