import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { WorkError } from '../base/index.js';
import { createLoads } from './loads.js';
import { createMachine, type Machine } from './machine.js';
import { largestOfRows, measureGpuLoads } from './measure.js';
import { type Migration, type MigrationOptions, migratePlacement } from './migrate-placement.js';
import { placeExperts } from './place.js';
import type { Placement } from './placement.js';
import { countMoves } from './relabel.js';
import { isNear, type PlaceCase, plainCases, unevenCases } from './test-cases.js';

/** A case, and a placement of it that was made for other loads: those of the layers in reverse. */
interface MoveCase extends PlaceCase {
  readonly current: Placement;
}

const cases: fc.Arbitrary<MoveCase> = fc.oneof(plainCases(2), unevenCases(2)).map((placeCase) => {
  const { loads, machine } = placeCase;
  const past = { ...loads, counts: loads.counts.slice().reverse() };
  return { ...placeCase, current: placeExperts(past, machine, { iterations: 2, strategy: 'global' }).placement };
});

function migrate({ loads, machine, current }: MoveCase, options: Partial<MigrationOptions> = {}): Migration {
  const target = placeExperts(loads, machine, { iterations: 5, strategy: 'global' }).placement;
  return migratePlacement(loads, machine, current, target, {
    objective: 'mean',
    keepsNodes: false,
    ...options,
  });
}

function countAllMoves(current: Placement, next: Placement, machine: Machine): number {
  const { layers, slots } = current;
  let moves = 0;
  for (let layer = 0; layer < layers; layer++) {
    const rowOf = ({ physicalToLogical }: Placement) => physicalToLogical.subarray(layer * slots, (layer + 1) * slots);
    moves += countMoves(rowOf(current), rowOf(next), machine);
  }
  return moves;
}

/** The sum over layers of the mean over windows of the largest load. */
function objectiveOf({ loads, machine }: PlaceCase, placement: Placement): number {
  const largest = largestOfRows(measureGpuLoads(placement, loads, machine), machine.gpus);
  return largest.reduce((sum, load) => sum + load, 0) / loads.windows;
}

function checkMigration(moveCase: MoveCase, { placement, moves, gain }: Migration): void {
  const { loads, machine, current } = moveCase;
  assert.equal(moves, countAllMoves(current, placement, machine));
  const now = objectiveOf(moveCase, current);
  assert.ok(isNear(gain, now === 0 ? 0 : 1 - objectiveOf(moveCase, placement) / now, 1));
  const { slots } = machine;
  for (let layer = 0; layer < loads.layers; layer++) {
    const row = placement.physicalToLogical.subarray(layer * slots, (layer + 1) * slots);
    assert.equal(new Set(row.filter((expert) => expert >= 0)).size, loads.experts);
    for (let gpu = 0; gpu < machine.gpus; gpu++) {
      const held = row.subarray(machine.slotStarts[gpu], machine.slotStarts[gpu + 1]);
      assert.ok(held.every((expert) => expert >= 0 === (machine.isUsed[gpu] === 1)));
    }
  }
}

describe('a migration', () => {
  it('moves at most what it may, never loses, and says what it moved and gained', () => {
    fc.assert(
      fc.property(cases, fc.nat(12), (moveCase, mostMoves) => {
        const migration = migrate(moveCase, { mostMoves });
        checkMigration(moveCase, migration);
        assert.ok(migration.moves <= mostMoves);
        assert.ok(migration.gain >= -1e-12);
      }),
      { numRuns: 100 },
    );
  });

  it('never gains less where more may move', () => {
    fc.assert(
      fc.property(cases, fc.nat(40), fc.nat(40), (moveCase, mostMoves, more) => {
        const [few, many, any] = [mostMoves, mostMoves + more, undefined].map((limit) =>
          migrate(moveCase, { mostMoves: limit }),
        );
        assert.ok(few.gain <= many.gain + 1e-12);
        assert.ok(many.gain <= any.gain + 1e-12);
      }),
      { numRuns: 60 },
    );
  });

  it('without moves is the current placement', () => {
    fc.assert(
      fc.property(cases, (moveCase) => {
        const { placement, moves, gain } = migrate(moveCase, { mostMoves: 0 });
        assert.deepEqual(placement, moveCase.current);
        assert.equal(moves, 0);
        assert.ok(isNear(gain, 0, 1));
      }),
      { numRuns: 60 },
    );
  });

  it('that costs too much is the current placement', () => {
    fc.assert(
      fc.property(cases, (moveCase) => {
        const { placement, moves } = migrate(moveCase, { cost: { secondsPerMove: 1e9, intervalSeconds: 1 } });
        assert.equal(moves, 0);
        assert.deepEqual(placement, moveCase.current);
      }),
      { numRuns: 60 },
    );
  });

  it('with moves enough is as good as its target, and without a limit no worse than with many', () => {
    fc.assert(
      fc.property(cases, (moveCase) => {
        const { loads, machine } = moveCase;
        const target = placeExperts(loads, machine, { iterations: 5, strategy: 'global' }).placement;
        const free = migrate(moveCase);
        checkMigration(moveCase, free);
        const reached = objectiveOf(moveCase, free.placement);
        const wanted = objectiveOf(moveCase, target);
        assert.ok(reached <= wanted || isNear(reached, wanted));
        const limited = migrate(moveCase, { mostMoves: 10_000 });
        assert.ok(limited.gain >= free.gain - 1e-9);
        assert.ok(isNear(limited.whole.gain, free.whole.gain, 1));
      }),
      { numRuns: 60 },
    );
  });

  it('is the same for the same request', () => {
    fc.assert(
      fc.property(cases, fc.nat(9), (moveCase, mostMoves) => {
        assert.deepEqual(migrate(moveCase, { mostMoves }), migrate(moveCase, { mostMoves }));
      }),
      { numRuns: 20 },
    );
  });

  it('is the better for more moves on a layer where each exchange helps', () => {
    const loads = createLoads([[[6, 6, 6, 6, 1, 1, 1, 1]]]);
    const machine = createMachine({ gpus: 2, slots: 8 });
    const current = { layers: 1, experts: 8, slots: 8, physicalToLogical: Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7) };
    const moveCase = { loads, machine, current, groups: 1 };
    const gains = [0, 1, 2, 3, 4, 8].map((mostMoves) => migrate(moveCase, { mostMoves }).gain);
    // 24 and 4; an exchange makes 19 and 9 of them, two make 14 and 14.
    for (const [i, largest] of [24, 24, 19, 19, 14, 14].entries()) assert.ok(isNear(gains[i]!, 1 - largest / 24, 1));
  });
});

describe('a migration away from a GPU that is left out', () => {
  const loads = createLoads([[[4, 3, 2, 1]]]);
  const machine = createMachine({ gpus: 3, slots: 6, excludedGpus: [2] });
  const current = { layers: 1, experts: 4, slots: 6, physicalToLogical: Int32Array.of(0, 1, 0, 2, 3, 2) };
  const moveCase = { loads, machine, current, groups: 1 };

  it('moves first the experts that were only there', () => {
    const { placement, moves } = migrate(moveCase, { mostMoves: 1 });
    assert.equal(moves, 1);
    const row = [...placement.physicalToLogical];
    assert.deepEqual(row.slice(4), [-1, -1]);
    assert.deepEqual(new Set(row.slice(0, 4)), new Set([0, 1, 2, 3]));
  });

  it('fills empty slots with experts that their GPU does not hold', () => {
    const loads = createLoads([[[4, 3, 2, 1]]]);
    const machine = createMachine({ gpus: 2, slots: 6 });
    const current = { layers: 1, experts: 4, slots: 6, physicalToLogical: Int32Array.of(0, 1, 2, 3, -1, -1) };
    const { placement, moves } = migrate({ loads, machine, current, groups: 1 }, { mostMoves: 2 });
    assert.equal(moves, 2);
    assert.equal(new Set(placement.physicalToLogical.subarray(3)).size, 3);
  });

  it('puts a lost expert in an empty slot, which takes no other move', () => {
    const physicalToLogical = Int32Array.of(0, 1, 0, -1);
    const lost = {
      loads: createLoads([[[4, 2, 2]]]),
      machine: createMachine({ gpus: 2, slots: 4 }),
      current: { layers: 1, experts: 3, slots: 4, physicalToLogical },
      groups: 1,
    };
    const { placement, moves } = migrate(lost, { mostMoves: 1 });
    assert.deepEqual([...placement.physicalToLogical], [0, 1, 0, 2]);
    assert.equal(moves, 1);
  });

  it('fails where these are more than may be moved', () => {
    assert.throws(
      () => migrate(moveCase, { mostMoves: 0 }),
      (error) =>
        error instanceof WorkError && /1 replicas must move at least.*, and 0 may: allow 1 moves/.test(error.message),
    );
  });

  it('ends without empty slots', () => {
    fc.assert(
      fc.property(unevenCases(1), fc.nat(), (placeCase, seed) => {
        const { loads: some, machine: uneven } = placeCase;
        const all = { ...uneven, isUsed: new Uint8Array(uneven.gpus).fill(1) };
        const { placement } = placeExperts(some, all, { iterations: 2 });
        // Some slots are empty, as of a GPU that came back.
        const physicalToLogical = placement.physicalToLogical.map((expert, i) =>
          (seed >> (i % 20)) & 1 ? -1 : expert,
        );
        const migration = migrate({ ...placeCase, current: { ...placement, physicalToLogical } });
        assert.deepEqual(
          migration.placement.physicalToLogical.map((expert) => (expert >= 0 ? 1 : 0)),
          Int32Array.from({ length: some.layers * uneven.slots }, (_, position) => {
            const slot = position % uneven.slots;
            return uneven.isUsed[uneven.slotStarts.findLastIndex((start) => start <= slot)]!;
          }),
        );
        const limited = migrate({ ...placeCase, current: { ...placement, physicalToLogical } }, { mostMoves: 10_000 });
        assert.equal(limited.moves, countAllMoves({ ...placement, physicalToLogical }, limited.placement, uneven));
        assert.ok(limited.gain >= -1e-12);
      }),
      { numRuns: 60 },
    );
  });
});
