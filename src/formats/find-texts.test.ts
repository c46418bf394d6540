import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../base/index.js';
import { findTextFiles } from './find-texts.js';
import { expandBraces, matcherOf } from './glob.js';

const folder = mkdtempSync(join(tmpdir(), 'texts-'));
after(() => rmSync(folder, { recursive: true }));
for (const sub of ['t/deep/er', 't/.hidden', 'none/empty', 'many']) mkdirSync(join(folder, sub), { recursive: true });
const files = ['a,b.txt', 't/b.txt', 't/a.txt', 't/c.md', 't/[x].txt', 't/.secret', 't/.hidden/d.txt', 't/deep/e.txt'];
for (const file of [...files, 't/deep/er/f.md']) writeFileSync(join(folder, file), 'text');
writeFileSync(join(folder, 't/deep/nothing.txt'), '');
symlinkSync('..', join(folder, 't/deep/circle'));

/** What entries stand for, relative to the folder. */
function find(...entries: string[]): string[] {
  return findTextFiles(entries, folder).map((path) => path.slice(folder.length + 1));
}

function messageOf(...entries: string[]): string {
  try {
    find(...entries);
  } catch (error) {
    assert.ok(error instanceof InputError, String(error));
    return error.message.replaceAll(folder, '');
  }
  return assert.fail('nothing was thrown');
}

const all = ['t/[x].txt', 't/a.txt', 't/b.txt', 't/c.md', 't/deep/e.txt', 't/deep/er/f.md'];
const meanings: readonly [entries: readonly string[], files: readonly string[]][] = [
  [['t/b.txt'], ['t/b.txt']],
  [['t'], all],
  [['t/'], all],
  [['t/**'], all],
  [
    ['t/*.txt', 't/c.md'],
    ['t/[x].txt', 't/a.txt', 't/b.txt', 't/c.md'],
  ],
  [['t/**/*.md'], ['t/c.md', 't/deep/er/f.md']],
  [['**/**/e*'], ['t/deep/e.txt']],
  [['t/?.md'], ['t/c.md']],
  [['t/[a-b].txt'], ['t/a.txt', 't/b.txt']],
  [['t/[!a].txt'], ['t/b.txt']],
  [['t/{b,a}.txt'], ['t/a.txt', 't/b.txt']],
  [['t/[x].txt'], ['t/[x].txt']],
  [['t/b.txt, t/a.txt'], ['t/b.txt', 't/a.txt']],
  [['t/*.{md,none},t/deep/er'], ['t/c.md', 't/deep/er/f.md']],
  [['a,b.txt'], ['a,b.txt']],
  [['t/.s*'], ['t/.secret']],
  [['missing.txt'], ['missing.txt']],
];
for (const [entries, expected] of meanings) {
  test(`${entries.join(' and ')} of data.text ${entries.length === 1 ? 'is' : 'are'} ${expected.length} files`, () => {
    assert.deepEqual(find(...entries), expected);
  });
}

test('a folder or a pattern without text is refused, with what to check', () => {
  assert.equal(messageOf('none'), 'there is no text in the folder (/none): name a folder with text files, or a file');
  assert.equal(messageOf('t/*.pdf'), 'no file with text matches (/t/*.pdf): check the pattern');
  assert.equal(messageOf('gone/**/*.pdf'), 'no file with text matches (/gone/**/*.pdf): check the pattern');
});

test('a folder of very many files is refused before it is read', () => {
  for (let file = 0; file <= 4096; file++) writeFileSync(join(folder, 'many', String(file)), 'x');
  assert.match(messageOf('many'), /^it stands for more than 4096 files \(\/many\): name fewer files/);
  assert.match(messageOf(`${'{a,b}'.repeat(9)}.txt`), /^it stands for more than 256 patterns/);
});

test('a name fits a pattern as it fits the regular expression of it', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
  fc.assert(
    fc.property(pattern, letters, (part, name) => {
      const expression = new RegExp(`^${part.replaceAll('*', '.*').replaceAll('?', '.')}$`);
      assert.equal(matcherOf(part)(`a${name}`), expression.test(`a${name}`));
    }),
  );
  assert.equal(matcherOf(`${'*a'.repeat(60)}b`)('a'.repeat(250)), false);
});

test('braces within braces give every choice', () => {
  assert.deepEqual(expandBraces('{a,{b,c}}d'), ['ad', 'bd', 'ad', 'cd']);
});
