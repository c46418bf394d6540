import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { evaluateRows } from '../train/index.js';
import { readTokenRows } from './token-rows.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-rows-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const checkpoint = 'test/fixtures/deepseek-v3-tiny';

function read(content: unknown) {
  const path = join(folder, 'rows.json');
  writeFileSync(path, JSON.stringify(content));
  return readTokenRows(path);
}

const measure = (content: unknown) =>
  evaluateRows({ checkpoint, ...read(content), withLogits: false, withGradients: false });

test('what a mask leaves out at the end of a row does not count, whatever ids stand there', async () => {
  const filled = {
    input_ids: [
      [5, 6, 7, 8, -100, -100],
      [1, 2, 3, 4, 5, 6],
    ],
    attention_mask: [
      [1, 1, 1, 1, 0, 0],
      [true, true, true, true, true, true],
    ],
  };
  const [both, short, long] = [
    await measure(filled),
    await measure({ input_ids: [[5, 6, 7, 8]] }),
    await measure({ input_ids: [[1, 2, 3, 4, 5, 6]] }),
  ];
  assert.deepEqual([both.tokens, short.tokens, long.tokens], [8, 3, 5]);
  assert.ok(Math.abs(both.loss - (3 * short.loss + 5 * long.loss) / 8) < 1e-5);
});

test('a mask without zeros changes nothing, and keys that are not read are named', () => {
  const rows = [[1, 2, 3]];
  assert.deepEqual(read({ input_ids: rows, attention_mask: [[1, 1, 1]] }).lengths, [3]);
  assert.equal(read({ input_ids: rows, attention_mask: null }).lengths, undefined);
  assert.match(read({ input_ids: rows, labels: rows }).notes.join(), /^labels in .* is not read$/);
});

test('a mask that leaves out anything else, or does not fit, is refused', () => {
  const rows = [[1, 2, 3]];
  for (const mask of [[[0, 1, 1]], [[1, 0, 1]]])
    assert.throws(() => read({ input_ids: rows, attention_mask: mask }), /before the end of a row.*row 0\): fill rows/);
  for (const mask of [
    [[1, 1]],
    [],
    [[1, 1, 2]],
    1,
    [
      [1, 1, 1],
      [1, 1, 1],
    ],
  ])
    assert.throws(() => read({ input_ids: rows, attention_mask: mask }), /attention_mask does not fit input_ids/);
});

test('nothing that counts, and ids that fill up without a mask, are refused', async () => {
  await assert.rejects(measure({ input_ids: [[1, 2]], attention_mask: [[1, 0]] }), /no row has 2 tokens that count/);
  assert.throws(() => read({ input_ids: [[1, -100]] }), /input_ids is not a list/);
});

test('rows that are longer than the model looks back are refused before a rank starts', async () => {
  const long = { input_ids: [new Array(20_000).fill(1)] };
  await assert.rejects(measure(long), { name: 'InputError', message: /rows have 20000 tokens, more than .* 512: cut/ });
});
