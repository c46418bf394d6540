import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InputError, WorkError } from '../base/index.js';
import { generateSchedule, parseAction, type Schedule, type TimelineEvent } from '../schedule/index.js';
import { composeTimes, type SegmentSimulation, simulate, simulateSegments } from './index.js';
import type { MessageTime, PartTimes, StepRecord } from './step-record.js';
import { denseLayer, equalLayers, type LayerSeconds, moeLayer, recordOf } from './test-times.js';

const free: MessageTime = { sendSeconds: 0, transferSeconds: 0, receiveSeconds: 0 };

const isWait = ({ kind }: TimelineEvent) => kind === 'exposed' || kind === 'idle';

/** A schedule with one chain of stages, written out rank by rank. */
function chain(stageToRank: readonly number[], microbatches: number, actions: readonly string[]): Schedule {
  return {
    name: 'written',
    ranks: actions.length,
    microbatches,
    pipelines: [stageToRank.map((_, stage) => stage)],
    stageToRank,
    actions: actions.map((list) => list.split(' ').map((text) => parseAction(text))),
  };
}

function run(
  schedule: Schedule,
  parts: readonly PartTimes[],
  { overlap = true, ...given }: Partial<StepRecord> = {},
): SegmentSimulation {
  const record = recordOf(parts, given);
  const layers = record.parts.filter(({ part }) => part === 'layer').length;
  const times = composeTimes(record, schedule, equalLayers(layers, schedule.pipelines[0].length));
  return simulateSegments({ schedule, overlap, times });
}

const shares = ({ makespan, compute, exposedCommunication, idle, communication }: SegmentSimulation) => ({
  makespan,
  compute,
  exposedCommunication,
  idle,
  communication,
});

const layer = (attention: number, experts: number, transfer: number, pack = 0, unpack = 0): LayerSeconds => ({
  attention,
  experts,
  pack,
  transfer,
  unpack,
});

test('a rank without communication takes the sum of its segments, and what lies outside of the schedule', () => {
  const schedule = generateSchedule({ name: 'gpipe', ranks: 1, microbatches: 3 });
  const result = run(schedule, [denseLayer(0, 1, 2, 3), denseLayer(1, 10, 20, 30)], { tailSeconds: 7 });
  assert.deepEqual(shares(result), {
    makespan: 3 * 66 + 7,
    compute: [205],
    exposedCommunication: [0],
    idle: [0],
    communication: [0],
  });
  assert.deepEqual(result.peakActivations, [3]);
});

const pair = chain([0], 2, ['0F0 (0F1;0B0)OVERLAP_F_B 0B1']);

test('an overlapped pair of a MoE layer hides what it can, as worked out by hand', () => {
  const parts = [moeLayer(0, [layer(2, 3, 4), layer(2, 3, 4)])];
  assert.deepEqual(shares(run(pair, parts)), {
    makespan: 45,
    compute: [30, 30],
    exposedCommunication: [15, 15],
    idle: [0, 0],
    communication: [32, 32],
  });
  assert.deepEqual(shares(run(pair, parts, { overlap: false })), {
    makespan: 62,
    compute: [30, 30],
    exposedCommunication: [32, 32],
    idle: [0, 0],
    communication: [32, 32],
  });
});

test('the segments of a pair are issued in the order of the merge', () => {
  const { timeline } = run(pair, [moeLayer(0, [layer(2, 3, 4)])]);
  const labels = (lane: string) =>
    timeline.ranks[0]
      .filter((event) => event.lane === lane && !isWait(event) && event.label.includes('OVERLAP'))
      .map(({ label }) => label.replace(/ L0 .*/, ''));
  assert.deepEqual(labels('compute'), [
    'attention forward',
    'experts backwardInput',
    'experts backwardWeight',
    'experts forward',
    'attention backwardInput',
    'attention backwardWeight',
  ]);
  assert.deepEqual(labels('communication'), [
    'combine backwardInput',
    'dispatch forward',
    'dispatch backwardInput',
    'combine forward',
  ]);
});

test('an exchange begins when the last rank has posted it, and each rank has its own transfer, packing and unpacking', () => {
  const parts = [moeLayer(0, [layer(1, 1, 2, 0.5, 0.25), layer(3, 1, 4, 0.5, 0.25)])];
  assert.deepEqual(shares(run(chain([0], 1, ['0F0']), parts)), {
    makespan: 13.5,
    compute: [3.5, 5.5],
    exposedCommunication: [8, 8],
    idle: [2, 0],
    communication: [4, 8],
  });
});

test('the result of a stage is waited for only by the stage after, where both are on one rank', () => {
  const parts = [0, 1].map((index) => moeLayer(index, [layer(2, 2, 1)]));
  const { makespan, exposedCommunication } = run(chain([0, 0], 2, ['0F0 0F1 1F0 1F1']), parts);
  assert.deepEqual({ makespan, exposedCommunication }, { makespan: 21, exposedCommunication: [5] });
});

test('a message waits for the result that it carries, and shares the lane with the exchanges of later microbatches', () => {
  const parts = [moeLayer(0, [layer(1, 1, 1)]), denseLayer(1, 1, 1, 1)];
  const message = { sendSeconds: 0, transferSeconds: 5, receiveSeconds: 0 };
  assert.deepEqual(shares(run(chain([0, 1], 2, ['0F0 0F1', '1F0 1F1']), parts, { message })), {
    makespan: 18,
    compute: [4, 2],
    exposedCommunication: [8, 0],
    idle: [6, 16],
    communication: [14, 0],
  });
});

test('messages have the compute lanes of sender and receiver for their own time', () => {
  const message = { sendSeconds: 1, transferSeconds: 10, receiveSeconds: 100 };
  const schedule = chain([0, 1], 1, ['0F0 0B0', '1F0 1B0']);
  const { makespan, compute } = run(schedule, [denseLayer(0, 1, 2, 3), denseLayer(1, 1, 2, 3)], { message });
  // A full backward sends what it found for the stage before at its end.
  assert.deepEqual({ makespan, compute }, { makespan: 12 + 2 * 111, compute: [107, 107] });
});

test('in a merged pair a message is taken before the first segment that needs it, and sent after the last', () => {
  const schedule = chain([0, 1], 2, ['0F0 0F1 0B0 0B1', '1F0 (1F1;1B0)OVERLAP_F_B 1B1']);
  const parts = [denseLayer(0, 1, 1, 1), moeLayer(1, [layer(1, 1, 4)]), moeLayer(2, [layer(1, 1, 4)])];
  const given = { message: { sendSeconds: 1, transferSeconds: 1, receiveSeconds: 1 } };
  const record = recordOf(parts, given);
  const labelsOf = (stages: StepRecord['layers'], rank: number) => {
    const times = composeTimes(record, schedule, stages);
    const events = simulateSegments({ schedule, overlap: true, times }).timeline.ranks[rank];
    return events
      .filter((event) => event.lane === 'compute' && !isWait(event) && event.label.includes('OVERLAP'))
      .map(({ kind, label }) => `${label.split(' ')[0]} ${kind}`);
  };
  const labels = labelsOf(
    [
      { first: 0, end: 1 },
      { first: 1, end: 3 },
    ],
    1,
  );
  const turns = ['experts backwardInput', 'experts backwardWeight', 'experts forward'];
  const ends = ['attention backwardInput', 'attention backwardWeight'];
  assert.deepEqual(labels, [
    'receive forward',
    'attention forward',
    ...turns,
    ...ends,
    'attention forward',
    ...turns,
    ...ends,
    'send backwardInput',
  ]);
});

const seconds = fc.double({ min: 0, max: 10, noNaN: true });

test('without exchanges and pairs it is the action-level simulation', () => {
  const anyStage = fc.tuple(seconds, seconds, seconds);
  fc.assert(
    fc.property(
      fc.constantFrom('gpipe', '1f1b'),
      fc.array(anyStage, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 8 }),
      seconds,
      (name, stages, microbatches, p2p) => {
        const schedule = generateSchedule({ name, ranks: stages.length, microbatches });
        const expected = simulate(schedule, {
          forward: stages.map(([time]) => time),
          backwardInput: stages.map(([, time]) => time),
          backwardWeight: stages.map(([, , time]) => time),
          p2p,
        });
        const parts = stages.map((times, index) => denseLayer(index, ...times));
        const result = run(schedule, parts, { message: { ...free, transferSeconds: p2p } });
        assertClose([result.makespan], [expected.makespan]);
        assertClose(result.compute, expected.busy);
        assertClose(result.idle, expected.idle);
        assert.deepEqual(result.peakActivations, expected.peakActivations);
      },
    ),
  );
});

function assertClose(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  for (const [index, value] of actual.entries()) {
    assert.ok(Math.abs(value - expected[index]) <= 1e-9 * (1 + Math.abs(value)), `${value} is not ${expected[index]}`);
  }
}

/** What may take no time at all. */
const someOrNone = fc.oneof(fc.constant(0), seconds);

const anyLayer: fc.Arbitrary<LayerSeconds> = fc.record({
  attention: fc.double({ min: 0.1, max: 10, noNaN: true }),
  experts: seconds,
  pack: someOrNone,
  transfer: someOrNone,
  unpack: someOrNone,
});

/** A schedule, the times of its layers and of messages. */
const anyRun = fc
  .record({
    schedule: fc
      .tuple(
        fc.constantFrom('gpipe', '1f1b', 'dualpipe', 'dualpipev'),
        fc.integer({ min: 1, max: 2 }),
        fc.integer({ min: 0, max: 2 }),
      )
      .map(([name, half, more]) =>
        generateSchedule({ name, ranks: 2 * half - (name === 'dualpipev' ? 1 : 0), microbatches: 4 * half + 2 * more }),
      ),
    expert: fc.integer({ min: 1, max: 3 }),
    overlap: fc.boolean(),
    message: fc.record({ sendSeconds: someOrNone, transferSeconds: someOrNone, receiveSeconds: someOrNone }),
    tailSeconds: seconds,
  })
  .chain((one) => {
    const layers = one.schedule.pipelines[0].length;
    const ranks = fc.array(anyLayer, { minLength: one.expert, maxLength: one.expert });
    return fc
      .array(ranks, { minLength: layers, maxLength: 2 * layers })
      .map((times) => ({ ...one, parts: times.map((ofRanks, index) => moeLayer(index, ofRanks)) }));
  });

test('laws: the shares of a rank sum to the makespan, lanes do one thing at a time, the same work is done whatever the order', () => {
  fc.assert(
    fc.property(anyRun, ({ schedule, parts, ...given }) => {
      const result = run(schedule, parts, given);
      const { makespan, compute, exposedCommunication, idle, communication, timeline } = result;
      assertClose(
        compute.map((time, rank) => time + exposedCommunication[rank] + idle[rank]),
        compute.map(() => makespan),
      );
      const ofLane = (rank: number, wanted: string) => timeline.ranks[rank].filter(({ lane }) => lane === wanted);
      for (const [rank, time] of compute.entries()) {
        const sumOf = (events: readonly TimelineEvent[]) =>
          events.reduce((sum, { start, end }) => sum + end - start, 0);
        for (const lane of ['compute', 'communication']) {
          const events = ofLane(rank, lane);
          for (const [index, event] of events.slice(1).entries()) assert.ok(event.start >= events[index].end);
        }
        const events = ofLane(rank, 'compute');
        assertClose([sumOf(ofLane(rank, 'communication'))], [communication[rank]]);
        assertClose([sumOf(events.filter((event) => !isWait(event)))], [time]);
        assertClose([sumOf(events.filter(({ kind }) => kind === 'exposed'))], [exposedCommunication[rank]]);
        assert.ok(sumOf(events.filter(({ kind }) => kind === 'idle')) <= idle[rank] + 1e-9 * makespan);
      }
      const chunks = schedule.microbatches / schedule.pipelines.length;
      const ends = timeline.ranks.flat().filter(({ label }) => label.startsWith('attention backwardWeight'));
      assert.equal(ends.length, parts.length * chunks * schedule.pipelines.length * given.expert);
      const other = run(schedule, parts, { ...given, overlap: !given.overlap });
      assertClose(other.compute, compute);
      assertClose(other.communication, communication);
      assert.deepEqual(run(schedule, parts, given), result);
    }),
    { numRuns: 60 },
  );
});

test('on one pipeline rank with equal layers, overlap is never slower', () => {
  const unpacked = { pack: 0, unpack: 0 };
  const anyFree = fc.record({ attention: seconds, experts: seconds, transfer: seconds });
  fc.assert(
    fc.property(
      anyFree,
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 2, max: 5 }),
      (times, half, microbatches) => {
        const schedule = generateSchedule({ name: 'dualpipev', ranks: 1, microbatches });
        const parts = Array.from({ length: 2 * half }, (_, index) =>
          moeLayer(index, [
            { ...times, ...unpacked },
            { ...times, ...unpacked },
          ]),
        );
        const [on, off] = [true, false].map((overlap) => run(schedule, parts, { overlap }).makespan);
        assert.ok(on <= off + 1e-9, `${on} with, ${off} without`);
      },
    ),
  );
});

test('overlap may cost: the next stage gets its message only after the backward that is merged with the forward', () => {
  const schedule = generateSchedule({ name: 'dualpipev', ranks: 2, microbatches: 4 });
  const parts = [0, 1, 2, 3].map((index) => moeLayer(index, [layer(1, 1, 0), layer(1, 1, 0)]));
  assert.equal(run(schedule, parts).makespan, 52);
  assert.equal(run(schedule, parts, { overlap: false }).makespan, 50);
});

test('a schedule that cannot end is an error that names rank, position and action', () => {
  const deadlocked = chain([0, 1], 1, ['0F0 0B0', '1B0 1F0']);
  assert.throws(
    () => run(deadlocked, [denseLayer(0, 1, 1, 1), denseLayer(1, 1, 1, 1)]),
    (error: unknown) =>
      error instanceof WorkError && /deadlocks: 0B0 waits for ever.*\(rank 0, position 1\)/.test(error.message),
  );
});

test('times that are none, or do not fit, are refused', () => {
  const schedule = generateSchedule({ name: 'gpipe', ranks: 1, microbatches: 1 });
  const parts = [denseLayer(0, 1, 1, 1)];
  assert.throws(() => run(schedule, [denseLayer(0, -1, 1, 1)]), InputError);
  assert.throws(() => run(schedule, [denseLayer(0, 1, Number.NaN, 1)]), InputError);
  assert.throws(() => run(schedule, parts, { tailSeconds: Number.POSITIVE_INFINITY }), InputError);
  assert.throws(() => run(schedule, parts, { expert: 2 }), /not the times of 2 expert ranks/);
  const long = generateSchedule({ name: 'gpipe', ranks: 1, microbatches: 2 ** 20 });
  assert.throws(() => run(long, parts), /3145728 segments.*simulate at most 2097152/);
});
