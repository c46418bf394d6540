import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fitCalibration } from './fit-calibration.js';
import type { Plan } from './layout.js';
import { searchLayouts } from './search-layouts.js';
import { createStageTimer } from './stage-times.js';
import { exampleBasis, exampleRun } from './test-example.js';

const basis = exampleBasis((path) => readFileSync(path, 'utf8'));
const run = exampleRun((path) => readFileSync(path, 'utf8'));
const plain = searchLayouts(basis, run).plans[0] as Plan;
const calibration = fitCalibration({ ...basis, run, where: 'test' });
const fitted = searchLayouts({ ...basis, calibration }, run).plans[0] as Plan;
const published = { step: 19.926, bubble: 2.06 };

test('the profile gives back the pair that it was taken from: 129.0 ms for 4 layers of experts', () => {
  const setting = {
    tokens: 4096,
    sequenceLength: 4096,
    expert: 64,
    recomputation: 'selective',
    communicationSms: 20,
  } as const;
  const stage = ['moe', 'moe', 'moe', 'moe'] as const;
  const { seconds } = createStageTimer(basis, setting).pair(stage, stage);
  assert.ok(Math.abs(seconds / 0.129012 - 1) < 0.03, `${seconds}`);
});

test('kernels of the profile reach a part of the peak, and exchanges beside computation are slower than alone', () => {
  const { attention, experts, slowdown } = basis.efficiencies;
  for (const share of [...Object.values(attention), ...Object.values(experts)]) assert.ok(share > 0.2 && share < 1);
  for (const kind of Object.values(slowdown)) for (const factor of Object.values(kind)) assert.ok(factor > 1);
});

test('from first principles the step of DeepSeek-V3 is predicted within 10%', () => {
  assert.ok(Math.abs(plain.stepSeconds / published.step - 1) < 0.1, `${plain.stepSeconds}`);
});

test('calibrated to the parts of the measured step, the step as a whole is predicted within 5%', () => {
  assert.ok(Math.abs(fitted.stepSeconds / published.step - 1) < 0.05, `${fitted.stepSeconds}`);
});

test('the calibration fits the five parts, and leaves the bubble to the simulation', () => {
  const { forward, backward, backwardWeight, overlapped, reduce, optimizer } = fitted.breakdown;
  const parts = [forward, backward, backwardWeight, overlapped, reduce + optimizer];
  const measured = [
    run.forwardSeconds,
    run.backwardSeconds,
    run.weightSeconds,
    run.overlappedSeconds,
    run.optimizerSeconds,
  ];
  for (const [index, seconds] of measured.entries()) assert.ok(Math.abs((parts[index] as number) / seconds - 1) < 1e-9);
  const bubble = fitted.bubbleFraction * fitted.stepSeconds;
  assert.ok(Math.abs(bubble - published.bubble) > 0.1 && bubble > 1 && bubble < 4, `${bubble}`);
});

test('where the time goes sums to the step', () => {
  for (const { breakdown, stepSeconds } of [plain, fitted]) {
    const sum = Object.values(breakdown).reduce((total, seconds) => total + seconds, 0);
    assert.ok(Math.abs(sum / stepSeconds - 1) < 1e-9);
  }
});

test('the layout that was used fits into the memory of an H800, with two copies of the parameters', () => {
  const { memoryGib } = basis.cluster.gpu;
  assert.equal(plain.peakMemoryBytes.length, 16);
  assert.ok(Math.max(...plain.peakMemoryBytes) < memoryGib * 2 ** 30);
  const single = searchLayouts(basis, { ...run, schedule: '1f1b' }).plans[0] as Plan;
  assert.ok(Math.abs(plain.memory.parameters / single.memory.parameters - 2) < 0.3);
});

test('the calibration is the same for fewer servers of the kind', () => {
  const cluster = { ...basis.cluster, nodes: { ...basis.cluster.nodes, count: 64 } };
  assert.deepEqual(fitCalibration({ ...basis, cluster, run, where: 'test' }), calibration);
});
