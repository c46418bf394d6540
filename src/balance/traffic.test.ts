import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createLoads } from './loads.js';
import { createMachine } from './machine.js';
import { placeExperts } from './place.js';
import { createProblem, isNear, placementsOf } from './test-cases.js';
import { countCoactivation, createAffinityState, measureSpread } from './traffic.js';

const routes = (topK: number, ...chosen: number[][]) => ({
  layers: chosen.length,
  topK,
  chosen: chosen.map((list) => Int32Array.from(list)),
});

describe('the spread of tokens', () => {
  const machine = createMachine({ gpus: 4, nodes: 2, slots: 8 });

  it('counts the nodes and GPUs of each token, whose replicas take turns', () => {
    // Expert 0 is on GPUs 0 and 3, 1 on GPU 0, 2 on GPU 1, 3 on GPUs 1 and 2, 4 on GPU 2, 5 on GPU 3.
    const physicalToLogical = Int32Array.of(0, 1, 2, 3, 4, 3, 5, 0);
    const placement = { layers: 1, experts: 6, slots: 8, physicalToLogical };
    const spreadOf = (...chosen: number[]) => measureSpread(placement, machine, routes(2, chosen));
    assert.deepEqual(spreadOf(0, 1), { nodes: 1, gpus: 1 });
    assert.deepEqual(spreadOf(1, 2), { nodes: 1, gpus: 2 });
    assert.deepEqual(spreadOf(1, 4), { nodes: 2, gpus: 2 });
    // Token 1 goes to the second replica of 0, on GPU 3.
    assert.deepEqual(spreadOf(0, 1, 0, 1), { nodes: 1.5, gpus: 1.5 });
    assert.deepEqual(spreadOf(0, 1, 0, 1, 4, -1, 1, 2), { nodes: 5 / 4, gpus: 6 / 4 });
  });

  it('is the mean over layers too, and 0 of no tokens', () => {
    const placement = { layers: 2, experts: 2, slots: 8, physicalToLogical: new Int32Array(16).fill(-1) };
    placement.physicalToLogical.set([0, 1], 0);
    placement.physicalToLogical.set([0, -1, -1, -1, 1], 8);
    assert.deepEqual(measureSpread(placement, machine, routes(2, [0, 1], [0, 1])), { nodes: 1.5, gpus: 1.5 });
    assert.deepEqual(measureSpread(placement, machine, routes(2, [], [])), { nodes: 0, gpus: 0 });
  });
});

describe('experts that tokens use together', () => {
  it('are counted in pairs, both ways', () => {
    const pairs = countCoactivation(routes(3, [0, 1, 2, 1, 0, -1, 2, 2, -1]), 0, 3);
    assert.deepEqual([...pairs], [0, 2, 1, 2, 0, 1, 1, 1, 0]);
  });

  it('cost the share of their pairs that is split over nodes', () => {
    const pairs = countCoactivation(routes(2, [0, 1, 0, 1, 0, 1, 2, 3]), 0, 4);
    const affinity = createAffinityState(pairs, Int32Array.of(0, 0, 1, 1), { experts: 4, nodes: 2, weight: 8 });
    affinity.set(Int32Array.of(0, 1, 2, 3));
    assert.equal(affinity.cost(), 0);
    affinity.set(Int32Array.of(0, 2, 1, 3));
    assert.equal(affinity.cost(), 8);
  });

  it('are together as often as both of their replicas are', () => {
    const pairs = countCoactivation(routes(2, [0, 1]), 0, 2);
    const affinity = createAffinityState(pairs, Int32Array.of(0, 0, 1), { experts: 2, nodes: 2, weight: 1 });
    affinity.set(Int32Array.of(0, 1, 0));
    assert.equal(affinity.cost(), 0.5);
  });

  it('cost nothing where no token uses two', () => {
    const affinity = createAffinityState(new Float64Array(4), Int32Array.of(0, 1), { experts: 2, nodes: 2, weight: 1 });
    affinity.set(Int32Array.of(0, 1));
    assert.equal(affinity.cost(), 0);
  });

  const problem = createProblem(new Array<number>(6).fill(1), [2, 3, 2, 3]);
  const nodeOfSlot = Int32Array.of(0, 0, 0, 0, 0, 1, 1, 2, 2, 2);
  const steps = fc.array(fc.record({ slot: fc.nat(9), other: fc.nat(9), expert: fc.nat(5), isSwap: fc.boolean() }));

  it('cost after any exchanges and replacements what they would from the start', () => {
    const tokens = fc.array(fc.integer({ min: -1, max: 5 }), { minLength: 3, maxLength: 60 });
    fc.assert(
      fc.property(placementsOf(problem), tokens, steps, (start, list, changes) => {
        const pairs = countCoactivation(routes(3, list.slice(0, list.length - (list.length % 3))), 0, 6);
        const create = () => createAffinityState(pairs, nodeOfSlot, { experts: 6, nodes: 3, weight: 2 });
        const affinity = create();
        const expertOf = start.slice();
        affinity.set(expertOf);
        for (const { slot, other, expert, isSwap } of changes) {
          const before = expertOf[slot]!;
          if (isSwap) {
            affinity.swap(slot, other, before, expertOf[other]!);
            expertOf[slot] = expertOf[other]!;
            expertOf[other] = before;
          } else if (expert !== before && expertOf.filter((held) => held === before).length > 1) {
            affinity.replace(slot, before, expert);
            expertOf[slot] = expert;
          }
        }
        const anew = create();
        anew.set(expertOf);
        assert.ok(isNear(affinity.cost(), anew.cost(), 1));
        assert.ok(anew.cost() >= -1e-9 && anew.cost() <= 2 + 1e-9);
      }),
      { numRuns: 200 },
    );
  });

  it('come to one node where traffic has weight', () => {
    const machine = createMachine({ gpus: 4, nodes: 2, slots: 8 });
    const loads = createLoads([[[10, 10, 10, 10, 10, 10, 10, 10]]]);
    // Odd experts go with odd ones, even with even ones.
    const used = routes(4, [0, 2, 4, 6, 1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7]);
    const without = placeExperts(loads, machine);
    const withTraffic = placeExperts(loads, machine, { traffic: { routes: used, weight: 1 } });
    assert.equal(measureSpread(withTraffic.placement, machine, used).nodes, 1);
    assert.ok(measureSpread(without.placement, machine, used).nodes > 1);
    assert.equal(withTraffic.maxGpuLoad[0], 20);
  });
});
