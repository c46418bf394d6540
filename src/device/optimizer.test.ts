import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allocate, createArena } from './arena.js';
import { type AdamwStep, createOptimizerKernels } from './optimizer.js';

const settings = { learningRate: 3e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
/** The last one's arrays reach beyond 2 GiB, where a signed offset would be negative. */
const firstOffsets = [0, 64, 2 ** 31 - 128];

function adamwInFloat64(values: Float64Array[], step: AdamwStep): void {
  const [parameters, gradients, first, second] = values as [Float64Array, Float64Array, Float64Array, Float64Array];
  for (let i = 0; i < parameters.length; i++) {
    const gradient = gradients[i]! * step.gradientScale;
    first[i] = step.beta1 * first[i]! + (1 - step.beta1) * gradient;
    second[i] = step.beta2 * second[i]! + (1 - step.beta2) * gradient * gradient;
    const unbiased = first[i]! / (1 - step.beta1 ** step.step);
    const spread = Math.sqrt(second[i]! / (1 - step.beta2 ** step.step));
    parameters[i] = parameters[i]! * (1 - step.learningRate * step.weightDecay);
    parameters[i]! -= (step.learningRate * unbiased) / (spread + step.epsilon);
  }
}

function pseudoRandom(index: number, step: number): number {
  const wave = Math.sin(index * 12.9898 + step * 78.233) * 43758.5453;
  return (wave - Math.floor(wave)) * 2 - 1;
}

for (const firstOffset of firstOffsets) {
  for (const count of [0, 1, 3, 4, 7, 1001]) {
    test(`adamw of ${count} numbers from byte ${firstOffset} follows a float64 loop for 15 steps and zeroes the gradients`, () => {
      const arena = createArena(firstOffset + 65_536);
      arena.used = firstOffset;
      const offsets = [0, 1, 2, 3].map(() => allocate(arena, count * 4));
      const views = offsets.map((offset) => new Float32Array(arena.buffer, offset, count));
      const fence = new Float32Array(arena.buffer, allocate(arena, 4), 1).fill(5);
      const expected = offsets.map(() => new Float64Array(count));
      const [parameters, gradients, firstMoments, secondMoments] = offsets as [number, number, number, number];
      const kernels = createOptimizerKernels(arena.memory);
      for (let i = 0; i < count; i++) views[0]![i] = pseudoRandom(i, 0);
      expected[0]!.set(views[0]!);
      for (let step = 1; step <= 15; step++) {
        for (let i = 0; i < count; i++) views[1]![i] = pseudoRandom(i, step);
        expected[1]!.set(views[1]!);
        const adamwStep = { ...settings, step, gradientScale: 0.25 };
        kernels.adamw({ parameters, gradients, firstMoments, secondMoments, count }, adamwStep);
        adamwInFloat64(expected, adamwStep);
        assert.ok(views[1]!.every((gradient) => gradient === 0));
      }
      for (const [array, tolerance] of [
        [0, 1e-6],
        [2, 1e-7],
        [3, 1e-7],
      ] as const) {
        views[array]!.forEach((value, i) => {
          assert.ok(Math.abs(value - expected[array]![i]!) < tolerance, `array ${array}, number ${i}: ${value}`);
        });
      }
      assert.equal(fence[0], 5);
    });
  }
}

test('the sum of squares is exact to float64 rounding and the same for the same numbers', () => {
  const arena = createArena(65_536);
  const kernels = createOptimizerKernels(arena.memory);
  for (const count of [0, 1, 2, 5, 8, 1003]) {
    const values = new Float32Array(arena.buffer, 128, count).map((_, i) => pseudoRandom(i, count));
    new Float32Array(arena.buffer, 128, count).set(values);
    const expected = values.reduce((sum, value) => sum + value * value, 0);
    const sum = kernels.sumOfSquares(128, count);
    assert.ok(Math.abs(sum - expected) <= 1e-12 * expected);
    assert.equal(kernels.sumOfSquares(128, count), sum);
  }
});

test('the sum of squares sees one bad number anywhere', () => {
  const arena = createArena(65_536);
  const kernels = createOptimizerKernels(arena.memory);
  const values = new Float32Array(arena.buffer, 0, 7);
  for (let i = 0; i < 7; i++) {
    values.fill(1)[i] = i % 2 === 0 ? Number.NaN : Number.POSITIVE_INFINITY;
    assert.ok(!Number.isFinite(kernels.sumOfSquares(0, 7)));
  }
});

test('making kernels writes nothing into the memory', () => {
  const arena = createArena(65_536);
  new Uint8Array(arena.buffer).fill(0xab);
  createOptimizerKernels(arena.memory);
  assert.ok(new Uint8Array(arena.buffer).every((byte) => byte === 0xab));
});
