import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tinyModel } from './test-spec.js';
import { assertEqualCopies, assertSameTraining, describeRun, type Run, STEPS, train } from './test-training.js';

const layouts: readonly Run[] = [
  { schedule: '1f1b', ranks: 1 },
  { schedule: '1f1b', ranks: 2 },
  { schedule: '1f1b', ranks: 4 },
  { schedule: 'gpipe', ranks: 2 },
  { schedule: 'dualpipev', ranks: 1 },
  { schedule: 'dualpipev', ranks: 2 },
  { schedule: 'dualpipev', ranks: 4 },
  { schedule: 'dualpipe', ranks: 2 },
  { schedule: 'dualpipe', ranks: 4 },
  { schedule: 'interleaved', ranks: 2 },
  { schedule: 'interleaved', ranks: 2, stagesPerRank: 4 },
  { schedule: 'interleaved', ranks: 4 },
  { schedule: 'interleaved', ranks: 1, stagesPerRank: 3 },
  { schedule: 'zb-h1', ranks: 2 },
  { schedule: 'zb-h1', ranks: 4 },
  { schedule: 'zb-v', ranks: 2 },
  { schedule: 'zb-v', ranks: 4 },
  { schedule: 'interleaved', ranks: 2, expert: 2, overlap: false },
  { schedule: 'interleaved', ranks: 2, expert: 2, shardsOptimizer: true },
  { schedule: 'zb-h1', ranks: 2, expert: 2 },
  { schedule: 'zb-v', ranks: 2, expert: 2, shardsOptimizer: true },
  { schedule: 'dualpipev', ranks: 1, expert: 2 },
  { schedule: 'dualpipev', ranks: 1, expert: 2, overlap: false },
  { schedule: 'dualpipev', ranks: 1, expert: 2, shardsOptimizer: true },
  { schedule: '1f1b', ranks: 1, expert: 4 },
  { schedule: 'dualpipev', ranks: 2, expert: 2 },
  { schedule: 'dualpipev', ranks: 2, expert: 2, overlap: false, shardsOptimizer: true },
  { schedule: 'dualpipe', ranks: 2, expert: 2 },
  { schedule: 'dualpipe', ranks: 2, expert: 2, shardsOptimizer: true },
];

const reference = await train({ schedule: 'gpipe', ranks: 1 });

describe('training', () => {
  it('learns', () => {
    assert.ok(reference.losses[STEPS - 1] < reference.losses[0] - 0.1, reference.losses.join(' '));
  });

  it('gives the same bits when it runs twice', async () => {
    for (const run of [
      { schedule: 'gpipe', ranks: 1 },
      { schedule: 'dualpipev', ranks: 2 },
      { schedule: 'dualpipev', ranks: 1, expert: 2 },
      { schedule: 'dualpipe', ranks: 2, expert: 2, shardsOptimizer: true },
    ] as const) {
      const [first, second] = [await train(run), await train(run)];
      assert.deepEqual(first.losses, second.losses);
      assert.deepEqual(first.norms, second.norms);
      assert.deepEqual(first.gradients, second.gradients);
    }
  });

  it('without overlap gives the same losses and gradients, bit for bit', async () => {
    for (const expert of [1, 2]) {
      const run = { schedule: 'dualpipev', ranks: 2, expert } as const;
      const [merged, sequential] = [await train(run), await train({ ...run, overlap: false })];
      assert.deepEqual(sequential.losses, merged.losses);
      assert.deepEqual(sequential.gradients, merged.gradients);
    }
  });

  for (const run of layouts) {
    it(`with ${describeRun(run)} gives the losses and gradients of one rank, and runs the schedule's order`, async () => {
      assertSameTraining(await train(run), reference, run);
    });
  }
});

/**
 * Where the embedding and the head lie on one rank, on two, on two that hold both, and with all that may be summed
 * beside them.
 */
const tiedLayouts: readonly Run[] = [
  { schedule: '1f1b', ranks: 2 },
  { schedule: 'zb-v', ranks: 2 },
  { schedule: 'dualpipev', ranks: 2, expert: 2, shardsOptimizer: true },
  { schedule: 'dualpipe', ranks: 2, expert: 2, shardsOptimizer: true },
];

describe('training with a head that is the embedding', () => {
  const model = { ...tinyModel, tieWordEmbeddings: true };
  const tied = train({ schedule: 'gpipe', ranks: 1, model });

  it('has one parameter of both, and learns otherwise than with two', async () => {
    const { losses, gradients } = await tied;
    assert.equal(gradients.has('lm_head.weight'), false);
    assert.ok(gradients.has('model.embed_tokens.weight'));
    assert.ok(losses[STEPS - 1] < losses[0] - 0.1, losses.join(' '));
    assert.notDeepEqual(losses, reference.losses);
  });

  for (const run of tiedLayouts) {
    it(`with ${describeRun(run)} gives the losses and gradients of one rank, and the same bits on all`, async () => {
      const outcome = await train({ ...run, model });
      assertSameTraining(outcome, await tied, run);
      assertEqualCopies(outcome);
    });
  }
});
