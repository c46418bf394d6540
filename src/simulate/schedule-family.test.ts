import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateSchedule, type ScheduleRequest } from '../schedule/index.js';
import { type Costs, unitCosts } from './costs.js';
import { simulate } from './simulate.js';

/** Idle time of each rank and of the whole, and the most chunks that a rank has alive. */
function measure(request: ScheduleRequest, times: Partial<Costs> = {}) {
  const { idle, makespan, peakActivations } = simulate(generateSchedule(request), { ...unitCosts, ...times });
  return { idle: Math.max(...idle), makespan, peak: Math.max(...peakActivations) };
}

test('zb-h1 has a bubble of (P - 1)(F + I - W), with the memory of 1f1b', () => {
  const cases: [number, number, number, number, number][] = [
    [8, 20, 1, 1, 1],
    [16, 64, 1, 1, 1],
    [8, 8, 2, 3, 1],
    [4, 10, 3, 3, 2],
  ];
  for (const [ranks, microbatches, forward, backwardInput, backwardWeight] of cases) {
    const { idle, peak } = measure({ name: 'zb-h1', ranks, microbatches }, { forward, backwardInput, backwardWeight });
    assert.equal(idle, (ranks - 1) * (forward + backwardInput - backwardWeight));
    assert.equal(peak, ranks);
  }
});

test('zb-v ends as soon as any schedule can where F = I = W, with the memory of 1f1b', () => {
  for (const [ranks, microbatches] of [
    [1, 1],
    [2, 3],
    [4, 7],
    [4, 10],
    [8, 20],
    [16, 64],
  ] as const) {
    const { makespan, peak } = measure({ name: 'zb-v', ranks, microbatches });
    // The last rank cannot begin before the first microbatch has come to it.
    assert.equal(makespan, ranks - 1 + 6 * microbatches);
    assert.ok(peak <= 2 * ranks);
  }
});

test('interleaved divides the bubble of 1f1b by its stages a rank where the microbatches divide by the ranks', () => {
  for (const [ranks, microbatches, stagesPerRank] of [
    [4, 8, 2],
    [8, 16, 2],
    [4, 12, 3],
    [4, 12, 4],
  ] as const) {
    const { idle, peak } = measure({ name: 'interleaved', ranks, microbatches, stagesPerRank });
    // In units of a stage's forward, which is 1 / stagesPerRank of a rank's.
    assert.equal(idle, 3 * (ranks - 1));
    assert.equal(peak, stagesPerRank * ranks + ranks - 1);
  }
});
