import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Placement } from '../../balance/index.js';
import { type PendingTarget, takeSwitches } from './switches.js';

const placementOf = (rows: readonly (readonly number[])[]): Placement => ({
  layers: rows.length,
  experts: 4,
  slots: rows[0].length,
  physicalToLogical: Int32Array.from(rows.flat()),
});

const here = [0, 1, 2, 3];
const there = [3, 2, 1, 0];
const layers = [2, 3, 4, 5, 6];

function run(from: readonly (readonly number[])[], gains: readonly number[], heldLayers: readonly number[][]) {
  const pending: PendingTarget = { target: placementOf(layers.map(() => there)), gains: Float32Array.from(gains) };
  let current = placementOf(from);
  const taken: number[][] = [];
  for (;;) {
    const { switches, placement } = takeSwitches({ current, pending, layers, heldLayers });
    if (switches.length === 0) return { taken, current, pending };
    taken.push(switches.map(({ layer }) => layer));
    for (const { slotToExpert } of switches) assert.deepEqual(slotToExpert, there);
    current = placement;
  }
}

it('takes one layer a pipeline rank, the largest gain first', () => {
  const { taken } = run(
    layers.map(() => here),
    [1, 5, 2, 4, 4],
    [
      [2, 3],
      [4, 5, 6],
    ],
  );
  assert.deepEqual(taken, [[3, 5], [6, 2], [4]]);
});

it('switches a layer on both ranks that hold it', () => {
  // DualPipe: both ranks hold stages of both directions.
  const { taken } = run(
    layers.map(() => here),
    [1, 5, 2, 4, 3],
    [layers, layers],
  );
  assert.deepEqual(taken, [[3], [5], [6], [4], [2]]);
});

it('leaves alone what is as it should be', () => {
  const { taken } = run([here, there, here, there, there], [1, 5, 2, 4, 3], [layers]);
  assert.deepEqual(taken, [[4], [2]]);
});

it('ends at the target, a layer once, whoever holds what, and never two layers of a rank at once', () => {
  const cases = fc.record({
    differs: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
    gains: fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 5, maxLength: 5 }),
    heldLayers: fc.array(fc.subarray(layers), { minLength: 1, maxLength: 4 }),
  });
  fc.assert(
    fc.property(cases, ({ differs, gains, heldLayers }) => {
      const from = differs.map((other) => (other ? here : there));
      const { taken, current, pending } = run(from, gains, heldLayers);
      assert.deepEqual(current, pending.target);
      const all = taken.flat();
      assert.deepEqual(
        [...all].sort((a, b) => a - b),
        layers.filter((_, index) => differs[index]),
      );
      for (const step of taken) {
        for (const held of heldLayers) assert.ok(step.filter((layer) => held.includes(layer)).length <= 1);
      }
    }),
  );
});
