import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { generateSchedule, type Schedule, type TimelineEvent } from '../schedule/index.js';
import {
  composeTimes,
  type MeasuredMessage,
  type MeasuredRank,
  type MeasuredSegment,
  type MeasuredStep,
  recordSteps,
  type SegmentSimulation,
  type StepRecord,
  simulateSegments,
} from './index.js';
import { denseLayer, edgePart, equalLayers, moeLayer, recordOf } from './test-times.js';

const runOf = ({ schedule, expert, overlap, transport, layers }: StepRecord) => ({
  schedule,
  expert,
  overlap,
  transport,
  layers,
});

/** A rank that ran these segments, one a microbatch. */
function rankOf(seconds: readonly number[], segment: Partial<MeasuredSegment> = {}): MeasuredRank {
  const segments = seconds.map(
    (time, microbatch) =>
      ({
        stage: 0,
        microbatch,
        name: 'dense',
        phase: 'forward',
        layer: 0,
        lane: 'compute',
        seconds: time,
        ...segment,
      }) as MeasuredSegment,
  );
  return { scheduleSeconds: seconds.reduce((sum, time) => sum + time, 0), segments, messages: [] };
}

const stepOf = (...ranks: MeasuredRank[]): MeasuredStep => ({ seconds: 100, ranks });

test('a segment takes the mean over the microbatches of the steps nearest to the median one', () => {
  const rank = (times: readonly number[]) => ({ ...rankOf(times), scheduleSeconds: 0 });
  const steps = [
    { seconds: 10, ranks: [rank([1, 3])] },
    { seconds: 11, ranks: [rank([2, 6])] },
    { seconds: 90, ranks: [rank([100, 200])] },
    { seconds: 1, ranks: [rank([0, 0])] },
  ];
  const record = recordSteps({ ...runOf(recordOf([denseLayer(0, 1, 1, 1)])), steps });
  assert.deepEqual(record.parts, [
    {
      part: 'layer',
      layer: 0,
      forward: [{ name: 'dense', phase: 'forward', lane: 'compute', seconds: [3] }],
      backward: [],
    },
  ]);
  assert.deepEqual([record.steps, record.stepSeconds, record.tailSeconds], [4, 10.5, 10.5]);
});

test('what no rank spends on the schedule is the tail', () => {
  const steps = [stepOf(rankOf([70]), rankOf([90]))];
  assert.equal(recordSteps({ ...runOf(recordOf([])), expert: 1, steps }).tailSeconds, 10);
});

/** Two exchanges of each rank. */
function exchanges(times: readonly { posted: number; end: number }[]): MeasuredRank {
  const { segments } = rankOf([0, 0], { name: 'dispatch', lane: 'communication' });
  const withTimes = segments.map((segment, index) => ({ ...segment, transfer: times[index], unpackSeconds: 0.5 }));
  return { scheduleSeconds: 10, messages: [], segments: withTimes as MeasuredSegment[] };
}

test('a transfer begins when the last rank has posted it and the exchange before has ended', () => {
  const first = exchanges([
    { posted: 1, end: 7 },
    { posted: 2, end: 9 },
  ]);
  const second = exchanges([
    { posted: 4, end: 6 },
    { posted: 5, end: 9.5 },
  ]);
  const record = recordSteps({ ...runOf(recordOf([])), expert: 2, steps: [stepOf(first, second)] });
  // 4 to 7 and 6; then, when both have ended the first, 7 to 9 and 9.5.
  assert.deepEqual(record.parts[0]?.forward, [
    {
      name: 'dispatch',
      phase: 'forward',
      lane: 'communication',
      seconds: [0, 0],
      transferSeconds: [2.5, 2.25],
      unpackSeconds: [0.5, 0.5],
    },
  ]);
});

test('ranks of a group that ran different exchanges are a mistake of the caller', () => {
  const one = exchanges([
    { posted: 1, end: 2 },
    { posted: 3, end: 4 },
  ]);
  const record = (other: MeasuredRank) =>
    recordSteps({ ...runOf(recordOf([])), expert: 2, steps: [stepOf(one, other)] });
  assert.throws(() => record(rankOf([1])), /not the same number of exchanges/);
  const later = one.segments.map((segment) => ({ ...segment, layer: 1 }));
  assert.throws(() => record({ ...one, segments: later }), /exchange 0 of the ranks/);
});

test('weight gradients that the schedule ran apart come right after the gradients of inputs', () => {
  const list = (['I attention', 'I experts', 'W experts', 'W attention', 'W embed'] as const).map((text, index) => {
    const [letter, name] = text.split(' ');
    const phase = letter === 'I' ? ('backwardInput' as const) : ('backwardWeight' as const);
    return { ...rankOf([index]).segments[0], name, phase };
  });
  const rank = { scheduleSeconds: 1, messages: [], segments: list };
  const record = recordSteps({ ...runOf(recordOf([])), expert: 1, steps: [stepOf(rank)] });
  const names = record.parts.map(({ part, backward }) => [part, backward.map(({ name, phase }) => `${name} ${phase}`)]);
  assert.deepEqual(names, [
    ['embed', ['embed backwardWeight']],
    [
      'layer',
      ['attention backwardInput', 'attention backwardWeight', 'experts backwardInput', 'experts backwardWeight'],
    ],
  ]);
});

test('the way of a message is the shortest that a receiver waited for', () => {
  const send = (microbatch: number, end: number): MeasuredMessage => ({
    kind: 'send',
    fromStage: 0,
    toStage: 1,
    microbatch,
    seconds: 1,
    end,
  });
  const receive = (microbatch: number, start: number, ready: number): MeasuredMessage => ({
    kind: 'receive',
    fromStage: 0,
    toStage: 1,
    microbatch,
    seconds: 3,
    start,
    ready,
  });
  const steps = [
    stepOf(
      { scheduleSeconds: 1, segments: [], messages: [send(0, 10), send(1, 20), send(2, 30)] },
      {
        scheduleSeconds: 1,
        segments: [],
        messages: [receive(0, 5, 14), receive(1, 15, 22), receive(2, 40, 40)],
      },
    ),
  ];
  assert.deepEqual(recordSteps({ ...runOf(recordOf([])), steps }).message, {
    sendSeconds: 1,
    transferSeconds: 2,
    receiveSeconds: 3,
  });
});

/** What the runtime would have measured if it had run as simulated; every time on a lane must be longer than nothing. */
function measure(schedule: Schedule, simulation: SegmentSimulation, seconds: number): MeasuredStep {
  const ranks = simulation.timeline.ranks.map((events) => ({
    scheduleSeconds: Math.max(...events.map(({ kind, end }) => (kind === 'other' ? 0 : end))),
    segments: measureSegments(events),
    messages: measureMessages(schedule, events),
  }));
  return { seconds, ranks };
}

const segmentLabel = /^(unpack )?(\w+) (forward|backwardInput|backwardWeight) L(\d+) /;

function measureSegments(events: readonly TimelineEvent[]): MeasuredSegment[] {
  const find = (lane: string, label: string) => events.find((event) => event.lane === lane && event.label === label);
  return events.flatMap(({ lane, label, start, end, chunks }): MeasuredSegment[] => {
    const match = segmentLabel.exec(label);
    if (match === null || lane !== 'compute' || match[1] !== undefined) return [];
    const [, , name, phase, layer] = match;
    const common = { ...chunks[0], name, phase: phase as MeasuredSegment['phase'], layer: Number(layer) };
    const transfer = find('communication', label);
    const unpack = find('compute', `unpack ${label}`);
    if (transfer === undefined || unpack === undefined) return [{ ...common, lane: 'compute', seconds: end - start }];
    const measured = { transfer: { posted: end, end: transfer.end }, unpackSeconds: unpack.end - unpack.start };
    return [{ ...common, ...measured, lane: 'communication', seconds: end - start }];
  });
}

function measureMessages({ pipelines }: Schedule, events: readonly TimelineEvent[]): MeasuredMessage[] {
  return events.flatMap((event, index): MeasuredMessage[] => {
    const { label, lane, kind: phase, start, end, chunks } = event;
    const kind = label.split(' ')[0];
    if (lane !== 'compute' || (kind !== 'send' && kind !== 'receive')) return [];
    const { stage, microbatch } = chunks[0];
    const pipeline = pipelines.find((stages) => stages.includes(stage)) ?? [];
    const step = (phase === 'forward') === (kind === 'send') ? 1 : -1;
    const other = pipeline[pipeline.indexOf(stage) + step];
    const seconds = end - start;
    if (kind === 'send') return [{ kind, fromStage: stage, toStage: other, microbatch, seconds, end }];
    const before = events.slice(0, index).findLast((earlier) => earlier.lane === 'compute');
    return [{ kind, fromStage: other, toStage: stage, microbatch, seconds, start: before?.end ?? 0, ready: start }];
  });
}

const some = fc.double({ min: 0.1, max: 10, noNaN: true });

test('the record of a simulated run gives that run again', () => {
  const layerTimes = fc.record({ attention: some, experts: some, pack: some, transfer: some, unpack: some });
  const anyRun = fc.record({
    name: fc.constantFrom('gpipe', '1f1b', 'dualpipe', 'dualpipev'),
    overlap: fc.boolean(),
    tailSeconds: some,
    message: fc.record({ sendSeconds: some, transferSeconds: fc.constant(0), receiveSeconds: some }),
    ranks: fc.array(fc.array(layerTimes, { minLength: 2, maxLength: 2 }), { minLength: 4, maxLength: 4 }),
  });
  fc.assert(
    fc.property(anyRun, ({ name, ranks, ...given }) => {
      const parts = [
        edgePart('embed', 0, 1, 2),
        ...ranks.map((times, layer) => moeLayer(layer, times)),
        edgePart('head', 4, 2, 2),
      ];
      const schedule = generateSchedule({ name, ranks: 2, microbatches: 4 });
      const layers = equalLayers(4, schedule.pipelines[0].length);
      const request = { name, ranks: 2, microbatches: 4 };
      const original = recordOf(parts, { ...given, schedule: request, layers });
      const run = (record: StepRecord) =>
        simulateSegments({ schedule, overlap: record.overlap, times: composeTimes(record, schedule, layers) });
      const first = run(original);
      const step = measure(schedule, first, first.makespan);
      const record = recordSteps({ ...runOf(original), steps: [step] });
      assert.ok(Math.abs(record.stepSeconds - first.makespan) < 1e-9);
      assert.ok(Math.abs(run(record).makespan - first.makespan) < 1e-9 * first.makespan);
      const shape = ({ name: segment, phase, lane }: { name: string; phase: string; lane: string }) =>
        `${segment} ${phase} ${lane}`;
      const shapes = ({ parts: list }: StepRecord) =>
        list.map(({ part, layer, forward, backward }) => [part, layer, forward.map(shape), backward.map(shape)]);
      assert.deepEqual(shapes(record), shapes(original));
    }),
    { numRuns: 40 },
  );
});
