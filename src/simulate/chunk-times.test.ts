import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../base/index.js';
import { issueEarly, mergeSegments } from '../schedule/index.js';
import { type TimedSegment, timeSegments } from './index.js';

/** `attention(F)` and the like, of one layer, in the order of a chunk. */
const forwardParts = ['attention', 'dispatch', 'experts', 'combine'] as const;

function segment(
  name: string,
  phase: TimedSegment['phase'],
  { layer = 0, time = 1 }: { layer?: number; time?: number } = {},
): TimedSegment {
  const lane = name === 'dispatch' || name === 'combine' ? 'communication' : 'compute';
  return { name, phase, layer, lane, chunk: phase === 'forward' ? 0 : 1, time };
}

/** An overlapped pair of `layers` MoE layers; `times` has ten durations a layer. */
function createPair(layers: number, times: readonly number[]): TimedSegment[] {
  let next = 0;
  const make = (name: string, phase: TimedSegment['phase'], layer: number) =>
    segment(name, phase, { layer, time: times[next++] ?? 1 });
  const forward: TimedSegment[] = [];
  const backward: TimedSegment[] = [];
  for (let layer = 0; layer < layers; layer++) {
    forward.push(...forwardParts.map((name) => make(name, 'forward', layer)));
    for (const name of forwardParts.toReversed()) {
      backward.push(make(name, 'backwardInput', layer));
      if (name === 'experts' || name === 'attention') backward.push(make(name, 'backwardWeight', layer));
    }
  }
  return issueEarly(mergeSegments(forward, backward));
}

function sumOf(segments: readonly TimedSegment[], lane?: TimedSegment['lane']): number {
  return segments.reduce((sum, { lane: own, time }) => (lane === undefined || own === lane ? sum + time : sum), 0);
}

const pairs = fc
  .integer({ min: 1, max: 4 })
  .chain((layers) =>
    fc
      .array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: layers * 10, maxLength: layers * 10 })
      .map((times) => createPair(layers, times)),
  );
const shares = fc.double({ min: 0, max: 1, noNaN: true });

test('a forward on its own alternates between its lanes', () => {
  const segments = forwardParts.map((name, index) => segment(name, 'forward', { time: index + 1 }));
  const { time, exposedCommunication, operations } = timeSegments({ segments, contention: 0.5 });
  assert.deepEqual(
    operations.map(({ start, end }) => [start, end]),
    [
      [0, 1],
      [1, 3],
      [3, 6],
      [6, 10],
    ],
  );
  assert.equal(time, 10);
  assert.equal(exposedCommunication, 6);
});

test('a pair of one layer at unit times hides all its communication', () => {
  const { time, computeTime, communicationTime } = timeSegments({ segments: createPair(1, []), contention: 0 });
  assert.equal(computeTime, 6);
  assert.equal(communicationTime, 4);
  assert.equal(time, 6);
});

test('an exchange does not wait for the weight gradients before it, nor a weight gradient for the exchange before it', () => {
  const segments = [
    segment('experts', 'backwardInput', { time: 2 }),
    segment('dispatch', 'backwardInput', { time: 5 }),
    segment('experts', 'backwardWeight', { time: 3 }),
    segment('attention', 'backwardInput', { time: 1 }),
  ];
  const { operations } = timeSegments({ segments, contention: 0 });
  assert.deepEqual(
    operations.map(({ start }) => start),
    [0, 2, 2, 7],
  );
});

test('computation runs slower only while communication runs', () => {
  const segments = [
    { ...segment('dispatch', 'forward', { time: 4 }), chunk: 0 as const },
    segment('experts', 'backwardInput', { time: 5 }),
  ];
  // 3 of 5 are done at 4, at three quarters of the speed; the other 2 at full speed.
  const { operations, computeTime } = timeSegments({ segments, contention: 0.25 });
  assert.equal(operations[1]?.end, 6);
  assert.equal(computeTime, 6);
  assert.equal(timeSegments({ segments, contention: 1 }).time, 9);
});

test('a pair takes no less than its longer lane, no more than the sum of both, and exposes what it does not compute', () => {
  fc.assert(
    fc.property(pairs, shares, (segments, contention) => {
      const { time, computeTime, communicationTime, exposedCommunication } = timeSegments({ segments, contention });
      const compute = sumOf(segments, 'compute');
      const communication = sumOf(segments, 'communication');
      const slack = 1e-9 * (compute + communication + 1);
      assert.ok(time >= Math.max(compute, communication) - slack);
      assert.ok(time <= compute + communication + slack);
      assert.ok(computeTime >= compute - slack);
      assert.ok(Math.abs(communicationTime - communication) <= slack);
      assert.ok(Math.abs(time - computeTime - exposedCommunication) <= slack);
    }),
  );
});

test('a longer segment or more contention never makes a pair faster', () => {
  fc.assert(
    fc.property(
      pairs,
      shares,
      shares,
      fc.nat(),
      fc.double({ min: 0, max: 50, noNaN: true }),
      (segments, contention, more, pick, longer) => {
        const { time } = timeSegments({ segments, contention });
        const stretched = segments.map((one, index) =>
          index === pick % segments.length ? { ...one, time: one.time + longer } : one,
        );
        assert.ok(timeSegments({ segments: stretched, contention }).time >= time - 1e-9 * (time + 1));
        const shared = timeSegments({ segments, contention: Math.max(contention, more) });
        assert.ok(shared.time >= time - 1e-9 * (time + 1));
      },
    ),
    { numRuns: 500 },
  );
});

test('each lane runs one segment at a time, in issue order, and all of a chunk but weight gradients in order', () => {
  fc.assert(
    fc.property(pairs, shares, (segments, contention) => {
      const { operations } = timeSegments({ segments, contention });
      const inOrder = (keep: (one: TimedSegment) => boolean) => {
        let end = 0;
        for (const [index, one] of segments.entries()) {
          if (!keep(one)) continue;
          assert.ok((operations[index]?.start ?? Number.NaN) >= end);
          end = operations[index]?.end ?? Number.NaN;
        }
      };
      inOrder(({ lane }) => lane === 'compute');
      inOrder(({ lane }) => lane === 'communication');
      for (const chunk of [0, 1]) inOrder((one) => one.chunk === chunk && one.phase !== 'backwardWeight');
    }),
  );
});

test('nothing takes no time, and bad durations and shares are refused in one line', () => {
  assert.equal(timeSegments({ segments: [], contention: 0 }).time, 0);
  for (const time of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(
      () => timeSegments({ segments: [segment('experts', 'forward', { time })], contention: 0 }),
      InputError,
    );
  }
  for (const contention of [-0.1, 1.1, Number.NaN]) {
    assert.throws(() => timeSegments({ segments: [], contention }), InputError);
  }
});
