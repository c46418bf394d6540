import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StepMetrics } from '../formats/index.js';
import { summarizeBalance } from './balance-summary.js';

/** A step of two expert ranks that do `loads` rows at 1 ms of computing a row; the placement of the start would give 30 and 10. */
function createStep(step: number, loads: readonly number[], more: Partial<StepMetrics> = {}): StepMetrics {
  const zeros = loads.map(() => 0);
  return {
    step,
    loss: 1,
    gradNorm: 1,
    learningRate: 1,
    tokens: 20,
    seconds: 2,
    tokensPerSecond: 10,
    computeSeconds: zeros,
    communicationSeconds: zeros,
    exposedCommunicationSeconds: zeros,
    idleSeconds: zeros,
    balancedness: 0.25,
    rankBalancedness: 1,
    rankLoads: loads,
    unmovedRankLoads: [30, 10],
    computeCpuSeconds: loads.map((rows) => 0.01 + rows / 1000),
    // Of which the thread had a core for half.
    expertSeconds: loads.map((rows) => rows / 500),
    expertCpuSeconds: loads.map((rows) => rows / 1000),
    moves: 0,
    ...more,
  };
}

const decision = {
  after: 0,
  moveCost: '',
  expertBalancedness: 0.3,
  loadVariation: 0.1,
  gainSeconds: 1,
  costSeconds: 0,
  balancednessBefore: 0.7,
  balancednessAfter: 0.9,
  moves: 2,
  bytes: 100,
  reason: 'it pays',
};
const migration = { moves: 2, bytes: 100, seconds: 0.5, exposedSeconds: 0.05 };

/** 20 steps; replicas move at the end of steps 5 and 12. */
const steps = Array.from({ length: 20 }, (_, index) => {
  const step = index + 1;
  if (step === 5) return createStep(step, [30, 10], { moves: 2, decision, migration });
  if (step === 8) return createStep(step, [24, 16], { decision: { ...decision, moves: 0, bytes: 0 } });
  if (step === 12) return createStep(step, [24, 16], { moves: 1, decision, migration: { ...migration, bytes: 50 } });
  return createStep(step, step < 5 ? [30, 10] : step < 12 ? [24, 16] : [21, 19]);
});

describe('the summary of how evenly ranks worked', () => {
  const summary = summarizeBalance(steps, 2);

  it('compares the first and the last tenth of the run', () => {
    assert.deepEqual(summary.rankImbalance, { start: 1.5, end: 1.05 });
    const { start, end } = summary.computingImbalance ?? assert.fail();
    assert.ok(Math.abs(start - 40 / 30) < 1e-12 && Math.abs(end - 31 / 30) < 1e-12, `${start} ${end}`);
    assert.deepEqual(summary.expertImbalance, { start: 4, end: 4 });
  });

  it('tells nothing of computing time unless every step does', () => {
    const { computeCpuSeconds: _, ...untimed } = steps[3];
    assert.equal(summarizeBalance([...steps, untimed], 2).computingImbalance, undefined);
  });

  it('maps the loads of each rank over its steps, and when replicas moved', () => {
    const { loads, moved, ...rest } = summary.loadMap;
    assert.deepEqual(rest, { firstStep: 1, lastStep: 20, stepsPerColumn: 1 });
    assert.deepEqual(
      loads.map((row) => [row[0], row[7], row[19]]),
      [
        [1.5, 1.2, 1.05],
        [0.5, 0.8, 0.95],
      ],
    );
    assert.deepEqual(
      moved.flatMap((one, column) => (one ? [column] : [])),
      [4, 11],
    );
  });

  it('adds up what replicas cost', () => {
    const { computedGainSeconds: _, secondsPerRow, ...replicas } = summary.replicas ?? assert.fail();
    const expected = { decisions: 3, decisionsThatMove: 2, moves: 3, bytes: 150 };
    assert.deepEqual(replicas, { ...expected, exposedSeconds: 0.1, exposedShare: 0.1 / 40 });
    assert.ok(Math.abs(secondsPerRow - 0.001) < 1e-12, `${secondsPerRow} s a row`);
  });

  it("computes the gain from the slowest rank's rows after the first move", () => {
    const gain = summary.replicas?.computedGainSeconds ?? NaN;
    // 7 steps of 24 rows and 8 of 21 instead of 30.
    assert.ok(Math.abs(gain - (7 * 6 + 8 * 9) * 0.001) < 1e-12, `${gain} s`);
  });

  it('knows no gain where the steps do not say what the first placement would have given', () => {
    const { unmovedRankLoads: _, ...step } = steps[10];
    assert.equal(summarizeBalance([...steps, step], 2).replicas?.computedGainSeconds, undefined);
  });

  it('says nothing of replicas of a run without decisions', () => {
    assert.equal(summarizeBalance(steps.slice(0, 4), 2).replicas, undefined);
  });
});

describe('the map of loads', () => {
  it('has steps together in a column, with the mean of their loads', () => {
    const many = Array.from({ length: 130 }, (_, index) =>
      createStep(11 + index, index === 0 ? [4, 0] : index === 1 ? [4, 4] : [0, 4], { moves: index === 129 ? 1 : 0 }),
    );
    const { loads, moved, ...rest } = summarizeBalance(many, 2).loadMap;
    assert.deepEqual(rest, { firstStep: 11, lastStep: 140, stepsPerColumn: 3 });
    assert.equal(loads[0].length, 44);
    assert.deepEqual([loads[0][0], loads[1][0]], [1, 1]);
    assert.deepEqual([loads[0][43], loads[1][43], moved.indexOf(true)], [0, 2, 43]);
  });

  it('has the ranks of each pipeline rank on a mean of their own', () => {
    const { loads } = summarizeBalance([createStep(1, [3, 1, 40, 40])], 2).loadMap;
    assert.deepEqual(loads, [[1.5], [0.5], [1], [1]]);
  });
});
