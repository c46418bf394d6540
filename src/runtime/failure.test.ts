import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startRanks } from './start-ranks.js';
import { createTestSpec, fillTestBatch } from './test-spec.js';

/** A step of it in which experts of layer 3 change ranks. */
const moving = createTestSpec({ schedule: '1f1b', ranks: 1, microbatches: 4, expert: 2, movesExperts: true });
const switched = { layer: 3, slotToExpert: [2, 3, 0, 1] };

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

  it('ends the run of all ranks in a step in which experts move, too', async () => {
    const group = await startRanks(moving);
    try {
      await group.call('initialize', 1);
      fillTestBatch(moving, 1);
      // Rank 1 has the other sequences, and waits for rank 0's experts.
      new Int32Array(moving.batchMemory.buffers.tokens)[0] = 1_000_000;
      await assert.rejects(group.call('computeGradients', [switched]), { name: 'WorkError', message: /rank 0/ });
    } finally {
      await group.close();
    }
  });

  it('finds what is not finite by the places that experts have until the end of the step', async () => {
    const group = await startRanks(moving);
    try {
      await group.call('initialize', 1);
      fillTestBatch(moving, 1);
      for (const { layout, state } of group.states) {
        const [{ slotToExpert, position, size, count, first }] = layout.slots.filter(({ layer }) => layer === 3);
        const table = new Int32Array(state, slotToExpert.byteOffset, slotToExpert.count);
        for (let slot = 0; slot < count; slot++)
          if (table[first + slot] === 2) new Float32Array(state, 4 * (position + slot * size), size).fill(Number.NaN);
      }
      const [{ gradientNorm }] = await group.call('computeGradients', [switched]);
      assert.ok(!Number.isFinite(gradientNorm));
      const found = (await group.call('diagnose')).flatMap((one) => one ?? []);
      const forward = found.filter(({ pass }) => pass === 'forward');
      assert.equal(Math.min(...forward.map(({ layer }) => layer)), 3);
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
