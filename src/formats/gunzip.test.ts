import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { gunzip } from './gunzip.js';

const mostBytes = 2 ** 20;
const pack = (content: Uint8Array) => new Uint8Array(gzipSync(content));
const join = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

test('what zlib packs, in one member or several, comes out again', () => {
  const content = fc.uint8Array({ maxLength: 5000 });
  const members = fc.array(fc.tuple(content, fc.integer({ min: 1, max: 100 })), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(members, (members) => {
      const contents = members.map(([bytes, times]) => join(...Array<Uint8Array>(times).fill(bytes)));
      const all = join(...contents);
      const found = gunzip(join(...contents.map(pack)), mostBytes * 2);
      assert.deepEqual(typeof found === 'string' ? found : Buffer.compare(found, all), 0);
    }),
    { numRuns: 200 },
  );
});

test('a gzip with a byte that is not as it was, or without its end, is not taken for other content', () => {
  const content = new TextEncoder().encode('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]');
  const good = pack(content);
  for (let end = 1; end < good.length; end++) assert.equal(gunzip(good.slice(0, end), mostBytes), 'cut');
  assert.equal(typeof gunzip(good.slice(0, 0), mostBytes), 'string');
  // Time, flags of the packer and its system lie before it.
  for (let at = 10; at < good.length; at++) {
    for (const mask of [1, 0x10, 0x80, 0xff]) {
      const bad = good.slice();
      bad[at]! ^= mask;
      const found = gunzip(bad, mostBytes);
      // Bits that fill the last byte before the check sum mean nothing.
      if (typeof found !== 'string') assert.deepEqual([at, found], [good.length - 9, content]);
    }
  }
  const second = join(good, good);
  second[good.length + 12]! ^= 1;
  assert.equal(typeof gunzip(second, mostBytes), 'string');
});

test('a gzip that was cut anywhere gives what comes before, where that is asked', () => {
  const text = Array.from({ length: 20_000 }, (_, line) => `${(line * 7919) % 10_007}\n`).join('');
  const content = new TextEncoder().encode(text);
  const good = pack(content);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: good.length - 1 }), (end) => {
      const cut = good.slice(0, end);
      assert.equal(gunzip(cut, mostBytes), 'cut');
      const start = gunzip(cut, mostBytes, true);
      assert.ok(typeof start !== 'string' && start.length <= content.length);
      assert.deepEqual(Buffer.compare(start, content.subarray(0, start.length)), 0);
      // A member's header, and one of a block, stand for nothing.
      if (end > good.length / 2) assert.ok(start.length > content.length / 3);
    }),
    { numRuns: 50 },
  );
});

test('no more is unpacked than the bound, whatever a gzip claims', () => {
  const exact = pack(new Uint8Array(mostBytes));
  assert.equal(gunzip(exact, mostBytes).length, mostBytes);
  assert.equal(gunzip(exact, mostBytes - 1), 'too long');
  assert.equal(gunzip(join(exact, pack(new Uint8Array(1))), mostBytes), 'too long');
  const small = pack(new Uint8Array(10));
  new DataView(small.buffer).setUint32(small.length - 4, 2 ** 32 - 1, true);
  assert.equal(gunzip(small, mostBytes), 'damaged');
});

test('a gzip that takes long and holds nothing is refused', () => {
  const endlessName = join(Uint8Array.of(0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3), new Uint8Array(2 ** 20).fill(65));
  assert.equal(gunzip(endlessName, mostBytes), 'damaged');
  const members = join(...Array<Uint8Array>(70_000).fill(pack(new Uint8Array(0))));
  assert.equal(gunzip(members, mostBytes), 'damaged');
});
