import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTrace, type TimelineEvent } from '../schedule/index.js';
import { startRanks } from './start-ranks.js';
import { createTestSpec, fillTestBatch } from './test-spec.js';

test('each message of a recorded step leads from the slice that sends it to the computation that takes it', async () => {
  const spec = createTestSpec({ schedule: 'dualpipev', ranks: 2, microbatches: 4, expert: 2 });
  const group = await startRanks(spec);
  try {
    await group.call('initialize', 1);
    fillTestBatch(spec, 1);
    await group.call('computeGradients');
    const ranks = await group.call('timeline', 0);
    const ends = (key: 'sends' | 'receives') =>
      new Map(
        ranks.flatMap((events, rank) =>
          events.flatMap((event) => (event[key] ?? []).map((name) => [name, { event, rank }])),
        ),
      );
    const [sent, taken] = [ends('sends'), ends('receives')];
    // Of a V, each expert rank passes every microbatch down and up, forward and back.
    assert.equal(sent.size, 2 * 4 * 2 * 2);
    assert.deepEqual(new Set(taken.keys()), new Set(sent.keys()));
    for (const [name, { event, rank }] of sent) {
      const other = taken.get(name)!;
      assert.deepEqual([event.lane, other.event.lane], ['communication', 'compute']);
      assert.notEqual(rank, other.rank);
      assert.equal(event.chunks[0]?.microbatch, other.event.chunks[0]?.microbatch);
      assert.equal(Math.abs(event.chunks[0]!.stage - other.event.chunks[0]!.stage), 1);
      assert.ok(event.start <= other.event.start);
    }
    const trace = formatTrace({ unit: 'seconds', ranks });
    assert.equal(trace.match(/"ph":"s"/g)?.length, sent.size);
    assert.equal(trace.match(/"ph":"f"/g)?.length, sent.size);
  } finally {
    await group.close();
  }
});

test('without experts on other ranks, the messages and sums that nothing hides are all of the communication', async () => {
  const spec = createTestSpec({ schedule: '1f1b', ranks: 2, microbatches: 4 });
  const group = await startRanks(spec);
  try {
    await group.call('initialize', 1);
    fillTestBatch(spec, 1);
    for (const { time } of await group.call('computeGradients')) {
      assert.ok(time.exposedCommunication > 0);
      assert.ok(Math.abs(time.communication - time.exposedCommunication) < 1e-9);
    }
  } finally {
    await group.close();
  }
});

for (const overlap of [true, false]) {
  test(`with overlap ${overlap ? 'on' : 'off'}, what a timeline shows as exposed sums to the exposed communication of the step`, async () => {
    const spec = createTestSpec({ schedule: 'dualpipev', ranks: 2, microbatches: 4, expert: 2, overlap });
    const group = await startRanks(spec);
    try {
      await group.call('initialize', 1);
      fillTestBatch(spec, 1);
      const origin = (performance.timeOrigin + performance.now()) / 1000;
      const reports = await group.call('computeGradients');
      const updates = await group.call('update', 1, 1e-3);
      const ranks = await group.call('timeline', origin);
      for (const [rank, events] of ranks.entries()) {
        const starts = events.map(({ start }) => start);
        assert.deepEqual(
          starts,
          starts.toSorted((a, b) => a - b),
        );
        const compute = events.filter(({ lane }) => lane === 'compute');
        for (const [index, { start, end, label }] of compute.entries()) {
          assert.ok(start >= 0 && end >= start, label);
          assert.ok(index === 0 || start >= compute[index - 1]!.end, `${label} begins before the one before it ends`);
        }
        const sum = (isCounted: (event: TimelineEvent) => boolean) =>
          compute.filter(isCounted).reduce((total, { start, end }) => total + end - start, 0);
        const { time } = reports[rank]!;
        const exposed = sum(({ kind }) => kind === 'exposed');
        assert.ok(
          Math.abs(exposed - time.exposedCommunication) < 1e-9,
          `${exposed} is not ${time.exposedCommunication}`,
        );
        assert.ok(time.exposedCommunication <= time.communication, 'what is not hidden is a part of communicating');
        assert.ok(Math.abs(sum(({ kind }) => kind === 'idle') - time.idle) < 1e-9);
        assert.ok(Math.abs(sum(({ kind }) => kind === 'other') - updates[rank]!.seconds) < 1e-9);
      }
    } finally {
      await group.close();
    }
  });
}
