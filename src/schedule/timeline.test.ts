import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTrace, type Timeline } from './timeline.js';

const timeline = {
  unit: 'seconds',
  ranks: [
    [
      { lane: 'compute', kind: 'forward', label: '0F1', start: 0.5, end: 2, chunks: [{ stage: 0, microbatch: 1 }] },
      { lane: 'communication', kind: 'communication', label: 'dispatch', start: 1, end: 1.25, chunks: [] },
    ],
    [],
  ],
} as const satisfies Timeline;

test('a trace names a process for each rank and a thread for each lane', () => {
  const { traceEvents } = JSON.parse(formatTrace(timeline));
  const names = traceEvents.filter((event: { name: string }) => /_name$/.test(event.name));
  assert.deepEqual(
    names.map(({ pid, tid, args }: { pid: number; tid: number; args: { name: string } }) => [pid, tid, args.name]),
    [
      [0, 0, 'rank 0'],
      [0, 0, 'compute'],
      [0, 1, 'communication'],
      [1, 0, 'rank 1'],
      [1, 0, 'compute'],
      [1, 1, 'communication'],
    ],
  );
});

test('a trace counts microseconds, and a unit of a simulation as a millisecond', () => {
  const times = (unit: Timeline['unit']) =>
    JSON.parse(formatTrace({ ...timeline, unit }))
      .traceEvents.filter(({ ph }: { ph: string }) => ph === 'X')
      .map(({ name, tid, ts, dur }: Record<string, unknown>) => [name, tid, ts, dur]);
  assert.deepEqual(times('seconds'), [
    ['0F1', 0, 500_000, 1_500_000],
    ['dispatch', 1, 1_000_000, 250_000],
  ]);
  assert.deepEqual(times('units'), [
    ['0F1', 0, 500, 1500],
    ['dispatch', 1, 1000, 250],
  ]);
});

test('a message whose other end is not in the timeline has no arrow', () => {
  const [events] = timeline.ranks;
  const lone: Timeline = {
    unit: 'units',
    ranks: [
      [
        { ...events[0], receives: ['x'] },
        { ...events[1], sends: ['y'] },
      ],
    ],
  };
  assert.doesNotMatch(formatTrace(lone), /"ph":"[sf]"/);
});
