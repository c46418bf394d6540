import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { createLoads } from './loads.js';
import { createMachine } from './machine.js';
import {
  countDuplicateSlots,
  countReplicas,
  largestOfRows,
  measureBalancedness,
  measureEvenLoads,
  measureGpuLoads,
} from './measure.js';
import { isNear } from './test-cases.js';

/** Two layers of three experts on two GPUs of two slots. */
const placement = { layers: 2, experts: 3, slots: 4, physicalToLogical: Int32Array.of(0, 1, 0, 2, 0, 1, 2, 2) };
const loads = createLoads([
  [
    [4, 1, 3],
    [2, 2, 4],
  ],
  [
    [0, 6, 0],
    [0, 0, 0],
  ],
]);

it('a GPU gets of each expert what one replica takes', () => {
  const machine = createMachine({ gpus: 2, slots: 4 });
  assert.deepEqual([...measureGpuLoads(placement, loads, machine)], [3, 5, 4, 4, 6, 0, 0, 0]);
  assert.deepEqual([...measureEvenLoads(loads, machine)], [4, 4, 3, 0]);
  assert.deepEqual([...countReplicas(placement)], [2, 1, 1, 1, 1, 2]);
  assert.equal(countDuplicateSlots(placement, machine), 1);
});

it('a fast GPU has less load, and one that is left out has none', () => {
  const machine = createMachine({ gpus: 3, slots: [2, 2, 1], speeds: [2, 1, 5], excludedGpus: [2] });
  const wide = { ...placement, slots: 5, physicalToLogical: Int32Array.of(0, 1, 0, 2, -1, 0, 1, 2, 2, -1) };
  assert.deepEqual([...measureGpuLoads(wide, loads, machine).subarray(0, 6)], [1.5, 5, 0, 2, 4, 0]);
  assert.deepEqual([...measureEvenLoads(loads, machine)], [8 / 3, 8 / 3, 2, 0]);
  assert.deepEqual([...countReplicas(wide)], [2, 1, 1, 1, 1, 2]);
  assert.equal(countDuplicateSlots(wide, machine), 1);
});

it('empty slots are no duplicates of each other', () => {
  const empty = { layers: 1, experts: 1, slots: 4, physicalToLogical: Int32Array.of(0, -1, -1, -1) };
  assert.equal(countDuplicateSlots(empty, createMachine({ gpus: 2, slots: 4 })), 0);
});

it('the measures of engines are each as it is defined', () => {
  const gpuLoads = Float64Array.of(3, 5, 4, 4, 6, 0, 2, 2);
  const evenLoads = Float64Array.of(4, 4, 3, 2);
  const found = measureBalancedness(gpuLoads, evenLoads, { windows: 2, gpus: 2 });
  assert.ok(isNear(found.ratioOfSums, 13 / 17));
  assert.ok(isNear(found.meanOfRatios, (4.00001 / 5.00001 + 1 + 3.00001 / 6.00001 + 1) / 4));
  assert.ok(isNear(found.imbalance, (1 / 4 + 0 + 1 + 0) / 4));
  // Windows: 8 of 9, and 5 of 8.
  assert.ok(isNear(found.p50, 5 / 8));
  assert.ok(isNear(found.p99, 5 / 8));
});

it('the middle window and the one that 99% are as good as are found by their ratio of sums', () => {
  const windows = 201;
  // Window w has a ratio of (w + 1) / 201, in a shuffled order.
  const gpuLoads = new Float64Array(2 * windows);
  const evenLoads = new Float64Array(windows);
  for (let i = 0; i < windows; i++) {
    const window = (i * 100) % windows;
    gpuLoads[2 * window] = windows;
    evenLoads[window] = i + 1;
  }
  const { p50, p99 } = measureBalancedness(gpuLoads, evenLoads, { windows, gpus: 2 });
  assert.ok(isNear(p50, 101 / 201));
  assert.ok(isNear(p99, 3 / 201));
});

it('no tokens at all are even', () => {
  const none = measureBalancedness(new Float64Array(4), new Float64Array(2), { windows: 2, gpus: 2 });
  assert.deepEqual(none, { ratioOfSums: 1, meanOfRatios: 1, p50: 1, p99: 1, imbalance: 0 });
});

it('measures are 1 (an imbalance of 0) exactly when all GPUs are even, and else below (above)', () => {
  const rows = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })), { minLength: 1 });
  fc.assert(
    fc.property(rows, (list) => {
      const even = Float64Array.from(list, ([a, b]) => (a + b) / 2);
      const found = measureBalancedness(Float64Array.from(list.flat()), even, { windows: list.length, gpus: 2 });
      const isEven = list.every(([a, b]) => a === b);
      assert.equal(found.ratioOfSums === 1, isEven);
      assert.equal(found.imbalance === 0, isEven);
      assert.ok(found.ratioOfSums <= 1 && found.meanOfRatios <= 1 && found.imbalance >= 0);
      assert.ok(found.p99 <= found.p50);
    }),
  );
});

it('the largest of rows is that of each', () => {
  assert.deepEqual([...largestOfRows(Float64Array.of(1, 5, 2, 0, 0, 0), 3)], [5, 0]);
});
