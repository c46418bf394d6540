import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { createLoads, type ExpertLoads, sumWindows } from './loads.js';
import { createMachine, type Machine } from './machine.js';
import { largestOfRows, measureGpuLoads } from './measure.js';
import { placeExperts } from './place.js';
import type { Placement } from './placement.js';
import { plainCases, unevenCases } from './test-cases.js';

/** `[windows]`: the largest GPU load of the first layer. */
function largestByWindow(placement: Placement, loads: ExpertLoads, machine: Machine): number[] {
  return [...largestOfRows(measureGpuLoads(placement, loads, machine), machine.gpus)].filter(
    (_, row) => row % loads.layers === 0,
  );
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

it('windows with opposite hot experts are both served, where their sum looks even however it is placed', () => {
  const machine = createMachine({ gpus: 2, slots: 4 });
  const loads = createLoads([[[10, 10, 1, 1]], [[1, 1, 10, 10]]]);
  for (const objective of ['mean', 'worst'] as const) {
    const { placement } = placeExperts(loads, machine, { objective });
    assert.deepEqual(largestByWindow(placement, loads, machine), [11, 11]);
  }
});

it('the mean and the worst window each are made small at the price of the other', () => {
  const machine = createMachine({ gpus: 2, slots: 4 });
  // Experts 0 and 1 apart serve nine windows, experts 0 and 2 apart the tenth, which is the worst.
  const often = Array.from({ length: 9 }, () => [[5, 5, 0, 0]]);
  const loads = createLoads([...often, [[20, 0, 20, 20]]]);
  const measured = (['mean', 'worst'] as const).map((objective) =>
    largestByWindow(placeExperts(loads, machine, { objective }).placement, loads, machine),
  );
  assert.deepEqual(
    measured.map((windows) => Math.max(...windows)),
    [40, 40],
  );
  assert.ok(mean(measured[0]!) <= mean(measured[1]!));
});

it('a robust placement is by its own measure no worse than that of the sum', () => {
  fc.assert(
    fc.property(
      fc.oneof(plainCases(4), unevenCases(4)),
      fc.constantFrom('mean' as const, 'worst' as const),
      (c, objective) => {
        const { loads, machine } = c;
        const score = (placement: Placement): number => {
          const largest = largestByWindow(placement, loads, machine);
          return objective === 'mean' ? mean(largest) : Math.max(...largest);
        };
        const pooled = placeExperts(sumWindows(loads), machine, { iterations: 20 });
        const own = placeExperts(loads, machine, { iterations: 20, objective });
        // The worst window is each layer's own, which the sum over layers is not.
        if (objective === 'worst' && loads.layers > 1) return;
        assert.ok(score(own.placement) <= score(pooled.placement) * (1 + 1e-9));
      },
    ),
    { numRuns: 60 },
  );
});

it('more windows than are looked at are summed in blocks, and every expert is placed', () => {
  const windows = Array.from({ length: 130 }, (_, window) => [[window % 2 === 0 ? 9 : 0, 3, 1, window % 7]]);
  const machine = createMachine({ gpus: 2, slots: 6 });
  const { placement } = placeExperts(createLoads(windows), machine, { iterations: 5, objective: 'mean' });
  assert.deepEqual(new Set(placement.physicalToLogical), new Set([0, 1, 2, 3]));
});
