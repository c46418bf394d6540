import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { createMachine, measureDispatchedLoads, placeInOrder } from '../balance/index.js';
import { createReplicaChooser } from './replicas.js';

it('ranks that bring the same tokens load each other as the balancer predicts, up to a token a rank and expert', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 4 }),
      fc.nat(3),
      fc.array(fc.nat(20), { minLength: 12, maxLength: 12 }),
      (ranks, perRank, spare, tokens) => {
        const experts = ranks * perRank;
        const slotsPerRank = Math.min(experts, perRank + spare);
        const slots = ranks * slotsPerRank;
        const placement = placeInOrder({ layers: 1, experts, slots });
        const loads = Array.from({ length: experts }, (_, expert) => tokens[expert % 12]);
        const chosen = Int32Array.from(loads.flatMap((count, expert) => new Array<number>(count).fill(expert)));
        const arrived = new Array<number>(ranks).fill(0);
        for (let rank = 0; rank < ranks; rank++) {
          const local = { first: rank * slotsPerRank, end: (rank + 1) * slotsPerRank };
          const choiceToSlot = new Int32Array(chosen.length);
          createReplicaChooser({ experts, slots, local })(chosen, placement.physicalToLogical, choiceToSlot);
          for (const slot of choiceToSlot) arrived[Math.floor(slot / slotsPerRank)]++;
        }
        const counts = Float64Array.from(loads, (count) => count * ranks);
        const machine = createMachine({ gpus: ranks, slots });
        const predicted = measureDispatchedLoads(placement, { windows: 1, layers: 1, experts, counts }, machine);
        for (let rank = 0; rank < ranks; rank++)
          assert.ok(Math.abs(arrived[rank] - predicted[rank]) <= slotsPerRank * ranks);
      },
    ),
  );
});
