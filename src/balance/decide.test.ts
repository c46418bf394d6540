import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../base/index.js';
import { type DecisionRequest, decidePlacement, LEAST_GAIN } from './decide.js';
import { measureDispatchedLoads, measureSharedLoads } from './dispatch.js';
import type { ExpertLoads } from './loads.js';
import { createMachine, type Machine } from './machine.js';
import { countDuplicateSlots, countReplicas, largestOfRows } from './measure.js';
import { placeInOrder } from './placement.js';
import { countMoves } from './relabel.js';
import { plainCases } from './test-cases.js';

const requests: fc.Arbitrary<DecisionRequest> = fc
  .record({
    placeCase: plainCases(6),
    dispatch: fc.constantFrom('even' as const, 'optimal' as const),
    policy: fc.constantFrom('best' as const, 'deepseek' as const),
    windowsPerMove: fc.constantFrom(0, 1e-3, 0.1, 10),
    windowsAhead: fc.integer({ min: 1, max: 100 }),
    seed: fc.nat(),
  })
  .map(({ placeCase: { loads, machine }, ...rest }) => {
    const current = placeInOrder({ layers: loads.layers, experts: loads.experts, slots: machine.slots });
    return { loads, machine, current, ...rest };
  });

/** `[windows, layers, experts]` around the same shares in every window: `noise` relative to the mean, hot as `skew` says. */
function steadyLoads(
  sizes: { readonly windows: number; readonly layers: number; readonly experts: number },
  { seed, skew, noise }: { readonly seed: number; readonly skew: number; readonly noise: number },
): ExpertLoads {
  const { windows, layers, experts } = sizes;
  const counts = new Float64Array(windows * layers * experts);
  for (let layer = 0; layer < layers; layer++) {
    const random = createRandom(0, 'shares', layer);
    const shares = Array.from({ length: experts }, () => Math.exp(skew * random.normal()));
    for (let window = 0; window < windows; window++) {
      const steps = createRandom(seed, 'noise', layer, window);
      for (const [expert, share] of shares.entries())
        counts[(window * layers + layer) * experts + expert] = Math.max(0, 1000 * share * (1 + noise * steps.normal()));
    }
  }
  return { ...sizes, counts };
}

const machine = createMachine({ gpus: 4, slots: 20 });
const inOrder = placeInOrder({ layers: 2, experts: 16, slots: 20 });

function requestOf(loads: ExpertLoads, changes: Partial<DecisionRequest> = {}): DecisionRequest {
  const policy = 'best' as const;
  const given = { loads, machine, dispatch: 'even' as const, current: inOrder, policy };
  return { ...given, seed: 0, windowsPerMove: 0.01, windowsAhead: 50, ...changes };
}

const sizes = { windows: 32, layers: 2, experts: 16 };

describe('a decision', () => {
  it('makes no layer worse, holds every expert and none twice on a GPU, and says what moves', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const decision = decidePlacement(request);
        const { layers, slots } = request.current;
        assert.ok(decision.after.ratioOfSums >= decision.before.ratioOfSums * (1 - 1e-12));
        assert.ok(countReplicas(decision.placement).every((count) => count > 0));
        assert.ok(
          countDuplicateSlots(decision.placement, request.machine) <=
            countDuplicateSlots(request.current, request.machine),
        );
        for (let layer = 0; layer < layers; layer++) {
          const [now, next] = [request.current, decision.placement].map(({ physicalToLogical }) =>
            physicalToLogical.subarray(layer * slots, (layer + 1) * slots),
          );
          const { verdict, moves, before, after } = decision.layers[layer]!;
          assert.equal(moves, countMoves(now!, next!, request.machine));
          assert.ok(after <= before);
          if (verdict !== 'moves') assert.deepEqual(next, now);
          else assert.ok(after <= before * (1 - LEAST_GAIN + 1e-9));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is the same for the same request', () => {
    fc.assert(
      fc.property(requests, (request) => assert.deepEqual(decidePlacement(request), decidePlacement(request))),
      { numRuns: 20 },
    );
  });
});

describe('a decision from loads that fluctuate', () => {
  it('evens out hot experts, and then keeps to that while loads only fluctuate', () => {
    const drawn = (seed: number) => steadyLoads(sizes, { seed, skew: 0.8, noise: 0.05 });
    const first = decidePlacement(requestOf(drawn(1)));
    assert.ok(first.before.ratioOfSums < 0.8 && first.after.ratioOfSums > 0.95);
    assert.ok(first.moves > 0 && first.gain > 0);
    for (const seed of [2, 3, 4, 5, 6]) {
      const next = decidePlacement(requestOf(drawn(seed), { current: first.placement, seed }));
      assert.equal(next.moves, 0, `with loads ${seed}`);
      assert.deepEqual(next.placement, first.placement);
      assert.equal(next.gain, 0);
    }
  });

  it('predicts what the placement does on loads that it has not seen', () => {
    const { placement, after } = decidePlacement(requestOf(steadyLoads(sizes, { seed: 1, skew: 0.8, noise: 0.2 })));
    const others = steadyLoads({ ...sizes, windows: 200 }, { seed: 2, skew: 0.8, noise: 0.2 });
    assert.ok(Math.abs(ratioOf(placement, others, machine) - after.ratioOfSums) < 0.02);
  });

  it('does not move for noise alone', () => {
    const bare = createMachine({ gpus: 4, slots: 16 });
    const current = placeInOrder({ ...sizes, slots: 16 });
    for (let seed = 0; seed < 10; seed++) {
      const loads = steadyLoads({ ...sizes, windows: 16 }, { seed, skew: 0, noise: 0.3 });
      assert.equal(decidePlacement(requestOf(loads, { machine: bare, current })).moves, 0, `with loads ${seed}`);
    }
  });

  it('moves fewer replicas the dearer moves are, and none where they do not pay', () => {
    const loads = steadyLoads(sizes, { seed: 1, skew: 0.8, noise: 0.05 });
    const movesAt = (windowsPerMove: number) => decidePlacement(requestOf(loads, { windowsPerMove })).moves;
    const moves = [0, 0.5, 2, 1000].map(movesAt);
    assert.ok(moves[0]! > moves[2]! && moves[2]! > 0, String(moves));
    assert.equal(moves[3], 0);
    const dear = decidePlacement(requestOf(loads, { windowsPerMove: 1000 }));
    assert.deepEqual([...new Set(dear.layers.map(({ verdict }) => verdict))], ['dear']);
    assert.equal(decidePlacement(requestOf(loads, { windowsPerMove: 1, windowsAhead: 1 })).moves, 0);
  });

  it('looks for nothing in a layer that is even, and says so', () => {
    const bare = createMachine({ gpus: 4, slots: 16 });
    const current = placeInOrder({ ...sizes, slots: 16 });
    const flat = steadyLoads(sizes, { seed: 1, skew: 0, noise: 0.01 });
    const hot = steadyLoads(sizes, { seed: 1, skew: 0.8, noise: 0.01 });
    const counts = flat.counts.map((count, i) => (Math.floor(i / 16) % 2 === 0 ? count : hot.counts[i]!));
    const { layers, placement } = decidePlacement(requestOf({ ...sizes, counts }, { machine: bare, current }));
    assert.deepEqual(
      layers.map(({ verdict }) => verdict),
      ['even', 'moves'],
    );
    assert.deepEqual(placement.physicalToLogical.subarray(0, 16), current.physicalToLogical.subarray(0, 16));
    assert.ok(layers[0]!.before >= 1 && layers[0]!.before < 1.02 && layers[0]!.after === layers[0]!.before);
  });

  it('gains in windows what it costs in windows', () => {
    const loads = steadyLoads(sizes, { seed: 1, skew: 0.8, noise: 0.05 });
    const { gain, before, after } = decidePlacement(requestOf(loads));
    const saved = 1 / before.ratioOfSums - 1 / after.ratioOfSums;
    assert.ok(Math.abs(gain - saved) < 1e-9);
  });

  it('has nothing to do without tokens', () => {
    const loads = { ...sizes, counts: new Float64Array(32 * 2 * 16) };
    const { moves, placement } = decidePlacement(requestOf(loads));
    assert.equal(moves, 0);
    assert.deepEqual(placement, inOrder);
  });
});

describe('a decision where the dispatcher splits optimally, or a model is large', () => {
  it('stays where an optimal split of the tokens evens out what an even one does not', () => {
    const counts = Float64Array.from({ length: 64 }, (_, i) => [150, 150, 200, 100][i % 4]!);
    const loads = { windows: 16, layers: 1, experts: 4, counts };
    const on = createMachine({ gpus: 2, slots: 6 });
    const current = { layers: 1, experts: 4, slots: 6, physicalToLogical: Int32Array.of(0, 1, 2, 0, 1, 3) };
    const decide = (dispatch: 'even' | 'optimal') =>
      decidePlacement(requestOf(loads, { machine: on, current, dispatch }));
    const [even, optimal] = [decide('even'), decide('optimal')];
    assert.deepEqual([even.layers[0]!.verdict, optimal.layers[0]!.verdict], ['moves', 'even']);
    assert.ok(Math.abs(even.before.ratioOfSums - 300 / 350) < 1e-9);
    assert.ok(Math.abs(optimal.before.ratioOfSums - 1) < 1e-6);
  });

  it('predicts what an optimal split gives', () => {
    const drawn = (seed: number, windows = 32) => steadyLoads({ ...sizes, windows }, { seed, skew: 0.8, noise: 0.05 });
    const { placement, after } = decidePlacement(requestOf(drawn(1), { dispatch: 'optimal' }));
    assert.ok(Math.abs(ratioOf(placement, drawn(2, 100), machine, measureSharedLoads) - after.ratioOfSums) < 0.02);
  });

  it('evens out a large model, of which it looks at less, and predicts that too', () => {
    const large = { windows: 16, layers: 7, experts: 256 };
    const on = createMachine({ gpus: 64, slots: 320 });
    const drawn = (seed: number) => steadyLoads(large, { seed, skew: 0.5, noise: 0.05 });
    const current = placeInOrder({ ...large, slots: 320 });
    for (const dispatch of ['even', 'optimal'] as const) {
      const { placement, before, after } = decidePlacement(requestOf(drawn(1), { machine: on, current, dispatch }));
      assert.ok(before.ratioOfSums < 0.65 && after.ratioOfSums > 0.88, `${before.ratioOfSums} ${after.ratioOfSums}`);
      const measure = dispatch === 'even' ? measureDispatchedLoads : measureSharedLoads;
      assert.ok(Math.abs(ratioOf(placement, drawn(2), on, measure) - after.ratioOfSums) < 0.01);
    }
  });
});

function ratioOf(placement: typeof inOrder, loads: ExpertLoads, on: Machine, measure = measureDispatchedLoads): number {
  const gpuLoads = measure(placement, loads, on);
  const largest = largestOfRows(gpuLoads, on.gpus).reduce((sum, load) => sum + load, 0);
  return gpuLoads.reduce((sum, load) => sum + load, 0) / on.gpus / largest;
}
