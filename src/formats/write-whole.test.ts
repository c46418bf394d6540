import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { InputError } from '../base/index.js';
import { replaceFile, writeFileWhole, writeFolderWhole } from './write-whole.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whole-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('writes text and bytes in their order, and leaves nothing else', async () => {
  const path = join(folder, 'a.txt');
  await writeFileWhole(path, 'old');
  await writeFileWhole(path, ['né', Uint8Array.of(65, 66), '']);
  assert.equal(readFileSync(path, 'utf8'), 'néAB');
  assert.deepEqual(readdirSync(folder), ['a.txt']);
});

test('a writer that fails leaves the old file, and nothing else', async () => {
  const path = join(folder, 'a.txt');
  writeFileSync(path, 'old');
  async function* chunks(): AsyncGenerator<string> {
    yield 'new';
    await Promise.resolve();
    throw new Error('the generator broke');
  }
  await assert.rejects(writeFileWhole(path, chunks()), /the generator broke/);
  assert.equal(readFileSync(path, 'utf8'), 'old');
  assert.deepEqual(readdirSync(folder), ['a.txt']);
});

test('while a file is written its name shows the old content', async () => {
  const path = join(folder, 'a.txt');
  writeFileSync(path, 'old');
  const seen: string[] = [];
  function* chunks(): Generator<string> {
    yield 'new';
    seen.push(readFileSync(path, 'utf8'));
    yield 'er';
  }
  await writeFileWhole(path, chunks());
  assert.deepEqual(seen, ['old']);
  assert.equal(readFileSync(path, 'utf8'), 'newer');
});

test('writes what a link leads to', async () => {
  writeFileSync(join(folder, 'real.txt'), 'old');
  symlinkSync('real.txt', join(folder, 'link.txt'));
  await writeFileWhole(join(folder, 'link.txt'), 'new');
  assert.equal(readFileSync(join(folder, 'real.txt'), 'utf8'), 'new');
});

test('a place that cannot be written is named', async () => {
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, 'file'), '');
  const cases = [
    [() => writeFileWhole(join(folder, 'none', 'a'), 'x'), /no such file or folder \(.*none.a\)/],
    [() => writeFileWhole(join(folder, 'sub'), 'x'), /it is there and no file/],
    [() => writeFileWhole(join(folder, 'file', 'a'), 'x'), /a part of the path is no folder/],
    [() => writeFileWhole('/dev/null', 'x'), /it is there and no file/],
    [() => writeFileWhole('a\0b', 'x'), /the path is not valid/],
    [() => writeFolderWhole(join(folder, 'file'), () => Promise.resolve()), /it is there and no folder/],
    [() => writeFolderWhole(join(folder, 'none', 'a'), () => Promise.resolve()), /no such file or folder/],
  ] as const;
  for (const [work, message] of cases) {
    await assert.rejects(work(), (error) => error instanceof InputError && message.test(error.message));
  }
  assert.deepEqual(readdirSync(folder).sort(), ['file', 'sub']);
});

test('a folder takes the place of the old one with all that was in it', async () => {
  const path = join(folder, 'run');
  mkdirSync(join(path, 'deep'), { recursive: true });
  writeFileSync(join(path, 'deep', 'old.txt'), 'old');
  await writeFolderWhole(path, async (temporary) => {
    mkdirSync(join(temporary, 'inner'));
    await writeFileWhole(join(temporary, 'inner', 'new.txt'), 'new');
    assert.deepEqual(readdirSync(path), ['deep']);
  });
  assert.deepEqual(readdirSync(path, { recursive: true }).sort(), ['inner', join('inner', 'new.txt')]);
  assert.deepEqual(readdirSync(folder), ['run']);
});

test('a folder whose writer fails is as it was', async () => {
  const path = join(folder, 'run');
  mkdirSync(path);
  writeFileSync(join(path, 'old.txt'), 'old');
  const fill = async (temporary: string) => {
    await writeFileWhole(join(temporary, 'new.txt'), 'new');
    throw new Error('stopped');
  };
  await assert.rejects(writeFolderWhole(path, fill), /stopped/);
  await assert.rejects(writeFolderWhole(join(folder, 'other'), fill), /stopped/);
  assert.deepEqual(readdirSync(folder, { recursive: true }).sort(), ['run', join('run', 'old.txt')]);
});

test('a short text takes the place of the old one at once, through a link too, and leaves nothing else', () => {
  const path = join(folder, 'a.txt');
  replaceFile(path, 'old');
  symlinkSync(path, join(folder, 'link'));
  replaceFile(join(folder, 'link'), 'né');
  assert.equal(readFileSync(path, 'utf8'), 'né');
  mkdirSync(join(folder, 'taken'));
  assert.throws(() => replaceFile(join(folder, 'taken'), 'x'), InputError);
  assert.throws(() => replaceFile(join(folder, 'missing', 'a.txt'), 'x'), InputError);
  assert.deepEqual(readdirSync(folder), ['a.txt', 'link', 'taken']);
});
