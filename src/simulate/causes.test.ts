import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { generateSchedule, parseCsv, scheduleNames } from '../schedule/index.js';
import { type ChunkSegments, type Costs, simulate, unitCosts } from './index.js';

test('a rank is idle before its first action, between actions, for messages, and after its last', () => {
  const schedule = generateSchedule({ name: 'gpipe', ranks: 2, microbatches: 1 });
  const { idle, idleByCause } = simulate(schedule, { forward: [2, 3], backwardInput: 1, backwardWeight: 1, p2p: 0.5 });
  assert.deepEqual(idleByCause, {
    warmUp: [0, 2],
    // Until the last rank has computed; that a message held it up is its peer's matter.
    waiting: [5.5, 0],
    exposedCommunication: [0.5, 0.5],
    coolDown: [0, 2.5],
  });
  assert.deepEqual(idle, [6, 5]);
});

test('a message that waits for its lane is exposed, not a peer that is late', () => {
  const schedule = generateSchedule({ name: 'gpipe', ranks: 2, microbatches: 2 });
  const { idleByCause } = simulate(schedule, { ...unitCosts, p2p: 3 });
  // The second message leaves at 4, when the first has arrived, though it was ready at 2; its receiver is free from 5 to 7.
  assert.deepEqual(idleByCause.warmUp, [0, 1]);
  assert.equal(idleByCause.exposedCommunication[1], 3 + 2);
});

test('a message takes its latency and its size over the bandwidth', () => {
  const schedule = generateSchedule({ name: '1f1b', ranks: 3, microbatches: 4 });
  const message = { latency: 0.25, bandwidth: 8, size: 4 };
  const result = simulate(schedule, { ...unitCosts, message });
  assert.equal(result.makespan, simulate(schedule, { ...unitCosts, p2p: 0.75 }).makespan);
});

const segment = (name: string, phase: 'forward' | 'backwardInput' | 'backwardWeight', time: number) => ({
  name,
  phase,
  layer: 0,
  lane: name === 'dispatch' || name === 'combine' ? ('communication' as const) : ('compute' as const),
  time,
});

/** One layer: attention and experts of one unit, exchanges of `exchange`. */
const layer = (exchange: number): ChunkSegments => ({
  forward: [
    segment('attention', 'forward', 1),
    segment('dispatch', 'forward', exchange),
    segment('experts', 'forward', 1),
    segment('combine', 'forward', exchange),
  ],
  backward: [
    segment('combine', 'backwardInput', exchange),
    segment('experts', 'backwardInput', 1),
    segment('experts', 'backwardWeight', 1),
    segment('dispatch', 'backwardInput', exchange),
    segment('attention', 'backwardInput', 1),
    segment('attention', 'backwardWeight', 1),
  ],
});

test('communication within a chunk is exposed where nothing hides it, and that is not busy', () => {
  const schedule = generateSchedule({ name: 'gpipe', ranks: 1, microbatches: 1 });
  const { makespan, busy, exposedCommunication, idleByCause } = simulate(schedule, {
    ...unitCosts,
    segments: layer(1),
  });
  // Forward 1 + 1 + 1 + 1; backward 1, experts, the weights of the experts beside the exchange, attention, its weights.
  assert.deepEqual([makespan, busy, exposedCommunication], [4 + 5, [6], [3]]);
  assert.deepEqual(idleByCause, { warmUp: [0], waiting: [0], exposedCommunication: [3], coolDown: [0] });
});

test('halves of a backward take the time of their own segments', () => {
  const schedule = parseCsv('0F0,0I0,0W0\r\n', { name: 'split', file: '' });
  const { steps } = simulate(schedule, { ...unitCosts, segments: layer(2) });
  const lengths = Array.from(steps[0]!.start, (start, index) => steps[0]!.end[index]! - start);
  assert.deepEqual(lengths, [6, 6, 2]);
});

test('a pair hides the exchanges of each chunk behind the computation of the other', () => {
  const schedule = generateSchedule({ name: 'dualpipev', ranks: 2, microbatches: 8 });
  const hidden = simulate(schedule, { ...unitCosts, segments: layer(1) });
  const apart = { forward: 4, backwardInput: 4, backwardWeight: 2, overlapped: 4 + 5, p2p: 0 };
  assert.ok(hidden.makespan < simulate(schedule, apart).makespan);
  const pair = schedule.actions[0]!.findIndex(({ kind }) => kind === 'overlap');
  const { start, end } = hidden.steps[0]!;
  // Six units of computation hide four of communication.
  assert.equal(end[pair]! - start[pair]!, 6);
});

test('contention slows computation down while communication runs', () => {
  const schedule = generateSchedule({ name: 'dualpipev', ranks: 2, microbatches: 8 });
  const run = (contention: number) => simulate(schedule, { ...unitCosts, segments: layer(0.5), contention });
  assert.ok(run(0.5).makespan > run(0).makespan);
  assert.ok(run(0.5).busy[0]! > run(0).busy[0]!);
  // Without communication there is nothing to share with.
  const alone = { ...unitCosts, segments: layer(0), contention: 0.5 };
  assert.equal(simulate(schedule, alone).makespan, simulate(schedule, { ...alone, contention: 0 }).makespan);
});

test('stages may have segments of their own, and each pair is worked out from its two stages', () => {
  const schedule = generateSchedule({ name: 'dualpipev', ranks: 1, microbatches: 4 });
  const [slow, fast] = [layer(2), layer(0)];
  const { steps } = simulate(schedule, { ...unitCosts, segments: [fast, slow] });
  const lengths = new Map<string, number>();
  for (const [position, action] of schedule.actions[0]!.entries()) {
    if (action.kind !== 'overlap') continue;
    const key = `${action.forward.stage} ${action.backward.stage}`;
    lengths.set(key, steps[0]!.end[position]! - steps[0]!.start[position]!);
  }
  assert.equal(lengths.size, 2);
  assert.notEqual(lengths.get('0 1'), lengths.get('1 0'));
});

test('pairs may be given by both their stages, and where one is not, it takes the sum of its parts', () => {
  const schedule = generateSchedule({ name: 'dualpipev', ranks: 1, microbatches: 4 });
  const overlapped = [
    [null, 2.5],
    [null, null],
  ];
  const { steps } = simulate(schedule, { ...unitCosts, overlapped });
  for (const [position, action] of schedule.actions[0]!.entries()) {
    if (action.kind !== 'overlap') continue;
    const expected = action.forward.stage === 0 ? 2.5 : 3;
    assert.equal(steps[0]!.end[position]! - steps[0]!.start[position]!, expected);
  }
});

test('segments in the wrong list, tables that are not square and shares beyond one are refused', () => {
  const schedule = generateSchedule({ name: 'dualpipev', ranks: 1, microbatches: 4 });
  const bad: [Partial<Costs>, RegExp][] = [
    [{ segments: { forward: layer(1).backward, backward: [] } }, /wrong list/],
    [{ segments: { forward: [], backward: layer(1).forward } }, /wrong list/],
    [{ segments: [layer(1)] }, /1 stages for 2/],
    [{ segments: layer(-1) }, /-1/],
    [{ segments: layer(1), contention: 1.5 }, /1\.5/],
    [{ overlapped: [[1, 2]] }, /not a table of 2 x 2/],
    [
      {
        overlapped: [
          [1, 2],
          [1, -3],
        ],
      },
      /overlapped\[1\]\[1\] cannot be -3/,
    ],
    [{ message: { latency: 0, bandwidth: 0, size: 1 } }, /bandwidth cannot be 0/],
    [{ memory: { gradients: [1] } }, /gradients lists 1 values for 2/],
    [{ memory: { optimizer: Number.NaN } }, /optimizer cannot be NaN/],
  ];
  for (const [costs, message] of bad) assert.throws(() => simulate(schedule, { ...unitCosts, ...costs }), message);
});

const anyTime = fc.double({ min: 0, max: 100, noNaN: true });

test('laws: the causes are never negative and sum to the idle time, busy and idle to the makespan', () => {
  const request = fc.record({
    name: fc.constantFrom(...scheduleNames),
    half: fc.integer({ min: 1, max: 3 }),
    costs: fc.oneof(
      fc.record({ forward: anyTime, backwardInput: anyTime, backwardWeight: anyTime, p2p: anyTime }),
      fc.record({
        segments: anyTime.map(layer),
        contention: fc.double({ min: 0, max: 0.9, noNaN: true }),
        p2p: anyTime,
      }),
    ),
  });
  fc.assert(
    fc.property(request, ({ name, half, costs }) => {
      const schedule = generateSchedule({ name, ranks: 2 * half, microbatches: 12 * half });
      const { idle, busy, makespan, idleByCause } = simulate(schedule, { ...unitCosts, ...costs });
      const { warmUp, waiting, exposedCommunication, coolDown } = idleByCause;
      for (const [rank, time] of idle.entries()) {
        const causes = [warmUp[rank]!, waiting[rank]!, exposedCommunication[rank]!, coolDown[rank]!];
        assert.ok(causes.every((cause) => cause >= 0));
        assert.ok(Math.abs(causes.reduce((sum, cause) => sum + cause, 0) - time) <= 1e-9 * (1 + makespan));
        assert.ok(Math.abs(busy[rank]! + time - makespan) <= 1e-9 * (1 + makespan));
      }
    }),
  );
});
