import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../base/index.js';
import { allocate, createArena } from './arena.js';

test('allocations are aligned, follow one another and do not overlap', () => {
  const arena = createArena(1000);
  assert.equal(allocate(arena, 10), 0);
  assert.equal(allocate(arena, 4), 64);
  assert.equal(allocate(arena, 4, 4), 68);
  assert.equal(allocate(arena, 8, 16), 80);
  assert.equal(arena.used, 88);
});

test('an arena has whole pages of zeros, and lowering used frees what lies above', () => {
  const arena = createArena(65_537);
  assert.equal(arena.buffer.byteLength, 131_072);
  assert.ok(new Uint8Array(arena.buffer).every((byte) => byte === 0));
  allocate(arena, 131_072);
  arena.used = 64;
  assert.equal(allocate(arena, 64), 64);
});

test('a full arena says how full it is', () => {
  const arena = createArena(65_536);
  allocate(arena, 65_000);
  assert.throws(
    () => allocate(arena, 1000),
    (error) => error instanceof InputError && /1000 bytes do not fit.*65000 of 65536/.test(error.message),
  );
});

test('a size that is no count or that WebAssembly cannot address is refused', () => {
  for (const bytes of [-1, 1.5, Number.NaN, 2 ** 32 + 1]) assert.throws(() => createArena(bytes), InputError);
  assert.throws(() => createArena(2 ** 33), /8\.0 GiB is larger than the 4 GiB/);
});

test('a posted arena is the same memory', () => {
  const arena = createArena(64);
  const { memory, buffer } = structuredClone(arena);
  new Float32Array(buffer)[3] = 7;
  assert.equal(new Float32Array(arena.buffer)[3], 7);
  assert.equal(new Float32Array(memory.buffer)[3], 7);
});
