import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRandom, type Random } from '../../base/index.js';
import { estimateAhead, estimateRatio, quantileOfT, type RatioSample } from './estimate.js';

function sampleOf(
  numerators: readonly number[],
  denominators: readonly number[],
  parts?: readonly number[],
): RatioSample {
  const windows = numerators.map((_, window) => window);
  return {
    windows,
    parts: parts ?? windows,
    numerators: Float64Array.from(numerators),
    denominators: Float64Array.from(denominators),
  };
}

/** Windows of `parts` placements whose ratios differ by `among`, and windows by `within`. */
function draw(random: Random, parts: number, windowsOfPart: number, among: number, within: number): RatioSample {
  const ratios = Array.from({ length: parts }, () => 0.8 + among * random.normal());
  const part = Array.from({ length: parts * windowsOfPart }, (_, window) => window % parts);
  const below = part.map(() => 100 + 10 * random.uniform());
  const above = part.map((one, window) => below[window] * (ratios[one] + within * random.normal()));
  return sampleOf(above, below, part);
}

describe('the estimate of a ratio', () => {
  it('is the ratio of sums, without a spread where all windows agree', () => {
    assert.deepEqual(estimateRatio(sampleOf([1, 2, 3], [2, 4, 6])), { value: 0.5, spread: 0 });
    assert.deepEqual(estimateRatio(sampleOf([0, 0], [0, 0])), { value: 1, spread: 0 });
    assert.equal(estimateRatio(sampleOf([1], [2])).spread, Number.POSITIVE_INFINITY);
  });

  it('has the standard error of a mean times Student where denominators are equal', () => {
    const { value, spread } = estimateRatio(sampleOf([1, 2, 3, 4], [10, 10, 10, 10]));
    assert.ok(Math.abs(value - 0.25) < 1e-12);
    // Deviations of 0.15, 0.05, 0.05 and 0.15 from 0.25.
    const error = Math.sqrt((2 * 0.15 ** 2 + 2 * 0.05 ** 2) / 3 / 4);
    assert.ok(Math.abs(spread - 3.182 * error) < 1e-12);
  });

  it('holds what another placement of the same kind comes to, 19 of 20 times', () => {
    const random = createRandom(1, 'estimate test');
    for (const [among, within] of [
      [0, 0.05],
      [0.02, 0.02],
      [0.03, 0.005],
    ]) {
      let held = 0;
      for (let trial = 0; trial < 400; trial++) {
        const { value, spread } = estimateRatio(draw(random, 6, 4, among, within));
        if (Math.abs(value - (0.8 + among * random.normal())) <= spread) held += 1;
      }
      assert.ok(held >= 360, `${held} of 400 with ${among} among and ${within} within parts`);
    }
  });

  it('of loads that drift is that of later windows, with a spread that reaches back to all of them', () => {
    const turns = sampleOf([1, 1, 2, 2, 3, 3], [10, 10, 10, 10, 10, 10]);
    const ahead = sampleOf([3, 3], [10, 10]);
    const { value, spread } = estimateAhead(turns, ahead);
    assert.equal(value, 0.3);
    assert.ok(spread > 0.3 - estimateRatio(turns).value);
    assert.deepEqual(estimateAhead(turns, undefined), estimateRatio(turns));
  });
});

it("Student's quantiles are those of tables", () => {
  const known = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
  for (const [index, quantile] of known.entries()) assert.ok(Math.abs(quantileOfT(index + 1) - quantile) < 1e-3);
  assert.ok(Math.abs(quantileOfT(30) - 2.0423) < 1e-3);
  assert.ok(Math.abs(quantileOfT(1e6) - 1.96) < 1e-3);
});
