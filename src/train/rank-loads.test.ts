import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Placement, placeInOrder } from '../balance/index.js';
import { measureRankBalancedness, predictRankLoads, sumRankLoads } from './rank-loads.js';

type ByLayer<Value> = Readonly<Record<number, Value>>;

const byLayer = <Value>(values: ByLayer<Value>) =>
  new Map(Object.entries(values).map(([layer, value]) => [Number(layer), value]));

/** What a rank says of its experts' rows and, of all ranks together, of the experts' tokens. */
function report(rows: ByLayer<number>, counts: ByLayer<readonly number[]> = {}) {
  return { expertRows: byLayer(rows), expertCounts: byLayer(counts) };
}

describe('the balancedness of ranks', () => {
  it('is the mean over the largest of each layer, since layers wait for their slowest rank one by one', () => {
    const reports = [report({ 1: 30, 2: 10 }), report({ 1: 10, 2: 30 })];
    assert.deepEqual(sumRankLoads(reports), [40, 40]);
    assert.equal(measureRankBalancedness(reports, 2), (20 + 20) / (30 + 30));
  });

  it('takes the copies of a layer on several pipeline ranks apart', () => {
    const reports = [report({ 1: 3 }), report({ 1: 1 }), report({ 1: 1 }), report({ 1: 3 })];
    assert.equal(measureRankBalancedness(reports, 2), (2 + 2) / (3 + 3));
  });

  it('is 1 without experts', () => {
    assert.equal(measureRankBalancedness([report({}), report({})], 2), 1);
  });
});

describe('the loads of ranks with another placement', () => {
  it('are the loads that they have, where it is the one in force', () => {
    const counts = { 3: [5, 1, 2, 8], 4: [4, 4, 4, 0] };
    const reports = [report({ 3: 6, 4: 8 }, counts), report({ 3: 10, 4: 4 }, counts)];
    const placement = placeInOrder({ layers: 2, experts: 4, slots: 4 });
    assert.deepEqual(predictRankLoads(reports, placement, { firstLayer: 3, expert: 2 }), [14, 14]);
  });

  it('share tokens evenly between replicas, and the rows of a layer as its pipeline ranks had them', () => {
    const placement: Placement = { layers: 1, experts: 2, slots: 4, physicalToLogical: Int32Array.of(0, 0, 0, 1) };
    // 30 rows on the first copy of the layer and 10 on the second.
    const reports = [20, 10, 4, 6].map((rows) => report({ 1: rows }, { 1: [30, 10] }));
    assert.deepEqual(predictRankLoads(reports, placement, { firstLayer: 1, expert: 2 }), [15, 15, 5, 5]);
  });

  it('are 0 on ranks without experts', () => {
    const counts = { 1: [30, 10] };
    const reports = [report({}), report({}), report({ 1: 30 }, counts), report({ 1: 10 }, counts)];
    const placement = placeInOrder({ layers: 1, experts: 2, slots: 2 });
    assert.deepEqual(predictRankLoads(reports, placement, { firstLayer: 1, expert: 2 }), [0, 0, 30, 10]);
  });
});
