import assert from 'node:assert/strict';
import { type ConformanceCase, everyone, fraction, mark, noChannels, sumOfFractions } from './conformance-case.js';
import type { MovesOperation, ReplicasOperation } from './operations.js';

/** Slots of each rank. */
const SLOTS = 3;

/** Numbers of a slot: fewer than parts, and more than travel at once. */
const SLOT_NUMBERS = [1, 17, 40_001];
/** Which expert is in a slot, round by round: several in one rank and in many, none with a replica, one with many, and nothing but replicas. */
const PLACEMENTS: readonly ((slot: number) => number)[] = [
  (slot) => slot % 2,
  (slot) => slot,
  (slot) => Math.min(slot, 4),
  () => 0,
];

function replicasOperations(ranks: number): ReplicasOperation[] {
  const slotToExpert = { buffer: 'activations', byteOffset: 0 } as const;
  let byteOffset = 0;
  return SLOT_NUMBERS.flatMap((count) => {
    const common = {
      group: everyone(ranks),
      slots: SLOTS,
      slotToExpert,
      place: { buffer: 'state', byteOffset },
      count,
    } as const;
    byteOffset += 4 * SLOTS * count;
    return [
      { kind: 'sumReplicas', ...common },
      { kind: 'gatherReplicas', ...common },
    ] satisfies ReplicasOperation[];
  });
}

export const replicas: ConformanceCase = {
  name: 'replicas get the sum of them all, added in the order of the slots, by the table of the moment',
  bytes: 4 * SLOTS * SLOT_NUMBERS.reduce((sum, count) => sum + count, 0),
  channels: noChannels,
  operations: (_, ranks) => replicasOperations(ranks),
  run({ transport: { rank, ranks, post, wait }, buffers }) {
    const table = new Int32Array(buffers.activations, 0, ranks * SLOTS);
    for (const [round, expertOf] of PLACEMENTS.entries()) {
      for (let slot = 0; slot < table.length; slot++) table[slot] = expertOf(slot);
      const operations = replicasOperations(ranks);
      for (const { place, count } of operations.filter(({ kind }) => kind === 'sumReplicas')) {
        const numbers = new Float32Array(buffers.state, place.byteOffset, SLOTS * count);
        for (let index = 0; index < numbers.length; index++)
          numbers[index] = fraction(round, rank * SLOTS + Math.floor(index / count), index % count);
      }
      for (const index of operations.keys()) post(index);
      for (const index of operations.keys()) wait(index);
      for (const { place, count } of operations) {
        for (let own = 0; own < SLOTS; own++) {
          const same = [...table.keys()].filter((slot) => table[slot] === table[rank * SLOTS + own]);
          const numbers = new Float32Array(buffers.state, place.byteOffset + 4 * own * count, count);
          const wrong = numbers.findIndex((sum, position) => sum !== sumOfFractions(round, same, position));
          assert.equal(wrong, -1, `number ${wrong} of ${count} of slot ${own} of rank ${rank}, round ${round}`);
        }
      }
    }
  },
};

/** Numbers of a slot, of which some travel, and how far they lie apart where they come from and where they go. */
const MOVED = [
  { count: 3, stride: 16, stagingStride: 5 },
  { count: 70_001, stride: 70_016, stagingStride: 70_001 },
];

/** Two operations for the slots of each rank: into the first, and into the others. */
function movesOperations(ranks: number): MovesOperation[] {
  const sizes = MOVED.map(({ stride }) => 4 * SLOTS * stride);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const areas = MOVED.map((area, index) => {
    const before = sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
    const at = (byteOffset: number) => ({ buffer: 'state' as const, byteOffset });
    return { ...area, from: at(before), to: at(total + before) };
  });
  const [slotToExpert, nextSlotToExpert] = [0, 512].map((byteOffset) => ({
    buffer: 'activations' as const,
    byteOffset,
  }));
  const common = {
    kind: 'moveSlots',
    group: everyone(ranks),
    slots: SLOTS,
    slotToExpert,
    nextSlotToExpert,
    areas,
  } as const;
  return [
    { ...common, into: { first: 0, end: 1 } },
    { ...common, into: { first: 1, end: SLOTS } },
  ];
}

/** Placements with all the experts of `now`: the same, one turned by a rank, and one in reverse. */
const nextPlacement = (now: Int32Array, turn: number): Int32Array => {
  if (turn === 2) return now.slice().reverse();
  return now.map((_, slot) => now[(slot + turn * SLOTS) % now.length]);
};

const UNTOUCHED = -1;

export const moves: ConformanceCase = {
  name: 'what moves to another slot comes from one that holds the same expert, and nothing else is touched',
  bytes: 8 * SLOTS * MOVED.reduce((sum, { stride }) => sum + stride, 0),
  channels: noChannels,
  operations: (_, ranks) => movesOperations(ranks),
  run({ transport: { rank, ranks, post, wait }, buffers }) {
    const [now, next] = [0, 512].map((byteOffset) => new Int32Array(buffers.activations, byteOffset, ranks * SLOTS));
    const [{ areas }] = movesOperations(ranks);
    const numbersOf = (place: { readonly byteOffset: number }, slot: number, stride: number, count: number) =>
      new Float32Array(buffers.state, place.byteOffset + 4 * slot * stride, count);
    for (const [round, expertOf] of PLACEMENTS.entries()) {
      now.set(Int32Array.from(now, (_, slot) => expertOf(slot)));
      next.set(nextPlacement(now, round % 3));
      const numberOf = (expert: number, area: number, index: number) => mark(round, expert + 7 * area, index);
      new Float32Array(buffers.state).fill(UNTOUCHED);
      for (const [area, { from, count, stride }] of areas.entries())
        for (let slot = 0; slot < SLOTS; slot++) {
          const numbers = numbersOf(from, slot, stride, count);
          for (let index = 0; index < count; index++) numbers[index] = numberOf(now[rank * SLOTS + slot], area, index);
        }
      for (const index of [0, 1]) post(index);
      for (const index of [0, 1]) wait(index);
      for (const [area, { to, count, stagingStride }] of areas.entries())
        for (let slot = 0; slot < SLOTS; slot++) {
          const target = rank * SLOTS + slot;
          const moved = next[target] !== now[target];
          const numbers = numbersOf(to, slot, stagingStride, count);
          const expected = (index: number) => (moved ? numberOf(next[target], area, index) : UNTOUCHED);
          const wrong = numbers.findIndex((value, index) => value !== expected(index));
          assert.equal(wrong, -1, `number ${wrong} of slot ${slot} of rank ${rank}, round ${round}`);
        }
    }
  },
};
