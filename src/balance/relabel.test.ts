import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { createMachine, type Machine } from './machine.js';
import { countMoves, relabelLayer } from './relabel.js';
import { listPermutations } from './test-cases.js';

/** Machines of at most four GPUs, with some that are alike. */
const machines = fc
  .record({
    nodes: fc.constantFrom(1, 2),
    perNode: fc.constantFrom(1, 2),
    kinds: fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }),
    isUneven: fc.boolean(),
  })
  .map(({ nodes, perNode, kinds, isUneven }) => {
    const gpus = nodes * perNode;
    const kindOf = kinds.slice(0, gpus).map((kind) => (isUneven ? kind : 0));
    const excluded = gpus === 1 || kindOf[0] === kindOf[1] ? [] : [0];
    return createMachine({
      gpus,
      nodes,
      slots: kindOf.map((kind) => (kind === 1 ? 2 : 3)),
      speeds: kindOf.map((kind) => (kind === 2 ? 0.5 : 1)),
      excludedGpus: excluded,
    });
  });

/** A current and a target layer of a machine's slots. */
const pairs = machines.chain((machine) => {
  const row = fc
    .array(fc.integer({ min: -1, max: 4 }), { minLength: machine.slots, maxLength: machine.slots })
    .map((list) => clearUnused(machine, Int32Array.from(list)));
  return fc.tuple(fc.constant(machine), row, row);
});

function clearUnused({ gpus, isUsed, slotStarts }: Machine, row: Int32Array): Int32Array {
  for (let gpu = 0; gpu < gpus; gpu++) if (isUsed[gpu] === 0) row.fill(-1, slotStarts[gpu], slotStarts[gpu + 1]);
  return row;
}

function heldBy({ slotStarts }: Machine, row: Int32Array, gpu: number): Int32Array {
  return row.slice(slotStarts[gpu], slotStarts[gpu + 1]);
}

/** What a GPU is and holds, whichever number it has. */
function describeGpu(machine: Machine, row: Int32Array, gpu: number): string {
  return `${machine.speeds[gpu]} ${machine.isUsed[gpu]} ${heldBy(machine, row, gpu).sort((a, b) => a - b)}`;
}

const describeAll = (machine: Machine, row: Int32Array): string[] =>
  Array.from({ length: machine.gpus }, (_, gpu) => describeGpu(machine, row, gpu)).sort((a, b) => (a < b ? -1 : 1));

/** The target under every renaming of GPUs that are alike; whole nodes where these are kept. */
function listRenamings(target: Int32Array, machine: Machine, keepsNodes: boolean): Int32Array[] {
  const { gpus, nodes, slotStarts, speeds, isUsed } = machine;
  const nodeOf = (gpu: number): number => Math.floor((gpu * nodes) / gpus);
  const slotsOf = (gpu: number): number => slotStarts[gpu + 1]! - slotStarts[gpu]!;
  return listPermutations(gpus)
    .filter((sourceOf) =>
      sourceOf.every(
        (source, gpu) =>
          slotsOf(gpu) === slotsOf(source) && speeds[gpu] === speeds[source] && isUsed[gpu] === isUsed[source],
      ),
    )
    .filter(
      (sourceOf) =>
        !keepsNodes ||
        sourceOf.every((source, gpu) =>
          sourceOf.every((other, next) => nodeOf(gpu) !== nodeOf(next) || nodeOf(source) === nodeOf(other)),
        ),
    )
    .map((sourceOf) => Int32Array.from(sourceOf.flatMap((source) => [...heldBy(machine, target, source)])));
}

for (const keepsNodes of [false, true]) {
  const name = keepsNodes ? 'a layer whose nodes are kept' : 'a layer';

  it(`${name} has its GPUs renamed so that the fewest replicas travel`, () => {
    fc.assert(
      fc.property(pairs, ([machine, current, target]) => {
        const next = relabelLayer(current, target, machine, keepsNodes);
        assert.deepEqual(describeAll(machine, next), describeAll(machine, target));
        const all = listRenamings(target, machine, keepsNodes);
        const held = (row: Int32Array): string =>
          Array.from({ length: machine.gpus }, (_, gpu) => describeGpu(machine, row, gpu)).join('; ');
        assert.ok(all.some((renamed) => held(renamed) === held(next)));
        assert.equal(
          countMoves(current, next, machine),
          Math.min(...all.map((renamed) => countMoves(current, renamed, machine))),
        );
      }),
      { numRuns: 300 },
    );
  });

  it(`${name} keeps what stays on a GPU in its slot`, () => {
    fc.assert(
      fc.property(pairs, ([machine, current, target]) => {
        const next = relabelLayer(current, target, machine, keepsNodes);
        const changed = next.filter((expert, slot) => expert >= 0 && expert !== current[slot]).length;
        assert.equal(changed, countMoves(current, next, machine));
      }),
      { numRuns: 300 },
    );
  });
}

it('a shuffled copy of the current layer needs no moves', () => {
  const machine = createMachine({ gpus: 4, nodes: 2, slots: 12 });
  const rows = fc
    .array(fc.array(fc.nat(8), { minLength: 3, maxLength: 3 }), { minLength: 4, maxLength: 4 })
    .chain((gpus) => {
      const shuffled = gpus.map((held) => fc.shuffledSubarray(held, { minLength: 3 }));
      return fc.tuple(
        fc.constant(gpus),
        fc.tuple(...shuffled),
        fc.constantFrom([0, 1, 2, 3], [1, 0, 3, 2], [3, 2, 0, 1]),
      );
    });
  fc.assert(
    fc.property(rows, fc.boolean(), ([gpus, shuffled, order], keepsNodes) => {
      const current = Int32Array.from(gpus.flat());
      const target = Int32Array.from(order.flatMap((gpu) => shuffled[gpu]!));
      assert.deepEqual(relabelLayer(current, target, machine, keepsNodes), current);
    }),
  );
});

it('moves are the replicas that a GPU does not hold yet, however often it holds others', () => {
  const machine = createMachine({ gpus: 2, slots: 6 });
  const moves = (current: number[], next: number[]) =>
    countMoves(Int32Array.from(current), Int32Array.from(next), machine);
  assert.equal(moves([0, 1, 2, 3, 4, 5], [2, 1, 0, 5, 4, 3]), 0);
  assert.equal(moves([0, 0, 1, 2, 3, 4], [0, 0, 0, 2, 3, 1]), 2);
  assert.equal(moves([-1, -1, 1, 2, 3, 4], [0, -1, 1, 2, 3, -1]), 1);
});
