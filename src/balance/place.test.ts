import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../base/index.js';
import { rebalanceExperts } from './deepseek.js';
import { createLoads, sumWindows } from './loads.js';
import { createMachine, type Machine } from './machine.js';
import { countDuplicateSlots, countReplicas, largestOfRows, measureGpuLoads } from './measure.js';
import { boundLayers, type PlacedExperts, type PlaceOptions, placeExperts } from './place.js';
import { duplicatesOf, isNear, loadsOf, type PlaceCase, plainCases, unevenCases } from './test-cases.js';

/** Few steps, so that many cases fit. */
const iterations = 40;

function checkPlaced({ loads, machine }: PlaceCase, { placement, maxGpuLoad, lowerBound }: PlacedExperts): void {
  const { layers, experts } = loads;
  const { slots, gpus } = machine;
  assert.deepEqual({ ...placement, physicalToLogical: 0 }, { layers, experts, slots, physicalToLogical: 0 });
  assert.equal(placement.physicalToLogical.length, layers * slots);
  const inUse = listUse(machine);
  for (let layer = 0; layer < layers; layer++) {
    const row = placement.physicalToLogical.subarray(layer * slots, (layer + 1) * slots);
    for (const [slot, expert] of row.entries()) assert.equal(expert >= 0, inUse[slot]);
    assert.equal(new Set(row.filter((expert) => expert >= 0)).size, experts);
  }
  const replicas = countReplicas(placement);
  assert.equal(
    replicas.reduce((sum, count) => sum + count, 0),
    layers * inUse.filter((isInUse) => isInUse).length,
  );
  const measured = largestOfRows(measureGpuLoads(placement, sumWindows(loads), machine), gpus);
  for (const [layer, largest] of measured.entries()) {
    assert.ok(isNear(largest, maxGpuLoad[layer]!), `layer ${layer}: ${largest} is said to be ${maxGpuLoad[layer]}`);
    assert.ok(lowerBound[layer]! <= maxGpuLoad[layer]!, `layer ${layer}`);
  }
}

/** `[slots]`: whether the slot is on a GPU in use. */
function listUse({ gpus, slotStarts, isUsed }: Machine): boolean[] {
  return Array.from({ length: gpus }, (_, gpu) =>
    new Array<boolean>(slotStarts[gpu + 1]! - slotStarts[gpu]!).fill(isUsed[gpu] === 1),
  ).flat();
}

function checkAgainstDeepSeek(placeCase: PlaceCase, options: PlaceOptions): void {
  const { loads, machine, groups } = placeCase;
  const best = placeExperts(loads, machine, { iterations, groups, ...options });
  const other = placeExperts(loads, machine, { policy: 'deepseek', groups });
  checkPlaced(placeCase, best);
  checkPlaced(placeCase, other);
  for (const [layer, largest] of best.maxGpuLoad.entries()) {
    const rival = other.maxGpuLoad[layer]!;
    assert.ok(largest <= rival * (1 + 1e-9), `layer ${layer}: ${largest}, DeepSeek's policy ${rival}`);
  }
}

const strategies = fc.constantFrom('auto' as const, 'hierarchical' as const, 'global' as const);

it('a placement holds every expert, fills the slots in use and no others, and says its largest load and a bound', () => {
  fc.assert(
    fc.property(unevenCases(1), (placeCase) => {
      checkPlaced(placeCase, placeExperts(placeCase.loads, placeCase.machine, { iterations }));
    }),
    { numRuns: 150 },
  );
});

it("a placement is in no layer worse than DeepSeek's policy, with groups and nodes too", () => {
  fc.assert(
    fc.property(plainCases(1), strategies, (placeCase, strategy) => checkAgainstDeepSeek(placeCase, { strategy })),
    { numRuns: 150 },
  );
});

it("a placement is no worse than DeepSeek's policy on the sum of several windows", () => {
  fc.assert(
    fc.property(plainCases(4), strategies, (placeCase, strategy) =>
      checkAgainstDeepSeek(placeCase, { strategy, iterations: 5 }),
    ),
    { numRuns: 60 },
  );
});

it("a placement has an avoidable duplicate only where it is DeepSeek's own placement, which has it too", () => {
  fc.assert(
    fc.property(plainCases(1), ({ loads, machine }) => {
      const { layers, experts } = loads;
      const { slots, gpus } = machine;
      fc.pre(slots / gpus <= experts);
      const { physicalToLogical } = placeExperts(loads, machine, { iterations, strategy: 'global' }).placement;
      const rival = rebalanceExperts(loads.counts, { layers, experts, slots, gpus, groups: 1, nodes: 1 });
      for (let layer = 0; layer < layers; layer++) {
        const range = [layer * slots, (layer + 1) * slots] as const;
        const row = physicalToLogical.subarray(...range);
        if (duplicatesOf(machine, row) > 0) assert.deepEqual([...row], [...rival.physicalToLogical.subarray(...range)]);
      }
    }),
    { numRuns: 100 },
  );
});

it('a placement keeps each group of experts on one node with the strategy hierarchical', () => {
  fc.assert(
    fc.property(plainCases(2), ({ loads, machine, groups }) => {
      const placed = placeExperts(loads, machine, { iterations: 5, groups, strategy: 'hierarchical' });
      const { slots, nodes } = machine;
      const groupSize = loads.experts / groups;
      const nodeOfGroup = new Map<string, number>();
      for (const [position, expert] of placed.placement.physicalToLogical.entries()) {
        const layer = Math.floor(position / slots);
        const node = Math.floor((position % slots) / (slots / nodes));
        const group = `${layer} ${Math.floor(expert / groupSize)}`;
        assert.equal(nodeOfGroup.get(group) ?? node, node);
        nodeOfGroup.set(group, node);
      }
    }),
    { numRuns: 60 },
  );
});

it('a placement is the same for the same seed and steps', () => {
  fc.assert(
    fc.property(fc.oneof(plainCases(3), unevenCases(3)), fc.nat(), ({ loads, machine, groups }, seed) => {
      const options = { iterations: 10, groups, seed };
      assert.deepEqual(placeExperts(loads, machine, options), placeExperts(loads, machine, options));
    }),
    { numRuns: 30 },
  );
});

it('a placement ends when its time is over, and is then a whole placement too', () => {
  fc.assert(
    fc.property(plainCases(2), (placeCase) => {
      let asked = 0;
      const time = { milliseconds: 20, now: () => asked++ };
      const { loads, machine, groups } = placeCase;
      checkPlaced(placeCase, placeExperts(loads, machine, { time, groups }));
      assert.ok(asked >= loads.layers);
    }),
    { numRuns: 30 },
  );
});

it("a placement ends in time where only DeepSeek's duplicates are as good", () => {
  let asked = 0;
  const placed = placeExperts(createLoads([[[6, 5, 1]]]), createMachine({ gpus: 2, slots: 4 }), {
    time: { milliseconds: 100, now: () => asked++ },
  });
  assert.equal(placed.maxGpuLoad[0], 6);
  assert.equal(placed.lowerBound[0], 6);
  assert.deepEqual(
    [...placed.placement.physicalToLogical].sort((a, b) => a - b),
    [0, 0, 1, 2],
  );
});

it('a placement finds and proves the optimum of eight experts on eight GPUs of two slots', () => {
  const machine = createMachine({ gpus: 8, slots: 16 });
  const placed = placeExperts(createLoads([[[600, 560, 120, 120, 20, 10, 10, 10]]]), machine);
  assert.ok(Math.abs(placed.maxGpuLoad[0]! - 590 / 3) < 1e-9);
  assert.equal(placed.lowerBound[0], placed.maxGpuLoad[0]);
  assert.equal(countDuplicateSlots(placed.placement, machine), 0);
});

it('a placement says of each layer that it is done', () => {
  const done: string[] = [];
  const loads = createLoads([[[1], [2]]]);
  placeExperts(loads, createMachine({ gpus: 1, slots: 1 }), {
    onLayer: (layer, layers) => done.push(`${layer}/${layers}`),
  });
  assert.deepEqual(done, ['1/2', '2/2']);
});
it("a placement on nodes is DeepSeek's division of the groups where that is better by little", () => {
  const machine = createMachine({ gpus: 4, nodes: 2, slots: 20 });
  const loads = createLoads([
    [[504, 1719, 4613, 3779, 1184, 2398, 1546, 3410, 2111, 1408, 1365, 4704, 1782, 3093, 4332, 2886]],
  ]);
  const placed = placeExperts(loads, machine, { groups: 4, strategy: 'hierarchical', iterations: 50 });
  assert.ok(placed.maxGpuLoad[0]! <= 10317);
});

it('a placement that is proven has a bound that is not above it by rounding', () => {
  const row = new Array<number>(21).fill(100);
  const counts = Float64Array.from(row.with(5, 100.00000000606042).with(14, 500.0000000000001));
  const loads = { windows: 1, layers: 1, experts: 21, counts };
  const { maxGpuLoad, lowerBound } = placeExperts(loads, createMachine({ gpus: 3, slots: 21 }), { iterations });
  assert.deepEqual(lowerBound, maxGpuLoad);
});

describe('the strategy auto', () => {
  const machine = createMachine({ gpus: 2, nodes: 2, slots: 4 });

  it('keeps groups on nodes where that costs nothing', () => {
    const placed = placeExperts(createLoads([[[1, 1, 1, 1]]]), machine, { groups: 2 });
    assert.equal(placed.strategy, 'hierarchical');
    assert.match(placed.reason, /0\.00% above global's, and each group of experts stays on one node/);
  });

  it('places globally where groups on nodes cost more than 1%', () => {
    const placed = placeExperts(createLoads([[[2, 2, 1, 1]]]), machine, { groups: 2 });
    assert.equal(placed.strategy, 'global');
    assert.equal(placed.maxGpuLoad[0], 3);
    assert.match(placed.reason, /hierarchical would have its largest GPU loads 33\.33% above/);
  });

  for (const [options, groups, reason] of [
    [{ gpus: 2, slots: 4 }, 2, /there is one node/],
    [{ gpus: 2, nodes: 2, slots: 4 }, 1, /there is one group/],
    [{ gpus: 3, nodes: 3, slots: 6 }, 4, /4 groups do not divide by 3 nodes/],
    [{ gpus: 2, nodes: 2, slots: [1, 3] }, 2, /node 0 has 1 slots in use for the 2 experts/],
  ] as const) {
    it(`places globally and says ${reason}`, () => {
      const placed = placeExperts(createLoads([[[1, 2, 3, 4]]]), createMachine(options), { groups });
      assert.equal(placed.strategy, 'global');
      assert.match(placed.reason, reason);
    });
  }
});

describe('what cannot be placed', () => {
  const loads = createLoads([[[1, 2, 3, 4]]]);
  for (const [options, place, message] of [
    [{ gpus: 2, slots: 2 }, {}, /2 slots cannot hold 4 experts: use 4 slots or more/],
    [{ gpus: 2, slots: 4, excludedGpus: [1] }, {}, /2 slots cannot hold 4 experts/],
    [{ gpus: 2, slots: 4, excludedGpus: [] }, { groups: 3, strategy: 'hierarchical' }, /4 experts do not divide by 3/],
    [{ gpus: 2, nodes: 2, slots: 4 }, { strategy: 'hierarchical' }, /1 groups do not divide by 2 nodes/],
    [{ gpus: 2, slots: 8, excludedGpus: [0] }, { policy: 'deepseek' }, /DeepSeek's policy needs GPUs/],
    [{ gpus: 2, slots: [2, 3] }, { policy: 'deepseek' }, /DeepSeek's policy needs GPUs/],
    [{ gpus: 2, slots: 4, speeds: [1, 2] }, { policy: 'deepseek' }, /DeepSeek's policy needs GPUs/],
  ] as const) {
    it(`is refused: ${message}`, () => {
      assert.throws(
        () => placeExperts(loads, createMachine(options), place),
        (error) => error instanceof InputError && message.test(error.message),
      );
    });
  }

  it('is found before the search, in loads that are none', () => {
    const counts = Float64Array.of(1, Number.NaN);
    assert.throws(
      () => placeExperts({ windows: 1, layers: 1, experts: 2, counts }, createMachine({ gpus: 1, slots: 2 })),
      /the load of layer 0, expert 1 is NaN/,
    );
  });
});

describe('the bound of layers', () => {
  it('is what was reached where that is the mean', () => {
    fc.assert(
      fc.property(loadsOf(1, 2, 4), (loads) => {
        const reached = Float64Array.from({ length: 2 }, (_, layer) =>
          loads.counts.subarray(layer * 4, layer * 4 + 4).reduce((sum, load) => sum + load, 0),
        );
        assert.deepEqual(boundLayers(loads, createMachine({ gpus: 1, slots: 4 }), reached), reached);
      }),
    );
  });
});
