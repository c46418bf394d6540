import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes, formatCount, formatPercent, formatRate, formatSeconds } from './units.js';

test('seconds are written in the unit that fits', () => {
  const cases: [number, string][] = [
    [0, '0 s'],
    [3.4e-8, '34.0 ns'],
    [0.00034, '340 µs'],
    [0.0123, '12.3 ms'],
    [0.99999, '1.00 s'],
    [1.234, '1.23 s'],
    [59.6, '1 min 00 s'],
    [200, '3 min 20 s'],
    [7500, '2 h 05 min'],
    [3599.9, '1 h 00 min'],
    [-2, '-2.00 s'],
  ];
  for (const [seconds, text] of cases) assert.equal(formatSeconds(seconds), text);
});

test('bytes are written in powers of 1024', () => {
  assert.equal(formatBytes(512), '512 B');
  assert.equal(formatBytes(1.5 * 1024 ** 2), '1.50 MiB');
  assert.equal(formatBytes(1024 ** 3 - 1), '1.00 GiB');
});

test('counts are written in powers of 1000', () => {
  assert.equal(formatCount(950), '950');
  assert.equal(formatCount(8192), '8.192 k');
  assert.equal(formatCount(18_960_000), '18.96 M');
  assert.equal(formatCount(671e9), '671.0 B');
});

test('shares are written in percent', () => {
  assert.equal(formatPercent(0.12345), '12.3%');
  assert.equal(formatPercent(0.12345, 2), '12.35%');
  assert.equal(formatPercent(1), '100.0%');
});

test('rates carry their unit', () => {
  assert.equal(formatRate(2788, 'tokens'), '2788 tokens/s');
  assert.equal(formatRate(2.34567, 'steps'), '2.35 steps/s');
  assert.equal(formatRate(1.5e6, 'tokens'), '1.500 M tokens/s');
  assert.equal(formatRate(94.1e9, 'FLOP'), '94.1 GFLOP/s');
  assert.equal(formatRate(12, 'FLOP'), '12 FLOP/s');
});
