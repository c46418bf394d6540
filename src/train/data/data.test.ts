import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../../base/index.js';
import { defaultTrainingConfig, type TrainingConfig } from '../../config/index.js';
import { loadCorpus, splitTokens } from './corpus.js';
import { saveTokenizer } from './save-tokenizer.js';
import { loadTexts } from './text.js';
import { openTokenizer } from './tokenizer.js';

const folder = mkdtempSync(join(tmpdir(), 'data-'));
after(() => rmSync(folder, { recursive: true }));
const fixture = 'test/fixtures/tokenizer-bpe';

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function configOf(text: readonly string[], changes: Partial<TrainingConfig['data']> = {}): TrainingConfig {
  return { ...defaultTrainingConfig, data: { ...defaultTrainingConfig.data, text, dataset: 'none', ...changes } };
}

test('bytes are their own tokens, and text comes back from them', () => {
  const tokenizer = openTokenizer('bytes');
  assert.deepEqual([...tokenizer.encode('aé')], [97, 195, 169]);
  assert.deepEqual([...tokenizer.encode(Uint8Array.of(255, 0))], [255, 0]);
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => tokenizer.decode(tokenizer.encode(text)) === text));
});

test('bytes that are no text, and ids that are no byte, become replacement characters', () => {
  const tokenizer = openTokenizer('bytes');
  assert.equal(tokenizer.decode([97, 195, 98]), 'a�b');
  assert.equal(tokenizer.decode([97, 300, -1]), 'a��');
});

test('a tokenizer.json gives the ids that the Hugging Face library gives', () => {
  const tokenizer = openTokenizer(join(fixture, 'tokenizer.json'));
  const expected = JSON.parse(readFileSync(join(fixture, 'expected.json'), 'utf8')) as {
    text: string;
    ids: number[];
    decoded: string;
  };
  assert.equal(tokenizer.vocabularySize, 512);
  assert.deepEqual([...tokenizer.encode(expected.text)], expected.ids);
  assert.deepEqual(tokenizer.encode(new TextEncoder().encode(expected.text)), tokenizer.encode(expected.text));
  assert.equal(tokenizer.decode(Int32Array.from(expected.ids)), expected.decoded);
});

const valid = JSON.parse(readFileSync(join(fixture, 'tokenizer.json'), 'utf8')) as { model: object };
const badTokenizers: readonly [name: string, content: string, message: RegExp][] = [
  ['is no JSON', 'tokens', /no valid JSON/],
  ['has no model', '{}', /it has no vocabulary/],
  ['has no decoder', '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}', /the tokenizer cannot be used/],
  [
    'has no tokens',
    JSON.stringify({ ...valid, added_tokens: [], model: { ...valid.model, vocab: {} } }),
    /its vocabulary is empty/,
  ],
  ['is a list', '[]', /the tokenizer cannot be used/],
  [
    'is of an unknown kind',
    JSON.stringify({ ...valid, model: { type: 'Magic', vocab: {} } }),
    /the tokenizer cannot be used/,
  ],
  [
    'has ids that are text',
    JSON.stringify({ ...valid, model: { ...valid.model, vocab: { a: 'x' }, merges: [] } }),
    /cannot be used/,
  ],
  [
    'has a negative id',
    JSON.stringify({ ...valid, model: { ...valid.model, vocab: { a: -1 }, merges: [] } }),
    /holds a bad id/,
  ],
  [
    'has an absurd id',
    JSON.stringify({ ...valid, model: { ...valid.model, vocab: { a: 1e12 }, merges: [] } }),
    /holds a bad id/,
  ],
];
for (const [name, content, message] of badTokenizers) {
  test(`a tokenizer.json that ${name} is refused`, () => {
    const path = write('tokenizer.json', content);
    assert.throws(
      () => openTokenizer(path),
      (error) => error instanceof InputError && message.test(error.message),
    );
  });
}

test('text that a tokenizer has no tokens for, or that is no UTF-8, is refused', () => {
  const model = {
    type: 'Unigram',
    unk_id: null,
    vocab: [
      ['a', -1],
      ['b', -2],
    ],
  };
  const few = { ...valid, added_tokens: [], model };
  const tokenizer = openTokenizer(write('few.json', JSON.stringify(few)));
  assert.deepEqual([...tokenizer.encode('ab')], [0, 1]);
  assert.throws(() => tokenizer.encode('abc'), /knows no token for a part of the text/);
  assert.throws(() => tokenizer.encode(Uint8Array.of(0xff)), /not UTF-8/);
});

async function readTexts(data: Parameters<typeof loadTexts>[0]): Promise<string[]> {
  return (await loadTexts(data)).map((bytes) => new TextDecoder('utf-8', { fatal: true }).decode(bytes));
}

test('Moby Dick is all there, in order, under its headings', async () => {
  const [text] = await readTexts({ text: [], dataset: 'moby-dick', blockSteps: 0 });
  assert.ok(text.length > 1_200_000 && text.length < 1_250_000);
  const headings = [...text.matchAll(/^CHAPTER (\d+)\. /gm)].map(([, chapter]) => Number(chapter));
  assert.deepEqual(
    headings,
    Array.from({ length: 135 }, (_, i) => i + 1),
  );
  assert.ok(text.startsWith('ETYMOLOGY. (Supplied by'));
  assert.ok(text.includes('\n\n\nCHAPTER 1. Loomings.\n\nCall me Ishmael. '));
  assert.ok(text.endsWith('only found another orphan.\n'));
});

const threeFiles = () => [write('a', 'one'), write('b', 'two\n'), write('c', 'three')];

test('several files are one text, and do not run into each other', async () => {
  const texts = await readTexts({ text: threeFiles(), dataset: 'none', blockSteps: 0 });
  assert.deepEqual(texts, ['one\ntwo\nthree\n']);
});

test('for blocks each file is a kind of text', async () => {
  const texts = await readTexts({ text: threeFiles(), dataset: 'none', blockSteps: 5 });
  assert.deepEqual(texts, ['one\n', 'two\n', 'three\n']);
});

test('the mixture is prose, code and numbers of about the same length, the same every time', async () => {
  const data = { text: [], dataset: 'mixture', blockSteps: 0 } as const;
  const texts = await readTexts(data);
  const [prose, code, numbers] = texts;
  assert.equal(texts.length, 3);
  for (const { length } of texts) assert.ok(length > 900_000 && length < 1_300_000, String(length));
  assert.match(prose, /Call me Ishmael/);
  // A line of each package.
  for (const part of ['parseDocument(', 'class Command ', 'inflateSync', 'stringify', 'class BinaryReader '])
    assert.ok(code.includes(part), part);
  const share = (text: string, kind: RegExp) => (text.match(kind)?.length ?? 0) / text.length;
  assert.ok(share(numbers, /\d/g) > 0.6 && share(prose, /\d/g) < 0.01);
  assert.ok(share(code, /[{}();=]/g) > 0.05 && share(prose, /[{}();=]/g) < 0.01);
  assert.deepEqual(await readTexts(data), texts);
});

test('the sums of the numbers are right', async () => {
  const [, , numbers] = await readTexts({ text: [], dataset: 'mixture', blockSteps: 0 });
  const sums = [...numbers.matchAll(/^(\d+) ([+*]) (\d+) = (\d+)$/gm)];
  assert.ok(sums.length > 10_000);
  for (const [sum, a, sign, b, result] of sums)
    assert.equal(Number(result), sign === '+' ? Number(a) + Number(b) : Number(a) * Number(b), sum);
});

test('every kind of text has its part in training and in validation', async () => {
  const text = [write('a', 'a'.repeat(999)), write('b', 'b'.repeat(1999))];
  const { training, kinds, validation } = await loadCorpus(
    configOf(text, { validationFraction: 0.2, sequenceLength: 8, blockSteps: 5 }),
  );
  const read = (tokens: Int32Array) => String.fromCharCode(...tokens);
  assert.deepEqual(
    kinds.map(({ start, end }) => read(training.subarray(start, end))),
    ['a'.repeat(800), 'b'.repeat(1600)],
  );
  assert.equal(read(validation), `${'a'.repeat(199)}\n${'b'.repeat(399)}\n`);
});

test('a corpus is split at its end and lies in shared memory', async () => {
  const path = write('text', 'ab'.repeat(5000));
  const { training, validation, tokenizer } = await loadCorpus(configOf([path], { validationFraction: 0.1 }));
  assert.equal(tokenizer.name, 'bytes');
  assert.ok(training.buffer instanceof SharedArrayBuffer);
  assert.equal(training.buffer, validation.buffer);
  // The newline that ends the text is the last token.
  assert.deepEqual([training.length, validation.length], [9000, 1001]);
  assert.equal(validation.at(-1), 10);
});

test('the parts of a split are the whole', () => {
  const fraction = fc.double({ min: 1e-3, max: 0.5, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 5000 }), fraction, (length, validationFraction) => {
      const tokens = new Int32Array(length);
      try {
        const { training, validation } = splitTokens([tokens], { validationFraction, sequenceLength: 8 });
        return (
          training.length + validation.length === length &&
          Math.abs(validation.length - length * validationFraction) < 1
        );
      } catch (error) {
        return error instanceof InputError;
      }
    }),
  );
});

test('a byte tokenizer reads any bytes', async () => {
  const path = write(
    'binary',
    Uint8Array.from({ length: 10_000 }, (_, i) => (i * 7) % 256),
  );
  const { training } = await loadCorpus(configOf([path]));
  assert.equal(training[1], 7);
});

const badTexts: readonly [name: string, make: () => TrainingConfig, message: RegExp][] = [
  ['is missing', () => configOf([join(folder, 'none.txt')]), /no such file or folder \(.*none\.txt\)/],
  ['is empty', () => configOf([write('empty', '')]), /the text is empty/],
  [
    'is UTF-16',
    () => configOf([write('utf16', Uint8Array.of(0xff, 0xfe, 0x61, 0))]),
    /it is UTF-16 text.*: convert it: iconv/,
  ],
  ['is a folder', () => configOf([folder]), /it is a folder/],
  ['is a device', () => configOf(['/dev/zero']), /it is a device/],
  [
    'is too short to train',
    () => configOf([write('short', 'x'.repeat(100))]),
    /the text is too short: .* for training, a sequence needs 129/,
  ],
  [
    'is too short to validate',
    () => configOf([write('shorter', 'x'.repeat(2000))]),
    /too short: 101 of its 2001 tokens are for validation/,
  ],
  [
    'is one of several and too short for blocks',
    () => configOf([write('long', 'x'.repeat(9000)), write('short', 'x'.repeat(100))], { blockSteps: 5 }),
    /text 2 is too short: .* for training, a sequence needs 129/,
  ],
  ['is not named', () => configOf([]), /there is no text/],
  [
    'needs more tokens than the model has',
    () => configOf([write('t', 'x')], { tokenizer: join(fixture, 'tokenizer.json') }),
    /512 tokens/,
  ],
  [
    'has a tokenizer that is missing',
    () => configOf([write('t', 'x')], { tokenizer: join(folder, 'no.json') }),
    /no such file/,
  ],
];
for (const [name, make, message] of badTexts) {
  test(`a text that ${name} is refused`, async () => {
    await assert.rejects(loadCorpus(make()), (error) => error instanceof InputError && message.test(error.message));
  });
}

test('a broken tokenizer_config.json beside the tokenizer is refused', () => {
  const path = join(folder, 'tokenizer.json');
  copyFileSync(join(fixture, 'tokenizer.json'), path);
  const config = write('tokenizer_config.json', '{');
  assert.throws(() => openTokenizer(path), /no valid JSON.*tokenizer_config\.json/);
  rmSync(config);
  assert.equal(openTokenizer(path).vocabularySize, 512);
});

const special = JSON.stringify({ bos_token: '<s>', eos_token: { content: '</s>' }, add_bos_token: true });
const template = {
  type: 'Sequence',
  processors: [
    {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '[CLS]', type_id: 0 } },
        { Sequence: { id: 'A' } },
        { SpecialToken: { id: '[SEP]' } },
      ],
      special_tokens: { '[CLS]': { ids: [7] }, '[SEP]': { ids: [8] } },
    },
  ],
};

test("what stands before a text and after it is as the tokenizer's files say", () => {
  const path = write('tokenizer.json', JSON.stringify({ ...valid, added_tokens: addedTokens(['<s>', '</s>']) }));
  const config = write('tokenizer_config.json', special);
  assert.deepEqual([openTokenizer(path).startIds, openTokenizer(path).endId], [[600], 601]);
  writeFileSync(config, JSON.stringify({ ...JSON.parse(special), add_bos_token: false }));
  assert.deepEqual(openTokenizer(path).startIds, []);
  rmSync(config);
  assert.deepEqual([openTokenizer(path).startIds, openTokenizer(path).endId], [[], undefined]);
  writeFileSync(path, JSON.stringify({ ...valid, post_processor: template }));
  assert.deepEqual(openTokenizer(path).startIds, [7]);
});

function addedTokens(contents: readonly string[]): object[] {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return contents.map((content, index) => ({ id: 600 + index, content, ...flags }));
}

test('spaces are not cleaned up when text is decoded, whatever the files say', () => {
  const path = write('tokenizer.json', JSON.stringify(valid));
  const config = write('tokenizer_config.json', '{"clean_up_tokenization_spaces": true}');
  const text = "it 's , here . is n't it ? ";
  const tokenizer = openTokenizer(path);
  assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
  rmSync(config);
});

test('ids of which the tokenizer has no token are no text, whatever its decoder', () => {
  const decoders = [
    { type: 'ByteLevel' },
    { type: 'Metaspace', replacement: '▁' },
    { type: 'WordPiece', prefix: '##' },
  ];
  for (const decoder of decoders) {
    const tokenizer = openTokenizer(write('tokenizer.json', JSON.stringify({ ...valid, decoder })));
    const ids = [...tokenizer.encode('a text')];
    assert.equal(tokenizer.decode([...ids, 100_000]), tokenizer.decode(ids));
    assert.equal(tokenizer.decode([100_000]), '');
  }
});

test('the tokenizer of bytes is written as a tokenizer.json that is read as bytes, and as any other with the same ids', async () => {
  const saved = join(folder, 'bytes');
  mkdirSync(saved);
  await saveTokenizer('bytes', saved);
  const bytes = openTokenizer(join(saved, 'tokenizer.json'));
  const any = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  assert.deepEqual([...bytes.encode(any)], [...any]);
  const json = JSON.parse(readFileSync(join(saved, 'tokenizer.json'), 'utf8')) as object;
  const other = openTokenizer(write('other.json', JSON.stringify({ ...json, version: '1' })));
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.deepEqual(other.encode(text), bytes.encode(text));
      assert.equal(other.decode(bytes.encode(text)), text);
    }),
  );
});

test('what lies beside a tokenizer goes where it goes', async () => {
  const [from, to] = [join(folder, 'from'), join(folder, 'to')];
  for (const made of [from, to]) mkdirSync(made);
  copyFileSync(join(fixture, 'tokenizer.json'), join(from, 'tokenizer.json'));
  await saveTokenizer(join(from, 'tokenizer.json'), to);
  assert.match(readFileSync(join(to, 'tokenizer_config.json'), 'utf8'), /"clean_up_tokenization_spaces": false/);
  writeFileSync(join(from, 'tokenizer_config.json'), special);
  writeFileSync(join(from, 'generation_config.json'), '{"eos_token_id": 3}');
  await saveTokenizer(join(from, 'tokenizer.json'), to);
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json'])
    assert.deepEqual(readFileSync(join(to, name)), readFileSync(join(from, name)), name);
});
