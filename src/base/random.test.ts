import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InputError } from './errors.js';
import { createRandom, philox } from './random.js';

test('Philox gives the known answers of the Random123 library', () => {
  const cases: readonly [number[], [number, number], number[]][] = [
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ];
  for (const [counter, key, expected] of cases) {
    const words = Uint32Array.from(counter);
    philox(words, key);
    assert.deepEqual([...words], expected);
  }
});

test('the same seed and labels give the same numbers, others give others', () => {
  const draw = (seed: number, ...labels: (string | number)[]) => {
    const random = createRandom(seed, ...labels);
    return Array.from({ length: 8 }, () => random.uniform());
  };
  assert.deepEqual(draw(1, 'parameter', 'a'), draw(1, 'parameter', 'a'));
  const streams = [
    draw(1),
    draw(2),
    draw(1, 'a'),
    draw(1, 'b'),
    draw(1, 'a', 'b'),
    draw(1, 'ab'),
    draw(1, 1),
    draw(1, '1'),
  ];
  assert.equal(new Set(streams.map(String)).size, streams.length);
});

test('the numbers of a stream do not change between versions', () => {
  const random = createRandom(7, 'pinned');
  assert.deepEqual(
    [random.uniform(), random.uniform(), random.normal(), random.integer(1000)],
    [0.9778481196458355, 0.18190843605558926, -0.3555306738249064, 485],
  );
});

test('uniform numbers lie in [0, 1) and fill it evenly', () => {
  const random = createRandom(3);
  const bins = new Array<number>(16).fill(0);
  for (let i = 0; i < 64_000; i++) {
    const value = random.uniform();
    assert.ok(value >= 0 && value < 1);
    bins[Math.floor(value * 16)]! += 1;
  }
  for (const count of bins) assert.ok(Math.abs(count - 4000) < 320, `a bin holds ${count}`);
});

test('normal numbers have the moments of the normal distribution', () => {
  const random = createRandom(4);
  const values = Array.from({ length: 100_000 }, () => random.normal());
  const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / values.length;
  assert.ok(Math.abs(moment(1)) < 0.015);
  assert.ok(Math.abs(moment(2) - 1) < 0.02);
  assert.ok(Math.abs(moment(3)) < 0.05);
  assert.ok(Math.abs(moment(4) - 3) < 0.12);
});

test('integers lie below their bound', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 2 ** 40 }), (seed, below) => {
      const value = createRandom(seed).integer(below);
      return Number.isInteger(value) && value >= 0 && value < below;
    }),
  );
  for (const below of [0, -1, 1.5, Number.NaN]) assert.throws(() => createRandom(1).integer(below), InputError);
});
