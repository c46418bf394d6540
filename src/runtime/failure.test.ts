import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startRanks } from './start-ranks.js';
import { createTestSpec, fillTestBatch } from './test-spec.js';

describe('a rank that fails', () => {
  it('ends the run of all ranks with its own error, and later calls too', async () => {
    const spec = createTestSpec({ schedule: 'dualpipev', ranks: 4, microbatches: 8 });
    const group = await startRanks(spec);
    try {
      await group.call('initialize', 1);
      fillTestBatch(spec, 1);
      // The embedding is on rank 0 alone; the others wait for its activations.
      new Int32Array(spec.batchMemory.buffers.tokens)[0] = 1_000_000;
      await assert.rejects(group.call('computeGradients'), { name: 'WorkError', message: /rank 0/ });
      await assert.rejects(group.call('computeGradients'), { name: 'WorkError', message: /rank 0/ });
    } finally {
      await group.close();
    }
  });

  it('tells the first layer whose numbers are not finite', async () => {
    const spec = createTestSpec({ schedule: 'dualpipev', ranks: 2, microbatches: 4 });
    const group = await startRanks(spec);
    try {
      await group.call('initialize', 1);
      fillTestBatch(spec, 1);
      const name = 'model.layers.5.post_attention_layernorm.weight';
      for (const { layout, state } of group.states) {
        const tensor = layout.tensors.get(name);
        if (tensor !== undefined) new Float32Array(state, 4 * tensor.position, tensor.count).fill(Number.NaN);
      }
      const [{ gradientNorm }] = await group.call('computeGradients');
      assert.ok(!Number.isFinite(gradientNorm));
      const found = (await group.call('diagnose')).flatMap((one) => one ?? []);
      const forward = found.filter(({ pass }) => pass === 'forward');
      assert.equal(Math.min(...forward.map(({ layer }) => layer)), 5);
    } finally {
      await group.close();
    }
  });
});
