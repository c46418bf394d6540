import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { readTrainingConfig } from '../formats/index.js';
import { findCheckpoint, readModelConfig } from '../train/index.js';
import { shownText } from './output.js';
import { checkpointOverrides } from './train-from.js';

const tiny = 'test/fixtures/deepseek-v3-tiny';
const folder = mkdtempSync(join(tmpdir(), 'doubletrack-from-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('a checkpoint gives model, weights and tokenizer, and --set still changes them', () => {
  const { model, train, data } = readTrainingConfig(undefined, checkpointOverrides(tiny));
  assert.deepEqual(model, readModelConfig(tiny));
  assert.deepEqual([train.initialCheckpoint, data.tokenizer], [resolve(tiny), 'bytes']);
  const changed = readTrainingConfig(undefined, [...checkpointOverrides(tiny), 'model.rope_theta=7']);
  assert.deepEqual(changed.model, { ...model, ropeTheta: 7 });
});

test('a run gives its last checkpoint, whatever its path', () => {
  const run = join(folder, 'a "run" \\ =1');
  for (const step of [2, 10]) cpSync(tiny, join(run, 'checkpoints', String(step)), { recursive: true });
  const last = join(run, 'checkpoints', '10');
  const found = findCheckpoint(run);
  assert.equal(found.folder, last);
  assert.match(found.notes.join(), /the last checkpoint of the run is taken/);
  const { train } = readTrainingConfig(undefined, checkpointOverrides(run));
  assert.equal(train.initialCheckpoint, last);
  assert.equal(findCheckpoint(last).folder, last);
  writeFileSync(join(run, 'config.toml'), '');
  assert.equal(findCheckpoint(join(run, 'checkpoints')).folder, last);
});

test('a run that has saved nothing, and a tokenizer that is not read, are refused', () => {
  const run = join(folder, 'empty');
  mkdirSync(join(run, 'checkpoints'), { recursive: true });
  assert.throws(() => findCheckpoint(run), /the run has no checkpoint yet \(.*empty\): let it save one/);
  for (const name of ['tiktoken.model', 'tekken.json']) {
    const other = join(folder, `with-${name}`);
    cpSync(tiny, other, { recursive: true });
    writeFileSync(join(other, name), 'IQ== 0\n');
    assert.throws(() => checkpointOverrides(other), {
      name: 'InputError',
      message: new RegExp(`no tokenizer\\.json, and its tokenizer's ${name} is not read`),
    });
  }
});

test('text steers no terminal, and stays as it is elsewhere', () => {
  assert.equal(shownText('a\x1b[2J\n', true), 'a\\x1b[2J\n');
  assert.equal(shownText('a\x1b[2J\n', false), 'a\x1b[2J\n');
});
