import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BalanceSummary } from '../train/index.js';
import { formatBalance } from './train-balance.js';

const summary: BalanceSummary = {
  rankImbalance: { start: 1.43, end: 1.05 },
  computingImbalance: { start: 1.31, end: 1.04 },
  expertImbalance: { start: 3.1, end: 2.9 },
  loadMap: {
    firstStep: 1,
    lastStep: 40,
    stepsPerColumn: 10,
    loads: [
      [1.43, 1.4, 1.05, 1.05],
      [0.57, 0.6, 0.95, 0.95],
    ],
    moved: [false, true, false, false],
  },
  replicas: {
    decisions: 10,
    decisionsThatMove: 6,
    moves: 14,
    bytes: 5_767_168,
    exposedSeconds: 0.12,
    exposedShare: 0.001,
    computedGainSeconds: 12.3,
    secondsPerRow: 1.2e-6,
  },
};

describe('the summary of balance, for a person', () => {
  it('is a map of the loads and sentences', () => {
    assert.deepEqual(formatBalance(summary, 80).split('\n'), [
      "load of each rank over the run, in rows over the ranks' mean",
      '       steps 1-40, 10 a column  max',
      'rank 0 ▇▇▇▇▅▅▅▅                1.43',
      'rank 1 ▁▁▁▁▄▄▄▄                0.95',
      'moved    ^',
      '',
      '▁ under 0.70x  ▂ 0.70-0.85x  ▃ 0.85-0.95x  ▄ 0.95-1.05x  ▅ 1.05-1.15x',
      '▆ 1.15-1.30x  ▇ 1.30-1.50x  █ over 1.50x  · none',
      'load over the mean of the ranks that share experts: 1.00x is even; here from',
      "0.57x to 1.43x; max: the rank's largest",
      '^ replicas moved',
      '',
      'slowest rank 1.43x the mean work at the start, 1.05x at the end (rows of its experts); computing time 1.31x -> 1.04x',
      'experts themselves: most used 3.10x the mean at the start, 2.90x at the end',
      'moved 14 replicas (5.50 MiB) in 6 of 10 decisions; 120 ms exposed, 0.1% of the run',
      "gain, computed and not measured: 12.3 s of the slowest rank's computing, against the placement at the start, from each step's counts at 1.20 µs a row",
    ]);
  });

  it('says only what is known', () => {
    const { computingImbalance: _, replicas: __, loadMap, ...rest } = summary;
    const text = formatBalance({ ...rest, loadMap: { ...loadMap, moved: loadMap.moved.map(() => false) } }, 80);
    assert.match(text, /at the end \(rows of its experts\)$/m);
    assert.doesNotMatch(text, /computing time|moved|gain/);
  });

  it('says that nothing moved', () => {
    const replicas = { decisions: 1, decisionsThatMove: 0, moves: 0, bytes: 0, exposedSeconds: 0, exposedShare: 0 };
    const text = formatBalance({ ...summary, replicas: { ...replicas, secondsPerRow: 1e-6 } }, 80);
    assert.match(text, /^moved no replicas in 0 of 1 decision; /m);
    assert.doesNotMatch(text, /gain/);
  });
});
