import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuantization } from './quantization.js';

const of = (quantization: unknown) => parseQuantization({ quantization_config: quantization });

test('blocks are those of the file, or 128 x 128', () => {
  assert.deepEqual(of(undefined), { method: undefined, block: [128, 128] });
  assert.deepEqual(of(null), { method: undefined, block: [128, 128] });
  assert.deepEqual(of({ quant_method: 'fp8', weight_block_size: [64, 32] }), { method: 'fp8', block: [64, 32] });
  assert.deepEqual(of({ quant_method: 'fp8', weight_block_size: null }), { method: 'fp8', block: [128, 128] });
});

test('what is no block is refused', () => {
  for (const block of [128, [128], [0, 128], ['a', 1], [1, 2, 3]])
    assert.throws(() => of({ weight_block_size: block }), /weight_block_size is .*: use rows and columns of a block/);
  assert.throws(() => of(3), /quantization_config is 3/);
});
