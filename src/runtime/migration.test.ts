import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Placement, placeInOrder } from '../balance/index.js';
import type { LayerSwitch } from './migration.js';
import { assertEqualCopies, assertSameTraining, describeRun, type Run, train } from './test-training.js';

/** Of the tiny model; layer 0 has no routed experts. */
const [LAYERS, EXPERTS] = [7, 4];

const inOrder = (slots: number): Placement => placeInOrder({ layers: LAYERS, experts: EXPERTS, slots });

/** At every step the next layer of each pipeline rank goes over, to the next row. */
function switchAll(layersOfRank: readonly (readonly number[])[], rows: readonly (readonly number[])[]) {
  const switches = new Map<number, LayerSwitch[]>();
  for (let step = 1; step <= 5; step++) {
    const row = rows[step % rows.length];
    switches.set(
      step,
      layersOfRank.map((layers) => ({ layer: layers[(step - 1) % layers.length], slotToExpert: row })),
    );
  }
  return switches;
}

const all = [[1, 2, 3, 4, 5, 6, 7]];
/** Of two pipeline ranks in a V of four stages, and of DualPipe's, which hold all layers both. */
const halves = [
  [1, 6, 7],
  [2, 3, 4, 5],
];

const fourSlots = [
  [2, 3, 0, 1],
  [3, 1, 2, 0],
  [0, 1, 2, 3],
];
const sixSlots = [
  [0, 1, 2, 3, 0, 1],
  [3, 2, 1, 0, 1, 3],
  [2, 0, 1, 3, 2, 0],
];
const eightSlots = [
  [2, 1, 0, 3, 2, 0, 1, 2],
  [1, 1, 0, 2, 1, 3, 0, 3],
];

const runs: readonly Run[] = [
  { schedule: '1f1b', ranks: 1, expert: 2, placement: inOrder(4), switches: switchAll(all, fourSlots) },
  { schedule: 'dualpipev', ranks: 1, expert: 2, placement: inOrder(6), switches: switchAll(all, sixSlots) },
  { schedule: 'dualpipev', ranks: 1, expert: 4, placement: inOrder(8), switches: switchAll(all, eightSlots) },
  { schedule: 'zb-v', ranks: 2, expert: 2, placement: inOrder(6), switches: switchAll(halves, sixSlots) },
  { schedule: 'dualpipev', ranks: 2, expert: 2, placement: inOrder(8), switches: switchAll(halves, eightSlots) },
  { schedule: 'dualpipe', ranks: 2, expert: 2, placement: inOrder(4), switches: switchAll(all, fourSlots) },
  {
    schedule: 'dualpipe',
    ranks: 2,
    expert: 2,
    placement: inOrder(6),
    switches: switchAll(all, sixSlots),
    shardsOptimizer: true,
  },
  {
    schedule: 'dualpipev',
    ranks: 1,
    expert: 2,
    placement: inOrder(6),
    switches: switchAll([[3]], sixSlots),
    overlap: false,
  },
  {
    schedule: '1f1b',
    ranks: 1,
    expert: 2,
    placement: inOrder(6),
    switches: switchAll([[3]], sixSlots),
    replicaShares: 'optimal',
  },
];

const reference = await train({ schedule: 'gpipe', ranks: 1 });

describe('training while experts move', () => {
  for (const run of runs) {
    const title = `${describeRun(run)}, ${run.placement?.slots} slots, ${run.replicaShares ?? 'even'} shares`;
    it(`with ${title} is the training of one rank, and replicas stay equal bit for bit`, async () => {
      const outcome = await train(run);
      assertSameTraining(outcome, reference, run);
      assertEqualCopies(outcome);
      assert.deepEqual(outcome.expertCounts, reference.expertCounts);
      assert.ok(outcome.migrations.some(({ moves, bytes }) => moves > 0 && bytes > 0));
    });
  }

  it('gives the same bits when it runs twice', async () => {
    const run = runs[5];
    const [first, second] = [await train(run), await train(run)];
    assert.deepEqual(second.losses, first.losses);
    assert.deepEqual(second.copies, first.copies);
  });

  it('takes every expert with its moments: in slots of its own each has the bits that it would have had without moving', async () => {
    const still = { schedule: '1f1b', ranks: 1, expert: 2, placement: inOrder(4) } as const;
    const [stayed, moved] = [await train(still), await train(runs[0])];
    assert.deepEqual(moved.losses, stayed.losses);
    assert.deepEqual(moved.copies, stayed.copies);
  });
});
