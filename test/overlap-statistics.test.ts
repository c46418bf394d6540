import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

/** What is used of `scripts/overlap-statistics.mjs`. */
interface Statistics {
  summarizeRuns(name: string, runs: readonly (readonly object[])[]): Summary;
  compareVariants(first: Summary, second: Summary, linkSeconds: number): Record<string, number>;
  lossDifference(one: readonly { loss: number }[], other: readonly { loss: number }[]): number;
}

interface Summary {
  readonly stepSeconds: { readonly median: number; readonly min: number; readonly max: number };
  readonly roundSeconds: readonly number[];
  readonly computeSeconds: readonly number[];
  readonly utilisation: number;
}

const statistics = (await import(new URL('../../scripts/overlap-statistics.mjs', import.meta.url).href)) as Statistics;

const step = (seconds: number, ...computeSeconds: number[]) => ({
  seconds,
  computeSeconds,
  communicationSeconds: [1, 1],
  exposedCommunicationSeconds: [1, 1],
  idleSeconds: [0, 0],
});

const plain = statistics.summarizeRuns('plain', [[step(4, 2, 2), step(5, 2, 3)], [step(4, 2, 2)]]);
const overlapped = statistics.summarizeRuns('overlapped', [[step(2.5, 2, 2.25)], [step(3, 2, 2.25)]]);

describe("the overlap benchmark's figures", () => {
  it('takes medians over the steps of all rounds, and utilisation over all ranks', () => {
    assert.deepEqual(plain.stepSeconds, { median: 4, min: 4, max: 5 });
    assert.deepEqual(plain.roundSeconds, [4.5, 4]);
    assert.deepEqual(plain.computeSeconds, [2, 2]);
    assert.equal(plain.utilisation, 0.5);
  });

  it('holds a step against the longer of the busiest rank and the link', () => {
    const { saving, stepOverLongerLane, longerLaneSeconds } = statistics.compareVariants(plain, overlapped, 2);
    assert.equal(saving, 1 - 2.75 / 4);
    assert.equal(longerLaneSeconds, 2.25);
    assert.equal(stepOverLongerLane, 2.75 / 2.25);
    assert.equal(statistics.compareVariants(plain, overlapped, 2.5).longerLaneSeconds, 2.5);
  });

  it('finds the largest relative difference of losses', () => {
    assert.equal(statistics.lossDifference([{ loss: 2 }, { loss: 4 }], [{ loss: 2 }, { loss: 5 }]), 0.25);
    assert.ok(Number.isNaN(statistics.lossDifference([{ loss: 2 }], [{ loss: Number.NaN }])));
  });
});
