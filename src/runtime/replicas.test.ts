import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Placement, placeInOrder } from '../balance/index.js';
import { assertEqualCopies, assertSameTraining, describeRun, type Run, train } from './test-training.js';

/** Of the tiny model. */
const [LAYERS, EXPERTS] = [7, 4];

/** Experts in order, the first of them twice. */
const spread = (slots: number): Placement => placeInOrder({ layers: LAYERS, experts: EXPERTS, slots });

/** One expert in most of the slots, twice on the first of two ranks; another one in every layer. */
const crowded: Placement = {
  layers: LAYERS,
  experts: EXPERTS,
  slots: 8,
  physicalToLogical: Int32Array.from({ length: 8 * LAYERS }, (_, index) => {
    return ([2, 0, 1, 2, 3, 2, 1, 2][index % 8] + Math.floor(index / 8)) % EXPERTS;
  }),
};

const runs: readonly Run[] = [
  { schedule: '1f1b', ranks: 1, placement: crowded },
  { schedule: '1f1b', ranks: 1, expert: 2, placement: spread(6) },
  { schedule: 'dualpipev', ranks: 1, expert: 2, placement: crowded, overlap: false },
  { schedule: 'dualpipev', ranks: 2, expert: 2, placement: spread(6) },
  { schedule: 'dualpipev', ranks: 2, expert: 2, placement: crowded, shardsOptimizer: true },
  { schedule: 'dualpipev', ranks: 1, expert: 4, placement: spread(8) },
  { schedule: 'zb-v', ranks: 2, expert: 2, placement: crowded },
  { schedule: 'interleaved', ranks: 2, expert: 2, placement: spread(8) },
  { schedule: 'dualpipe', ranks: 2, expert: 2, placement: spread(6) },
  { schedule: 'dualpipe', ranks: 2, expert: 2, placement: crowded, shardsOptimizer: true },
  { schedule: 'zb-h1', ranks: 2, expert: 4, placement: crowded },
  { schedule: '1f1b', ranks: 1, expert: 2, placement: spread(6), replicaShares: 'optimal' },
  { schedule: 'dualpipev', ranks: 1, expert: 4, placement: crowded, replicaShares: 'optimal' },
  { schedule: 'dualpipe', ranks: 2, expert: 2, placement: crowded, replicaShares: 'optimal', shardsOptimizer: true },
];

const reference = await train({ schedule: 'gpipe', ranks: 1 });

describe('training with replicas of experts', () => {
  for (const run of runs) {
    const title = `${describeRun(run)}, ${run.placement?.slots} slots, ${run.replicaShares ?? 'even'} shares`;
    it(`with ${title} is the training of one rank without, and replicas stay equal bit for bit`, async () => {
      const outcome = await train(run);
      assertSameTraining(outcome, reference, run);
      assertEqualCopies(outcome);
      // Loads are those of experts, not of slots.
      assert.deepEqual(outcome.expertCounts, reference.expertCounts);
    });
  }

  for (const replicaShares of ['even', 'optimal'] as const) {
    it(`gives the same bits when it runs twice, with ${replicaShares} shares`, async () => {
      const run = { schedule: 'dualpipe', ranks: 2, expert: 2, placement: crowded, replicaShares } as const;
      const [first, second] = [await train(run), await train(run)];
      assert.deepEqual(second.losses, first.losses);
      assert.deepEqual(second.norms, first.norms);
      assert.deepEqual(second.copies, first.copies);
    });

    it(`gives the bits of the same run without overlap, with ${replicaShares} shares`, async () => {
      const run = { schedule: 'dualpipev', ranks: 2, expert: 2, placement: crowded, replicaShares } as const;
      const [merged, sequential] = [await train(run), await train({ ...run, overlap: false })];
      assert.deepEqual(sequential.losses, merged.losses);
      assert.deepEqual(sequential.copies, merged.copies);
    });
  }
});
