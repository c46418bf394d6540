import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InputError } from '../base/index.js';
import { readExpertLoadsFrom } from './expert-loads/read-from.js';
import { createMemoryTree } from './memory-tree.js';
import { readPlacementFrom } from './placements/read-from.js';

const bytesOf = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const file = (path: string, value: unknown = '') => ({ path, bytes: bytesOf(value) });
const loads = { logical_count: [[1, 2, 3]] };

function refuses(run: () => unknown, message: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof InputError, String(error));
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

describe('a tree in memory', () => {
  const tree = createMemoryTree([file('a/b/c.json', 'abc'), file('/a/d', 'd'), file('e#f/g', 'g')]);

  it('has files, and the folders that they lie in', () => {
    for (const path of ['a', 'a/b', '.', 'e#f', '/a/', 'a//b/.']) assert.ok(tree.isFolder(path), path);
    for (const path of ['a/d', './a/b/c.json', 'e#f/g']) assert.ok(tree.has(path) && !tree.isFolder(path), path);
    for (const path of ['', 'b', 'a/b/c', '..', 'a/../a', '__proto__', 'a\0', 'a/d/e'])
      assert.ok(!tree.has(path), path);
    assert.deepEqual(tree.list('a'), ['b', 'd']);
    assert.deepEqual(tree.list('.'), ['a', 'e#f']);
    assert.equal(tree.sizeOf('a/b/c.json'), 3);
  });

  it('joins what it splits', () => {
    for (const path of ['a/b/c.json', 'x', '/x', '/a/d']) {
      const { folder, name } = tree.split(path);
      assert.equal(tree.join(folder, name), path);
    }
    assert.ok(tree.has(tree.join('a/', 'd')));
  });

  it('reads no more than it may, and no other file in place of one that is not there', () => {
    assert.deepEqual(tree.read('a/b/c.json', { maxBytes: 3 }), bytesOf('abc'));
    refuses(() => tree.read('a/b/c.json', { maxBytes: 2 }), /it is longer than 2 B \(a\/b\/c\.json\)/);
    refuses(() => tree.read('a', { maxBytes: 9 }), /it is a folder \(a\): name a file/);
    refuses(() => tree.read('../a/d', { maxBytes: 9 }), /no such file or folder \(\.\.\/a\/d\)/);
    refuses(() => tree.sizeOf('toString'), /no such file/);
    refuses(() => tree.list('a/d'), /a part of the path is no folder/);
    refuses(() => tree.list('none'), /no such file/);
    refuses(() => tree.open('a/d', ({ read }) => read(0, 2)), /it ends at byte 1/);
    assert.equal(
      tree.open('a/b/c.json', ({ size, read }) => [size, ...read(1, 2)].join()),
      '3,98,99',
    );
  });

  it('gives parts of a file in buffers of their own', () => {
    const whole = new Uint8Array(16).map((_, index) => index);
    const held = createMemoryTree([{ path: 'x', bytes: whole.subarray(3, 11) }]);
    const part = held.open('x', ({ read }) => read(1, 4));
    assert.equal(part.buffer.byteLength, 4);
    assert.deepEqual([...part], [4, 5, 6, 7]);
  });
});

describe('a tree in memory is not made of', () => {
  const refused: readonly (readonly [name: string, paths: readonly string[], message: RegExp])[] = [
    ['a path that leads outside', ['a', '../b'], /leads outside with \.\. \("\.\.\/b"\)/],
    ['a path that leads outside and back', ['a/../b'], /leads outside/],
    ['an empty path', [''], /the path names no file \(""\)/],
    ['a path of nothing but folders', ['/./'], /names no file/],
    [
      'a path that comes twice',
      ['a/b', 'a//b'],
      /a file of this path is there already \("a\/\/b"\): give each file once/,
    ],
    ['a file where a folder is', ['a/b', 'a'], /a folder of this path is there already/],
    ['a folder where a file is', ['a', 'a/b'], /a file of this path is there already/],
    ['folders without end', [`${'a/'.repeat(1e5)}b`], /more than 64 folders/],
    ['a name of several lines', ['a', 'a\n', '../a\n'], /leads outside/],
  ];
  for (const [name, paths, message] of refused)
    it(name, () => refuses(() => createMemoryTree(paths.map((path) => file(path))), message));
});

describe('readers of a tree in memory', () => {
  it('find theirs among thousands of files', () => {
    const others = Array.from({ length: 20_000 }, (_, index) => file(`dropped/loads/other-${index}.txt`));
    const steps = Array.from({ length: 1000 }, (_, step) => file(`dropped/loads/${step}-${step}.json`, loads));
    const found = readExpertLoadsFrom(createMemoryTree([...others, ...steps]), 'dropped/loads');
    assert.deepEqual([found.loads.windows, found.loads.experts], [1000, 3]);
  });

  it('take what was dropped without a folder as the folder', () => {
    const tree = createMemoryTree([file('2-2.json', loads), file('1-1.json', { logical_count: [[4, 5, 6]] })]);
    assert.deepEqual([...readExpertLoadsFrom(tree, '.').loads.counts], [4, 5, 6, 1, 2, 3]);
  });

  it('take names that mean something elsewhere as names', () => {
    for (const path of ['__proto__', 'constructor/prototype', 'a b/ü.json', 'C:\\loads.json', 'a#b'])
      assert.equal(readExpertLoadsFrom(createMemoryTree([file(path, loads)]), path).loads.experts, 3);
    const part = createMemoryTree([file('a.json', { x: { y: [[1, 2]] } })]);
    assert.deepEqual(readExpertLoadsFrom(part, 'a.json#x/y').windowNames, ['y']);
    refuses(() => readExpertLoadsFrom(part, '../a.json#x'), /no such file or folder \(\.\.\/a\.json\)/);
  });

  it('read placements, and name the file where it is none', () => {
    const tree = createMemoryTree([
      file('now.json', { physical_to_logical_map: [[0, 1, 1]] }),
      file('now.yaml', 'initial_global_assignments:\n  3: [0, 1]\nnum_slots: 2\n'),
      { path: 'bytes', bytes: Uint8Array.of(0xff, 0xfe) },
    ]);
    assert.equal(readPlacementFrom(tree, 'now.json', { experts: 2 }).format, 'sglang');
    assert.deepEqual(readPlacementFrom(tree, 'now.yaml', { experts: 2 }).layerNumbers, [3]);
    refuses(() => readPlacementFrom(tree, 'now.json', { experts: 3 }), /no slot for expert 2.*\(now\.json\)/);
    refuses(() => readPlacementFrom(tree, 'bytes', { experts: 3 }), /it is not UTF-8 text \(bytes\)/);
  });
});
