import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { numberNodes } from './nodes.js';
import { startRanks } from './start-ranks.js';
import { createTestSpec } from './test-spec.js';

describe('the nodes of ranks', () => {
  it('are numbered by their first ranks, whichever and however many ranks a machine has', () => {
    assert.deepEqual(numberNodes([7, 3, 7, 3]), [0, 1, 0, 1]);
    assert.deepEqual(numberNodes([2 ** 47 + 1, 2 ** 47 + 1, 2 ** 47, 2 ** 47 + 1, 5]), [0, 0, 1, 0, 2]);
  });

  it('are one for all ranks of a process', async () => {
    const group = await startRanks(createTestSpec({ schedule: '1f1b', ranks: 2, expert: 2, microbatches: 2 }));
    try {
      assert.deepEqual(
        await group.call('initialize', 1),
        [0, 1, 2, 3].map(() => [0, 0, 0, 0]),
      );
    } finally {
      await group.close();
    }
  });
});
