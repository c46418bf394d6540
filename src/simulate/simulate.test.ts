import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InputError, WorkError } from '../base/index.js';
import { generateSchedule, parseAction, parseCsv, type Schedule, scheduleNames } from '../schedule/index.js';
import { type Costs, simulate, simulatedTimeline, unitCosts } from './index.js';

const golden = generateSchedule({ name: 'dualpipev', ranks: 4, microbatches: 10 });

test('activations: gpipe keeps all microbatches, 1f1b one for each rank to the end', () => {
  const peaks = (name: string) =>
    simulate(generateSchedule({ name, ranks: 4, microbatches: 9 }), unitCosts).peakActivations;
  assert.deepEqual(peaks('gpipe'), [9, 9, 9, 9]);
  assert.deepEqual(peaks('1f1b'), [4, 3, 2, 1]);
});

test('messages add their time to the path between ranks, and it is exposed where nothing else runs', () => {
  const schedule = generateSchedule({ name: 'gpipe', ranks: 2, microbatches: 1 });
  const result = simulate(schedule, { ...unitCosts, p2p: 0.5 });
  assert.equal(result.makespan, 7);
  assert.deepEqual(result.exposedCommunication, [0.5, 0.5]);
  assert.deepEqual(result.idle, [4, 4]);
});

test('a message that travels while its receiver computes is not exposed', () => {
  const schedule = parseCsv('0F0,0F1,0B0,0B1\r\n1F0,1F1,1B0,1B1\r\n', { name: 'gpipe', file: '' });
  const result = simulate(schedule, { ...unitCosts, p2p: 0.25 });
  assert.deepEqual(result.exposedCommunication, [0.25, 0.25]);
});

test('a rank sends one message at a time', () => {
  const schedule = generateSchedule({ name: 'gpipe', ranks: 2, microbatches: 2 });
  const events = simulatedTimeline(schedule, simulate(schedule, { ...unitCosts, p2p: 3 })).ranks[0] ?? [];
  assert.deepEqual(
    events.filter(({ lane }) => lane === 'communication').map(({ label, start, end }) => [label, start, end]),
    [
      ['0SEND_F0', 1, 4],
      ['0SEND_F1', 4, 7],
    ],
  );
});

test('stages of one rank hand over without a message', () => {
  const schedule = generateSchedule({ name: 'dualpipev', ranks: 1, microbatches: 4 });
  assert.deepEqual(simulate(schedule, { ...unitCosts, p2p: 5 }).idle, [0]);
});

test('each stage may have its own times', () => {
  const schedule = generateSchedule({ name: 'gpipe', ranks: 2, microbatches: 2 });
  const result = simulate(schedule, { forward: [1, 3], backwardInput: 1, backwardWeight: [0, 2], p2p: 0 });
  assert.deepEqual(result.busy, [4, 12]);
  assert.equal(result.makespan, 1 + 12 + 1);
});

test('the steps of a timeline follow the actions and do not collide on a lane', () => {
  const timeline = simulatedTimeline(golden, simulate(golden, { ...unitCosts, p2p: 0.1 }));
  for (const [rank, events] of timeline.ranks.entries()) {
    for (const lane of ['compute', 'communication']) {
      const own = events.filter((event) => event.lane === lane);
      for (const [index, event] of own.slice(1).entries()) {
        assert.ok(event.start >= (own[index]?.end ?? 0), `rank ${rank} ${lane}`);
      }
    }
    assert.equal(events.filter(({ lane }) => lane === 'compute').length, golden.actions[rank]?.length);
  }
});

const anyTime = fc.double({ min: 0, max: 100, noNaN: true });

test('laws: no rank is busier than the makespan, slower messages never help, scaling costs scales times', () => {
  const request = fc.record({
    name: fc.constantFrom(...scheduleNames),
    half: fc.integer({ min: 1, max: 3 }),
    forward: anyTime,
    backwardInput: anyTime,
    backwardWeight: anyTime,
  });
  fc.assert(
    fc.property(request, ({ name, half, ...times }) => {
      const schedule = generateSchedule({ name, ranks: 2 * half, microbatches: 4 * half + 2 });
      const free = simulate(schedule, { ...times, p2p: 0 });
      const slow = simulate(schedule, { ...times, p2p: 1 });
      const scaled: Costs = {
        forward: 2 * times.forward,
        backwardInput: 2 * times.backwardInput,
        backwardWeight: 2 * times.backwardWeight,
        p2p: 2,
      };
      assert.ok(free.idle.every((time) => time >= -1e-9));
      assert.ok(slow.makespan >= free.makespan);
      assert.ok(free.exposedCommunication.every((time) => time === 0));
      assert.ok(slow.exposedCommunication.every((time, rank) => time <= (slow.idle[rank] ?? 0) + 1e-9));
      assert.equal(simulate(schedule, scaled).makespan, 2 * slow.makespan);
    }),
  );
});

test('a schedule that cannot end is an error that names rank, position and action', () => {
  const schedule: Schedule = {
    ...generateSchedule({ name: 'gpipe', ranks: 2, microbatches: 1 }),
    actions: [['0F0', '0B0'].map((text) => parseAction(text)), ['1B0', '1F0'].map((text) => parseAction(text))],
  };
  assert.throws(
    () => simulate(schedule, unitCosts),
    (error: unknown) =>
      error instanceof WorkError && /deadlocks: 0B0 waits for ever.*\(rank 0, position 1\)/.test(error.message),
  );
});

test('costs that are no times are refused', () => {
  const bad: Partial<Costs>[] = [
    { forward: -1 },
    { forward: Number.NaN },
    { p2p: Number.POSITIVE_INFINITY },
    { overlapped: 1e300 },
    { backwardInput: [1, 2] },
    { backwardWeight: [1, 1, 1, 1, 1, 1, 1, -1] },
  ];
  for (const costs of bad) assert.throws(() => simulate(golden, { ...unitCosts, ...costs }), InputError);
});

test('a step that takes no time has no bubble', () => {
  assert.equal(simulate(golden, { forward: 0, backwardInput: 0, backwardWeight: 0, p2p: 0 }).bubble, 0);
});
