import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { sumWindows } from './loads.js';
import { createMachine } from './machine.js';
import { countDuplicateSlots } from './measure.js';
import { separateReplicas } from './separate.js';
import { loadsOf } from './test-cases.js';

/** Any placement that holds every expert, with no more slots on a GPU than there are experts. */
const cases = fc
  .record({ gpus: fc.integer({ min: 1, max: 5 }), experts: fc.integer({ min: 2, max: 8 }), spare: fc.nat(3) })
  .chain(({ gpus, experts, spare }) => {
    const ofGpu = Math.min(experts, Math.ceil(experts / gpus) + spare);
    const slots = gpus * ofGpu;
    const row = fc
      .tuple(
        fc.constant(Array.from({ length: experts }, (_, expert) => expert)),
        fc.array(fc.nat(experts - 1), { minLength: slots - experts, maxLength: slots - experts }),
      )
      .chain(([once, more]) => fc.shuffledSubarray([...once, ...more], { minLength: slots, maxLength: slots }));
    return fc.record({ gpus: fc.constant(gpus), slots: fc.constant(slots), row, loads: loadsOf(1, 1, experts) });
  });

it('leaves no expert twice on a GPU and none out, and rows without such as they are', () => {
  fc.assert(
    fc.property(cases, ({ gpus, slots, row, loads }) => {
      const machine = createMachine({ gpus, slots });
      const { experts } = loads;
      const placement = { layers: 1, experts, slots, physicalToLogical: Int32Array.from(row) };
      const separated = separateReplicas(placement, sumWindows(loads), machine);
      assert.equal(countDuplicateSlots(separated, machine), 0);
      assert.equal(new Set(separated.physicalToLogical).size, experts);
      if (countDuplicateSlots(placement, machine) === 0) assert.deepEqual(separated, placement);
      assert.deepEqual([...placement.physicalToLogical], row);
    }),
    { numRuns: 500 },
  );
});

it('gives what an expert has beyond the GPUs to the hottest other one that can use it', () => {
  const machine = createMachine({ gpus: 2, slots: 6 });
  const placement = { layers: 1, experts: 4, slots: 6, physicalToLogical: Int32Array.of(0, 0, 1, 0, 2, 3) };
  const loads = { windows: 1, layers: 1, experts: 4, counts: Float64Array.of(9, 1, 2, 5) };
  const row = separateReplicas(placement, loads, machine).physicalToLogical;
  assert.deepEqual(
    [...row].sort((a, b) => a - b),
    [0, 0, 1, 2, 3, 3],
  );
});
