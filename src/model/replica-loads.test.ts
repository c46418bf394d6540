import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { createMachine, measureDispatchedLoads } from '../balance/index.js';
import { createReplicaChooser } from './replicas.js';

/** A layer's slots of ranks on nodes, each expert in one at least, and none twice on a rank; tokens of each expert that every rank brings. */
const cases = fc
  .record({
    nodes: fc.integer({ min: 1, max: 3 }),
    ranksPerNode: fc.integer({ min: 1, max: 3 }),
    perRank: fc.integer({ min: 1, max: 3 }),
    spare: fc.nat(3),
  })
  .chain(({ nodes, ranksPerNode, perRank, spare }) => {
    const ranks = nodes * ranksPerNode;
    const experts = ranks * perRank;
    const own = (rank: number) => Array.from({ length: perRank }, (_, index) => rank * perRank + index);
    const spares = Array.from({ length: ranks }, (_, rank) => {
      const others = Array.from({ length: experts }, (_, expert) => expert).filter((e) => !own(rank).includes(e));
      const length = Math.min(spare, others.length);
      return fc
        .shuffledSubarray(others, { minLength: length, maxLength: length })
        .map((more) => [...own(rank), ...more]);
    });
    return fc.record({
      nodes: fc.constant(nodes),
      rows: fc.tuple(...spares),
      tokens: fc.array(fc.nat(40), { minLength: experts, maxLength: experts }),
    });
  });

it('ranks that bring the same tokens load each other as the balancer predicts, up to a token a rank and slot', () => {
  fc.assert(
    fc.property(cases, ({ nodes, rows, tokens }) => {
      const [ranks, experts] = [rows.length, tokens.length];
      const slotToExpert = Int32Array.from(rows.flat());
      const slots = slotToExpert.length;
      const slotsPerRank = slots / ranks;
      const nodeOfRank = Int32Array.from({ length: ranks }, (_, rank) => Math.floor((rank * nodes) / ranks));
      const chosen = Int32Array.from(tokens.flatMap((count, expert) => new Array<number>(count).fill(expert)));
      const arrived = new Float64Array(ranks);
      for (let rank = 0; rank < ranks; rank++) {
        const local = { first: rank * slotsPerRank, end: (rank + 1) * slotsPerRank };
        const choiceToSlot = new Int32Array(chosen.length);
        createReplicaChooser({ experts, slots, local, nodeOfRank })(chosen, slotToExpert, choiceToSlot);
        for (const slot of choiceToSlot) arrived[Math.floor(slot / slotsPerRank)]++;
      }
      const placement = { layers: 1, experts, slots, physicalToLogical: slotToExpert };
      const counts = Float64Array.from(tokens, (count) => count * ranks);
      const machine = createMachine({ gpus: ranks, nodes, slots });
      const predicted = measureDispatchedLoads(placement, { windows: 1, layers: 1, experts, counts }, machine);
      for (let rank = 0; rank < ranks; rank++)
        assert.ok(Math.abs(arrived[rank] - predicted[rank]) <= slotsPerRank * ranks);
    }),
    { numRuns: 300 },
  );
});
