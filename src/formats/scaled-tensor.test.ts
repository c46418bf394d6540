import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../base/index.js';
import { decodeByteFloats } from './safetensors-numbers.js';
import type { TensorEntry, TensorIndex } from './safetensors-read.js';
import { readMatrixRows } from './scaled-tensor.js';

const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);

test('the numbers of a byte are those of the formats', () => {
  const [e4m3, e5m2, e8m0] = (['F8_E4M3', 'F8_E5M2', 'F8_E8M0'] as const).map((dtype) =>
    decodeByteFloats(bytes, dtype),
  );
  // The largest, the smallest that is normal, and the smallest; see table 1 of arXiv 2209.05433.
  assert.deepEqual([e4m3[0x7e], e4m3[0x08], e4m3[0x01]], [448, 2 ** -6, 2 ** -9]);
  assert.deepEqual([e5m2[0x7b], e5m2[0x04], e5m2[0x01]], [57_344, 2 ** -14, 2 ** -16]);
  assert.deepEqual([e8m0[0], e8m0[127], e8m0[254]], [2 ** -127, 1, 2 ** 127]);
  assert.deepEqual([e4m3[0x7f], e4m3[0xff], e5m2[0x7d], e8m0[0xff]].map(Number.isNaN), [true, true, true, true]);
  assert.deepEqual([e5m2[0x7c], e5m2[0xfc]], [Infinity, -Infinity]);
  for (let byte = 1; byte < 127; byte++) {
    assert.ok(e4m3[byte] > e4m3[byte - 1], `E4M3 ${byte}`);
    assert.equal(e4m3[byte + 128], -e4m3[byte]);
  }
});

type Stored = Pick<TensorEntry, 'dtype' | 'shape'> & { readonly bytes: Uint8Array };

/** Tensors in memory; what lies between `from` and `from + length` is all that reading takes. */
function indexOf(tensors: Readonly<Record<string, Stored>>): TensorIndex {
  const entries = Object.entries(tensors).map(([name, { dtype, shape, bytes: all }]) => {
    const read = (from = 0, length = all.length - from) => Uint8Array.from(all.subarray(from, from + length));
    return [name, { path: 'a file', dtype, shape, byteOffset: 0, byteLength: all.length, read }] as const;
  });
  return { where: 'a file', tensors: new Map(entries), metadata: new Map() };
}

/** Every number 1, in FP8. */
const ones = (...shape: number[]): Stored => {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return { dtype: 'F8_E4M3', shape, bytes: new Uint8Array(count).fill(0x38) };
};
const scales = (shape: readonly number[], numbers: readonly number[]): Stored => {
  return { dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(numbers).buffer) };
};
const powers = (shape: readonly number[], exponents: readonly number[]): Stored => {
  return { dtype: 'F8_E8M0', shape, bytes: Uint8Array.from(exponents, (exponent) => 127 + exponent) };
};

test('a number is its value times the scale of its block, also where blocks are cut at the edges', () => {
  const index = indexOf({ w: ones(3, 5), w_scale_inv: scales([2, 3], [1, 2, 3, 4, 5, 6]) });
  assert.deepEqual([...readMatrixRows(index, 'w', [2, 2])], [1, 1, 2, 2, 3, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6]);
});

test('the matrices of one tensor have scales of their own, and rows of it are read alone', () => {
  const index = indexOf({ w: ones(2, 3, 2), w_scale_inv: powers([2, 2, 1], [0, 1, 2, 3]) });
  assert.deepEqual([...readMatrixRows(index, 'w', [2, 2])], [1, 1, 1, 1, 2, 2, 4, 4, 4, 4, 8, 8]);
  assert.deepEqual([...readMatrixRows(index, 'w', [2, 2], { first: 2, end: 4 })], [2, 2, 4, 4]);
});

test('one scale may stand for all', () => {
  for (const shape of [[], [1], [1, 1]]) {
    const index = indexOf({ w: ones(3, 2), w_scale_inv: scales(shape, [0.5]) });
    assert.deepEqual([...readMatrixRows(index, 'w', [2, 2])], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
  }
});

test('a scale that is missing, or of another shape, is named with its tensor', () => {
  const missing = indexOf({ w: ones(2, 2) });
  assert.throws(() => readMatrixRows(missing, 'w', [2, 2]), /^InputError: tensor w is of F8_E4M3, but w_scale_inv/);
  const other = indexOf({ w: ones(3, 5), w_scale_inv: scales([3, 2], [1, 2, 3, 4, 5, 6]) });
  assert.throws(() => readMatrixRows(other, 'w', [2, 2]), /w_scale_inv has shape \[3, 2\] instead of \[2, 3\]/);
  const packed = indexOf({ w: { dtype: 'I8', shape: [1, 1], bytes: new Uint8Array(1) } });
  assert.throws(() => readMatrixRows(packed, 'w', [2, 2]), InputError);
});
