import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createLoads } from './loads.js';
import { createMachine, joinNodes } from './machine.js';
import { placeInOrder, placeInOrderOn } from './placement.js';
import { type BalanceRequest, solveBalance } from './solve.js';
import { describeMoves } from './verdict.js';

const loads = createLoads([
  [
    [90, 10, 40, 20, 70, 5, 33, 8],
    [1, 2, 3, 400, 5, 6, 7, 8],
  ],
]);
const machine = createMachine({ gpus: 4, slots: 12 });
const request: BalanceRequest = { loads, machine, policy: 'best', strategy: 'auto', groups: 1, seed: 0 };
const inOrder = placeInOrderOn(loads, machine);

/** A clock that goes on by a second whenever it is looked at. */
function createClock(): () => number {
  let milliseconds = 0;
  return () => {
    milliseconds += 1000;
    return milliseconds;
  };
}

const solve = (more: Partial<BalanceRequest> = {}) => solveBalance({ ...request, ...more }, { now: createClock() });

describe('solving a request', () => {
  it('gives what threads can post, and the same for a request that was posted', () => {
    const { routes } = { routes: { layers: 2, topK: 2, chosen: [Int32Array.of(0, 1, 4, 6), Int32Array.of(3, -1)] } };
    const asked = { traffic: { routes, weight: 1 }, current: inOrder, cost: { secondsPerMove: 1, intervalSeconds: 9 } };
    const solution = solve(asked);
    assert.deepEqual(structuredClone(solution), solution);
    assert.deepEqual(solve(structuredClone(asked)), solution);
  });

  it('measures the placement that it gives, before and after', () => {
    const { placement, replicas, before, after, gap, lowerBound, verdict, hasCurrent } = solve();
    assert.equal(before.gpuLoad.length, 2 * 4);
    // In order, one of the two replicas of expert 3 lies with experts 4 and 5 in layer 1.
    assert.equal(before.maxGpuLoad[1], 400 / 2 + 5 + 6);
    assert.ok(after.maxGpuLoad.every((load, layer) => load <= before.maxGpuLoad[layer]! && load >= lowerBound[layer]!));
    assert.ok(after.balancedness.ratioOfSums > before.balancedness.ratioOfSums);
    assert.ok(gap >= 0 && gap < 0.05);
    const counted = new Int32Array(16);
    for (const [position, expert] of placement.physicalToLogical.entries())
      counted[Math.floor(position / 12) * 8 + expert]! += 1;
    assert.deepEqual(replicas, counted);
    assert.deepEqual([verdict, hasCurrent], [undefined, false]);
  });

  it('takes what was recorded as the placement before, where it fits, and the placement now in any case', () => {
    const recorded = { ...inOrder, physicalToLogical: inOrder.physicalToLogical.toReversed() };
    const measured = (more: Partial<BalanceRequest>) => [...solve(more).before.gpuLoad];
    assert.deepEqual(measured({ recorded }).slice(0, 4), measured({}).slice(0, 4).toReversed());
    const other = placeInOrder({ layers: 2, experts: 8, slots: 16 });
    assert.deepEqual(measured({ recorded: other }), measured({}));
    assert.deepEqual(measured({ recorded, current: inOrder }), measured({}));
  });

  it('says what moves, and with a cost whether that pays', () => {
    const free = solve({ current: inOrder });
    assert.ok(free.verdict!.moves > 0 && free.verdict!.gain > 0);
    assert.equal(free.verdict!.spread, undefined);
    assert.match(
      describeMoves(free.verdict!, undefined),
      /^Move \d+ replicas?: gain [\d.]+% per step on the one window that it is placed by, and what on others only several/,
    );
    const few = solve({ current: inOrder, mostMoves: 1 });
    assert.ok(few.verdict!.moves <= 1);
    const cheap = { secondsPerMove: 0.01, intervalSeconds: 1000 };
    const paid = solve({ current: inOrder, cost: cheap }).verdict!;
    assert.equal(paid.isWorthIt, true);
    assert.equal(paid.paybackSeconds, (paid.moves * 0.01) / paid.gain);
    const dear = { secondsPerMove: 1000, intervalSeconds: 1 };
    const kept = solve({ current: inOrder, cost: dear }).verdict!;
    assert.deepEqual([kept.isWorthIt, kept.paybackSeconds, kept.moves], [false, null, 0]);
    assert.match(
      describeMoves(kept, dear),
      /^Keep the placement: the best that was found moves \d+ replicas.* until the next rebalance, and takes /,
    );
  });

  it('tells how many layers are done, and takes its time from the clock that it is given', () => {
    const done: string[] = [];
    const watch = {
      now: createClock(),
      onLayer: (layer: number, layers: number) => void done.push(`${layer}/${layers}`),
    };
    assert.equal(solveBalance(request, watch).seconds, 1);
    assert.deepEqual(done, ['1/2', '2/2']);
    assert.ok(solve({ budgetMilliseconds: 5000 }).seconds > 1);
  });

  it('compares with groups on nodes where routes have a weight', () => {
    const routes = { layers: 2, topK: 1, chosen: [Int32Array.of(0), Int32Array.of(3)] };
    const onNodes = { machine: createMachine({ gpus: 4, slots: 12, nodes: 2 }), groups: 4 };
    assert.equal(solve({ ...onNodes, traffic: { routes } }).grouped, undefined);
    assert.ok(solve({ ...onNodes, traffic: { routes, weight: 1 } }).grouped!.spread!.nodes >= 1);
  });
});

describe('a machine', () => {
  it("has its nodes joined for DeepSeek's policy where they divide neither its GPUs nor the groups", () => {
    const policy = 'deepseek';
    assert.deepEqual(joinNodes({ gpus: 8, nodes: 2, groups: 3, policy }), { nodes: 2, groups: 3, notes: [] });
    assert.deepEqual(joinNodes({ gpus: 8, nodes: 3, groups: 6, policy }), { nodes: 3, groups: 6, notes: [] });
    const notes = ["8 GPUs do not divide by 3 nodes: placed as on one node, as DeepSeek's policy does"];
    assert.deepEqual(joinNodes({ gpus: 8, nodes: 3, groups: 4, policy }), { nodes: 1, groups: 1, notes });
  });

  it('is refused by the other policy with nodes that do not divide its GPUs, and says which would', () => {
    const { nodes } = joinNodes({ gpus: 16, nodes: 3, groups: 4, policy: 'best' });
    assert.throws(() => createMachine({ gpus: 16, slots: 32, nodes }), /by 3 nodes: use 1, 2, 4, 8 or 16 nodes/);
    for (const count of [1, 2, 4, 8, 16])
      assert.equal(createMachine({ gpus: 16, slots: 32, nodes: count }).nodes, count);
  });

  it('takes experts in order in the slots of GPUs that are used', () => {
    const sizes = fc.record({ layers: fc.integer({ min: 1, max: 3 }), experts: fc.integer({ min: 1, max: 9 }) });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 5 }), (sizes, gpus) => {
        const all = createMachine({ gpus, slots: gpus * 3 });
        assert.deepEqual(placeInOrderOn(sizes, all), placeInOrder({ ...sizes, slots: gpus * 3 }));
      }),
    );
    const part = createMachine({ gpus: 3, slots: 6, excludedGpus: [1] });
    assert.deepEqual([...placeInOrderOn({ layers: 1, experts: 3 }, part).physicalToLogical], [0, 1, -1, -1, 2, 0]);
  });
});
