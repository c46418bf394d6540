import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createReplicaChooser, startShares } from './replicas.js';

/** Ranks and their nodes, slots of each, which expert is in each slot (every one in some), who chooses, and what. */
const cases = fc
  .record({ ranks: fc.integer({ min: 1, max: 5 }), perRank: fc.integer({ min: 1, max: 5 }) })
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
      nodeOfRank: fc.array(fc.nat(2), { minLength: ranks, maxLength: ranks }),
      wishes: fc.array(fc.nat(), { maxLength: 60 }),
      weights: fc.array(fc.nat(9), { minLength: ranks * perRank, maxLength: ranks * perRank }),
    }),
  )
  .map(({ ranks, perRank, rank, experts, shuffled, wishes, nodeOfRank, weights }) => ({
    rank,
    weights,
    shape: { experts, slots: ranks * perRank, local: { first: rank * perRank, end: (rank + 1) * perRank }, nodeOfRank },
    slotToExpert: Int32Array.from(shuffled, (position) => position % experts),
    chosen: Int32Array.from(wishes, (wish) => wish % experts),
  }));

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

type Choice = Pick<Case, 'shape' | 'slotToExpert' | 'chosen'>;

function choose({ shape, slotToExpert, chosen }: Choice): Int32Array {
  const choiceToSlot = new Int32Array(chosen.length).fill(-1);
  createReplicaChooser(shape)(chosen, slotToExpert, choiceToSlot);
  return choiceToSlot;
}

/** Slots that hold an expert, and how many choices each of them got. */
function countBySlot({ slotToExpert, chosen }: Choice, choiceToSlot: Int32Array, expert: number) {
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

  it('keeps to replicas on the own rank, else on the own node, else takes all, and is even within one over those', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const choiceToSlot = choose(one);
        const { slots, nodeOfRank } = one.shape;
        const rankOf = (slot: number) => Math.floor((slot * nodeOfRank.length) / slots);
        for (let expert = 0; expert < one.shape.experts; expert++) {
          const all = countBySlot(one, choiceToSlot, expert);
          const local = all.filter(({ slot }) => rankOf(slot) === one.rank);
          const onNode = all.filter(({ slot }) => nodeOfRank[rankOf(slot)] === nodeOfRank[one.rank]);
          const used = [local, onNode, all].find((slots) => slots.length > 0) ?? [];
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
        shape: { experts: 2, slots: 4, local: { first: rank, end: rank + 1 }, nodeOfRank: [0, 0, 0, 0] },
        slotToExpert,
        chosen: Int32Array.of(0),
      }),
    );
    assert.deepEqual(new Set(slots.map(([slot]) => slot)), new Set([0, 1]));
  });

  it('refuses an expert that is in no slot', () => {
    const shape = { experts: 2, slots: 1, local: { first: 0, end: 1 }, nodeOfRank: [0] };
    const chosen = Int32Array.of(1);
    assert.throws(() => choose({ shape, slotToExpert: Int32Array.of(0), chosen }), /no slot holds expert 1/);
  });
});

/** The part of its expert's tokens that each slot gets, by weights; even where all of an expert are 0. */
function partsOf({ weights, slotToExpert }: Case): Float64Array {
  const own = (expert: number) => [...slotToExpert.keys()].filter((slot) => slotToExpert[slot] === expert);
  return Float64Array.from(slotToExpert, (expert, slot) => {
    const sum = own(expert).reduce((total, other) => total + weights[other], 0);
    return sum === 0 ? 1 / own(expert).length : weights[slot] / sum;
  });
}

describe('the choice of replicas by shares', () => {
  it('has given each slot its part of the choices, rounded up or down, after every choice', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const parts = partsOf(one);
        const shares = startShares(0, one.slotToExpert, parts);
        const choiceToSlot = new Int32Array(one.chosen.length);
        const chooser = createReplicaChooser(one.shape);
        // In two pieces, as of two microbatches: it goes on where it was.
        const half = one.chosen.length >> 1;
        for (const [from, to] of [
          [0, half],
          [half, one.chosen.length],
        ])
          chooser(one.chosen.subarray(from, to), one.slotToExpert, choiceToSlot.subarray(from, to), shares);
        for (let count = 1; count <= one.chosen.length; count++) {
          const sofar = { ...one, chosen: one.chosen.subarray(0, count) };
          const expert = one.chosen[count - 1];
          const all = countBySlot(sofar, choiceToSlot.subarray(0, count), expert);
          const choices = all.reduce((sum, slot) => sum + slot.count, 0);
          assert.equal(choices, sofar.chosen.filter((other) => other === expert).length);
          for (const slot of all)
            assert.ok(Math.abs(slot.count - parts[slot.slot] * choices) < 1, `${slot.count} of ${choices}`);
        }
      }),
    );
  });

  it('is that of one rank that makes the choices of all, where every rank chooses an expert once', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const parts = partsOf(one);
        const chooser = createReplicaChooser(one.shape);
        for (let expert = 0; expert < one.shape.experts; expert++) {
          const together = new Int32Array(8);
          chooser(together.slice().fill(expert), one.slotToExpert, together, startShares(0, one.slotToExpert, parts));
          const alone = together.map((_, rank) => {
            const slot = new Int32Array(1);
            chooser(Int32Array.of(expert), one.slotToExpert, slot, startShares(rank, one.slotToExpert, parts));
            return slot[0];
          });
          assert.deepEqual(alone, together);
        }
      }),
    );
  });
});
