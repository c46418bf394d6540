import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { assignCores, type Core } from './cores.js';

const plain = (count: number): Core[] => Array.from({ length: count }, (_, core) => [core]);
/** As Linux numbers them: the second hardware threads after all first ones. */
const twofold = (count: number): Core[] => Array.from({ length: count }, (_, core) => [core, core + count]);

const requests = fc.record({
  ranks: fc.integer({ min: 1, max: 9 }),
  computeThreads: fc.integer({ min: 1, max: 5 }),
  cores: fc.oneof(fc.integer({ min: 1, max: 24 }).map(plain), fc.integer({ min: 1, max: 12 }).map(twofold)),
});

describe('the cores of ranks', () => {
  it('are as many as threads compute, on the machine, and of no two ranks or threads', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const ranks = Array.from({ length: request.ranks }, (_, rank) => assignCores({ rank, ...request }));
        const hardware = request.cores.flat();
        const compute = ranks.flatMap((rank) => rank.compute);
        if (request.ranks * request.computeThreads > hardware.length) assert.deepEqual(compute, []);
        for (const rank of ranks) {
          assert.ok(rank.compute.length === 0 || rank.compute.length === request.computeThreads);
          assert.equal(rank.communication.length === 0, rank.compute.length === 0);
          assert.ok([...rank.compute, ...rank.communication].every((thread) => hardware.includes(thread)));
        }
        assert.equal(new Set(compute).size, compute.length);
      }),
    );
  });

  it('are whole cores as long as there are enough', () => {
    fc.assert(
      fc.property(requests, (request) => {
        fc.pre(Math.floor(request.cores.length / request.ranks) >= request.computeThreads);
        const ranks = Array.from({ length: request.ranks }, (_, rank) => assignCores({ rank, ...request }));
        const coreOf = new Map(request.cores.flatMap((core, index) => core.map((thread) => [thread, index])));
        const compute = ranks.flatMap((rank) => rank.compute.map((thread) => coreOf.get(thread)));
        assert.equal(new Set(compute).size, request.ranks * request.computeThreads);
        const others = (rank: number) => ranks.flatMap((other, index) => (index === rank ? [] : other.compute));
        for (const [rank, { communication }] of ranks.entries()) {
          const taken = new Set(others(rank).map((thread) => coreOf.get(thread)));
          assert.ok(communication.every((thread) => !taken.has(coreOf.get(thread))));
        }
      }),
    );
  });

  it('leave the next core to communication, else a second hardware thread, else none of its own', () => {
    const request = { rank: 1, ranks: 2, computeThreads: 1 };
    assert.deepEqual(assignCores({ ...request, cores: plain(4) }), { compute: [2], communication: [3] });
    assert.deepEqual(assignCores({ ...request, cores: twofold(2) }), { compute: [1], communication: [3] });
    assert.deepEqual(assignCores({ ...request, cores: plain(2) }), { compute: [1], communication: [1] });
  });

  it('are hardware threads where whole cores do not suffice', () => {
    assert.deepEqual(assignCores({ rank: 1, ranks: 2, computeThreads: 2, cores: twofold(2) }).compute, [1, 3]);
    assert.deepEqual(assignCores({ rank: 0, ranks: 2, computeThreads: 1, cores: twofold(1) }).compute, [0]);
  });
});
