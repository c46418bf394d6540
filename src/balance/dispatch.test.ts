import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { measureDispatchedLoads, measureSharedLoads } from './dispatch.js';
import { createLoads } from './loads.js';
import { createMachine } from './machine.js';
import { countDuplicateSlots, largestOfRows, measureGpuLoads } from './measure.js';
import { placeExperts } from './place.js';
import { isNear, plainCases, unevenCases } from './test-cases.js';

const placementOf = (experts: number, row: readonly number[]) => ({
  layers: 1,
  experts,
  slots: row.length,
  physicalToLogical: Int32Array.from(row),
});

it('on one node, where no GPU holds an expert twice, replicas share evenly', () => {
  fc.assert(
    fc.property(plainCases(2), ({ loads, machine: { gpus, slots } }) => {
      const machine = createMachine({ gpus, slots });
      const { placement } = placeExperts(loads, machine, { iterations: 2 });
      fc.pre(countDuplicateSlots(placement, machine) === 0);
      const even = measureGpuLoads(placement, loads, machine);
      const dispatched = measureDispatchedLoads(placement, loads, machine);
      const largest = Math.max(...even);
      for (const [i, load] of dispatched.entries()) assert.ok(isNear(load, even[i]!, largest));
    }),
  );
});

it('every token goes somewhere', () => {
  fc.assert(
    fc.property(fc.oneof(plainCases(2), unevenCases(2)), ({ loads, machine }) => {
      const { placement } = placeExperts(loads, machine, { iterations: 1, strategy: 'global' });
      const sent = loads.counts.reduce((sum, count) => sum + count, 0);
      for (const measure of [measureDispatchedLoads, measureSharedLoads]) {
        const gpuLoads = measure(placement, loads, machine);
        const arrived = gpuLoads.reduce((sum, load, i) => sum + load * machine.speeds[i % machine.gpus]!, 0);
        assert.ok(isNear(arrived, sent, sent));
      }
    }),
  );
});

it('a node with one replica keeps its own tokens to that one', () => {
  const machine = createMachine({ gpus: 8, nodes: 2, slots: 16 });
  // Expert 0 lies on all GPUs of the first node and on one of the second; the others fill up.
  const row = [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 6, 7, 8, 9, 10, 11];
  const loads = createLoads([[[800, ...new Array<number>(11).fill(0)]]]);
  assert.deepEqual(
    [...measureDispatchedLoads(placementOf(12, row), loads, machine)],
    [100, 100, 100, 100, 400, 0, 0, 0],
  );
});

it('two replicas on a GPU share what it brings, and get more of the rest', () => {
  const machine = createMachine({ gpus: 3, slots: 6 });
  const loads = createLoads([[[90, 0, 0, 0]]]);
  // 30 from each: the first GPU keeps its own, the second too, the third's go to three replicas.
  assert.deepEqual(
    [...measureDispatchedLoads(placementOf(4, [0, 0, 0, 1, 2, 3]), loads, machine)].map(Math.round),
    [50, 40, 0],
  );
});

it('an optimal split leaves the fullest GPU no fuller than an even one, in whatever unit loads are', () => {
  fc.assert(
    fc.property(plainCases(2), fc.constantFrom(1e-9, 0.3, 1e6), ({ loads, machine: { gpus, slots } }, unit) => {
      const machine = createMachine({ gpus, slots });
      const { placement } = placeExperts(loads, machine, { iterations: 1 });
      const even = largestOfRows(measureGpuLoads(placement, loads, machine), gpus);
      const scaled = { ...loads, counts: loads.counts.map((count) => count * unit) };
      const shared = largestOfRows(measureSharedLoads(placement, scaled, machine), gpus);
      for (const [row, load] of shared.entries()) assert.ok(load <= even[row]! * unit * (1 + 1e-6));
    }),
  );
});

it('an optimal split gives a replica what its GPU has room for', () => {
  const machine = createMachine({ gpus: 2, slots: 4 });
  const loads = createLoads([[[60, 30, 10]]]);
  const placement = placementOf(3, [0, 1, 0, 2]);
  assert.deepEqual([...measureSharedLoads(placement, loads, machine)].map(Math.round), [50, 50]);
  assert.deepEqual([...measureDispatchedLoads(placement, loads, machine)], [60, 40]);
});
