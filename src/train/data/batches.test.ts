import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../../base/index.js';
import { fillMicrobatch, placeValidationWindows, sampleSequences, type TokenRange } from './batches.js';

const oneKind = (tokens: number) => ({ kinds: [{ start: 0, end: tokens }], blockSteps: 0 });
const request = { seed: 1, step: 3, count: 32, sequenceLength: 128, ...oneKind(10_000) };

test('a step draws the same sequences whenever it is drawn, and other steps and seeds draw others', () => {
  const offsets = sampleSequences(request);
  assert.deepEqual(sampleSequences(request), offsets);
  assert.notDeepEqual(sampleSequences({ ...request, step: 4 }), offsets);
  assert.notDeepEqual(sampleSequences({ ...request, seed: 2 }), offsets);
});

test('a sequence does not depend on how many others there are', () => {
  assert.deepEqual(sampleSequences({ ...request, count: 8 }), sampleSequences(request).slice(0, 8));
});

test('the sequences of a seed do not change between versions', () => {
  assert.deepEqual(sampleSequences({ ...request, count: 4 }), [1751, 8018, 8091, 590]);
});

test('every sequence and its next token lie within the tokens, and every start can be drawn', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 50 }),
      fc.nat(),
      (sequenceLength, room, seed) => {
        const tokens = sequenceLength + room;
        const offsets = sampleSequences({ seed, step: 0, count: 20, sequenceLength, ...oneKind(tokens) });
        return offsets.every((offset) => Number.isInteger(offset) && offset >= 0 && offset + sequenceLength < tokens);
      },
    ),
  );
  const drawn = new Set(sampleSequences({ ...request, count: 200, ...oneKind(132) }));
  assert.deepEqual(
    [...drawn].sort((a, b) => a - b),
    [0, 1, 2, 3],
  );
});

test('in a block all sequences lie within one kind of text, and the kinds take turns', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 50 }), (rooms, blockSteps, step) => {
      const sequenceLength = 8;
      const kinds: TokenRange[] = [];
      for (const room of rooms) {
        const start = kinds.at(-1)?.end ?? 0;
        kinds.push({ start, end: start + sequenceLength + room });
      }
      const offsets = sampleSequences({ seed: 1, step, count: 20, sequenceLength, kinds, blockSteps });
      const turns = Array.from({ length: 50 }, (_, i) => kinds[Math.floor(i / blockSteps) % kinds.length]);
      const kind = turns[step - 1];
      return offsets.every((offset) => offset >= kind.start && offset + sequenceLength < kind.end);
    }),
  );
});

test('without blocks every kind of text is drawn from in one step', () => {
  const kinds = [0, 1, 2].map((kind) => ({ start: 1000 * kind, end: 1000 * (kind + 1) }));
  const drawn = sampleSequences({ ...request, kinds, blockSteps: 0 });
  assert.deepEqual(drawn, sampleSequences({ ...request, ...oneKind(3000) }));
  assert.deepEqual(new Set(drawn.map((offset) => Math.floor(offset / 1000))), new Set([0, 1, 2]));
});

test('a kind of text that is too short for a sequence is refused', () => {
  const kinds = [
    { start: 0, end: 1000 },
    { start: 1000, end: 1128 },
  ];
  assert.throws(() => sampleSequences({ ...request, step: 2, kinds, blockSteps: 1 }), /128 tokens are too few/);
});

test('validation windows do not overlap, lie within the tokens and reach to their end', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 1, max: 64 }),
      (sequenceLength, room, count) => {
        const tokens = sequenceLength + room;
        const offsets = placeValidationWindows({ count, sequenceLength, tokens });
        const available = Math.floor((tokens - 1) / sequenceLength);
        assert.equal(offsets.length, Math.min(count, available));
        const gaps = offsets.slice(1).map((offset, i) => offset - offsets[i]!);
        assert.ok(gaps.every((gap) => gap >= sequenceLength));
        assert.ok(gaps.length === 0 || Math.max(...gaps) - Math.min(...gaps) <= sequenceLength, 'evenly spaced');
        assert.ok(offsets.at(-1)! + sequenceLength < tokens);
      },
    ),
  );
});

test('a microbatch holds the tokens of its sequences and the token that follows each', () => {
  const tokens = Int32Array.from({ length: 20 }, (_, i) => i * 10);
  const inputs = new Int32Array(new SharedArrayBuffer(6 * 4));
  const targets = new Int32Array(6);
  fillMicrobatch({ tokens, offsets: [16, 0], sequenceLength: 3, inputs, targets });
  assert.deepEqual([...inputs], [160, 170, 180, 0, 10, 20]);
  assert.deepEqual([...targets], [170, 180, 190, 10, 20, 30]);
});

test('sequences beyond the tokens, arrays of another size and too few tokens are refused', () => {
  const call = {
    tokens: new Int32Array(20),
    offsets: [0, 5],
    sequenceLength: 3,
    inputs: new Int32Array(6),
    targets: new Int32Array(6),
  };
  for (const change of [
    { offsets: [0, 17] },
    { offsets: [-1, 0] },
    { offsets: [0.5, 1] },
    { inputs: new Int32Array(7) },
    { targets: new Int32Array(0) },
  ]) {
    assert.throws(() => fillMicrobatch({ ...call, ...change }), InputError);
  }
  assert.throws(() => sampleSequences({ ...request, ...oneKind(128) }), /128 tokens are too few/);
  assert.throws(() => placeValidationWindows({ count: 1, sequenceLength: 8, tokens: 8 }), InputError);
});
