import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createReplicaChooser } from './replicas.js';

/** Ranks, slots of each, which expert is in each slot (every one in some), who chooses, and what. */
const cases = fc
  .record({ ranks: fc.integer({ min: 1, max: 4 }), perRank: fc.integer({ min: 1, max: 5 }) })
  .chain(({ ranks, perRank }) =>
    fc.record({
      ranks: fc.constant(ranks),
      perRank: fc.constant(perRank),
      rank: fc.integer({ min: 0, max: ranks - 1 }),
      experts: fc.integer({ min: 1, max: ranks * perRank }),
      shuffled: fc.shuffledSubarray(
        Array.from({ length: ranks * perRank }, (_, slot) => slot),
        { minLength: ranks * perRank },
      ),
      wishes: fc.array(fc.nat(), { maxLength: 60 }),
    }),
  )
  .map(({ ranks, perRank, rank, experts, shuffled, wishes }) => ({
    shape: { experts, slots: ranks * perRank, local: { first: rank * perRank, end: (rank + 1) * perRank } },
    slotToExpert: Int32Array.from(shuffled, (position) => position % experts),
    chosen: Int32Array.from(wishes, (wish) => wish % experts),
  }));

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function choose({ shape, slotToExpert, chosen }: Case): Int32Array {
  const choiceToSlot = new Int32Array(chosen.length).fill(-1);
  createReplicaChooser(shape)(chosen, slotToExpert, choiceToSlot);
  return choiceToSlot;
}

/** Slots that hold an expert, and how many choices each of them got. */
function countBySlot({ slotToExpert, chosen }: Case, choiceToSlot: Int32Array, expert: number) {
  const own = choiceToSlot.filter((_, choice) => chosen[choice] === expert);
  const slots = [...slotToExpert.keys()].filter((slot) => slotToExpert[slot] === expert);
  return slots.map((slot) => ({ slot, count: own.filter((one) => one === slot).length }));
}

describe('the choice of replicas', () => {
  it('sends every choice to a slot that holds its expert', () => {
    fc.assert(
      fc.property(cases, (one) => {
        for (const [choice, slot] of choose(one).entries()) assert.equal(one.slotToExpert[slot], one.chosen[choice]);
      }),
    );
  });

  it('keeps to replicas on the own rank where there are any, and is even within one over those that it uses', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const choiceToSlot = choose(one);
        const { first, end } = one.shape.local;
        for (let expert = 0; expert < one.shape.experts; expert++) {
          const all = countBySlot(one, choiceToSlot, expert);
          const local = all.filter(({ slot }) => slot >= first && slot < end);
          const used = local.length > 0 ? local : all;
          for (const { slot, count } of all) if (!used.some((other) => other.slot === slot)) assert.equal(count, 0);
          const counts = used.map(({ count }) => count);
          assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, String(counts));
        }
      }),
    );
  });

  it('is the same again, whatever the chooser was asked before', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const chooser = createReplicaChooser(one.shape);
        const [first, second] = [new Int32Array(one.chosen.length), new Int32Array(one.chosen.length)];
        chooser(one.chosen, one.slotToExpert, first);
        chooser(one.chosen.toReversed(), one.slotToExpert.toReversed(), second);
        chooser(one.chosen, one.slotToExpert, second);
        assert.deepEqual(second, first);
        assert.deepEqual(choose(one), first);
      }),
    );
  });

  it('begins at another replica on every rank, so that single choices of all ranks do not meet', () => {
    // Two ranks without the expert, two with a replica of it.
    const slotToExpert = Int32Array.of(0, 0, 1, 1);
    const slots = [2, 3].map((rank) =>
      choose({
        shape: { experts: 2, slots: 4, local: { first: rank, end: rank + 1 } },
        slotToExpert,
        chosen: Int32Array.of(0),
      }),
    );
    assert.deepEqual(new Set(slots.map(([slot]) => slot)), new Set([0, 1]));
  });

  it('refuses an expert that is in no slot', () => {
    const shape = { experts: 2, slots: 1, local: { first: 0, end: 1 } };
    const chosen = Int32Array.of(1);
    assert.throws(() => choose({ shape, slotToExpert: Int32Array.of(0), chosen }), /no slot holds expert 1/);
  });
});
