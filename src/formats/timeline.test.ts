import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../base/index.js';
import type { TimelineEvent } from '../schedule/index.js';
import { formatTimeline, parseTimeline, type StepTimeline } from './timeline.js';

/** Whole tenths of a microsecond, which a file keeps exactly. */
const ticks = fc.integer({ min: 0, max: 1e9 });
const whole = fc.integer({ min: 0, max: 1000 });
const label = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom(
    'dispatch forward L0 [0F3]',
    'experts backwardInput L12 [(0F7;7B3)OVERLAP_F_B]',
    'a [b] [c]',
    ' []',
    '__proto__',
  ),
);
const messages = fc.array(fc.string({ maxLength: 12 }), { maxLength: 3 });

const event: fc.Arbitrary<TimelineEvent> = fc
  .record(
    {
      lane: fc.constantFrom('compute', 'communication'),
      kind: fc.constantFrom(
        'forward',
        'backward',
        'backwardInput',
        'overlap',
        'communication',
        'other',
        'exposed',
        'idle',
      ),
      label,
      begin: ticks,
      duration: ticks,
      chunks: fc.array(fc.record({ stage: whole, microbatch: whole }, { noNullPrototype: true }), { maxLength: 2 }),
      sends: messages,
      receives: messages,
    },
    { requiredKeys: ['lane', 'kind', 'label', 'begin', 'duration', 'chunks'], noNullPrototype: true },
  )
  .map(({ begin, duration, ...rest }) => ({ ...rest, start: begin / 1e7, end: (begin + duration) / 1e7 }));

const timeline: fc.Arbitrary<StepTimeline> = fc.record(
  {
    step: fc.integer({ min: 1, max: 1e9 }),
    start: fc.double({ min: 0, max: 4e9, noNaN: true }).map((start) => start + 0),
    seconds: fc.double({ min: 0, max: 1e6, noNaN: true }).map((seconds) => seconds + 0),
    ranks: fc.array(fc.array(event, { maxLength: 12 }), { minLength: 1, maxLength: 4 }),
  },
  { noNullPrototype: true },
);

it('reads what it writes: any events, in their order, with times to a tenth of a microsecond', () => {
  fc.assert(
    fc.property(timeline, (one) => {
      assert.deepEqual(parseTimeline(formatTimeline(one), 'x'), one);
    }),
  );
});

it('rounds so that events that follow each other without a gap still do', () => {
  const at = (start: number, end: number): TimelineEvent => {
    return { lane: 'compute', kind: 'forward', label: 'a [0F0]', start, end, chunks: [] };
  };
  const ends = [0.1234567891, 0.23456789123, 0.23456789124, 0.5];
  const events = ends.map((end, index) => at(ends[index - 1] ?? 0, end));
  const read = parseTimeline(formatTimeline({ step: 1, start: 0, seconds: 1, ranks: [events] }), 'x').ranks[0]!;
  for (const [index, { start, end }] of read.entries()) {
    assert.equal(start, read[index - 1]?.end ?? 0);
    assert.ok(Math.abs(end - ends[index]!) <= 0.5001e-7);
  }
});

const good: StepTimeline = {
  step: 3,
  start: 1e9,
  seconds: 0.5,
  ranks: [
    [
      { lane: 'compute', kind: 'forward', label: 'a [0F0]', start: 0, end: 0.1, chunks: [{ stage: 0, microbatch: 0 }] },
      { lane: 'compute', kind: 'idle', label: 'b', start: 0.1, end: 0.2, chunks: [], sends: ['0/1'] },
    ],
  ],
};

/** What is changed in the document, and what is said. */
const changes: readonly (readonly [string, (document: Document) => void, RegExp])[] = [
  ['another version', (one) => (one.version = 2), /version is 2/],
  ['no step', (one) => (one.step = 0), /step is 0/],
  ['no ranks', (one) => (one.ranks = []), /ranks is a list of 0/],
  ['a name that is not in the table', (one) => (one.ranks[0]!.name[1] = 2), /ranks\.0\.name\.1/],
  ['an action that is not in the table', (one) => (one.ranks[0]!.action[0] = 2), /ranks\.0\.action\.0/],
  ['a column that is too short', (one) => one.ranks[0]!.start.pop(), /ranks\.0\.start/],
  ['a time that is no whole number', (one) => (one.ranks[0]!.duration[0] = 0.5), /ranks\.0\.duration\.0/],
  ['an end before the start', (one) => (one.ranks[0]!.duration[0] = -1), /ranks\.0\.duration\.0/],
  [
    'times that sum to more than a run takes',
    (one) => one.ranks[0]!.start.splice(0, 2, 1e15, 1e15),
    /ranks\.0\.start\.1/,
  ],
  ['a kind that there is not', (one) => (one.names[0]![2] = 'sideways'), /names\.0\.2/],
  ['half a chunk', (one) => one.chunks[0]!.pop(), /chunks\.0/],
  ['a message of no event', (one) => (one.ranks[0]!.sends[0]![0] = 2), /ranks\.0\.sends\.0/],
];

interface Document {
  version: unknown;
  step: unknown;
  names: string[][];
  chunks: number[][];
  ranks: (Record<'name' | 'action' | 'start' | 'duration', number[]> & { sends: unknown[][] })[];
}

it('refuses what is no timeline with an error that names the place', () => {
  for (const [what, change, message] of changes) {
    const document = JSON.parse(formatTimeline(good)) as Document;
    change(document);
    assert.throws(
      () => parseTimeline(JSON.stringify(document), '3.json'),
      (error) => error instanceof InputError && message.test(error.message) && error.message.includes('3.json'),
      what,
    );
  }
  for (const text of ['', '{}', '[]', 'null', formatTimeline(good).slice(0, -9)])
    assert.throws(() => parseTimeline(text, '3.json'), InputError);
});

it('is small: names, actions and chunks are written once', () => {
  const one = good.ranks[0]![0]!;
  const events = Array.from({ length: 1000 }, (_, index) => ({ ...one, start: index / 1e3, end: (index + 0.7) / 1e3 }));
  assert.ok(formatTimeline({ ...good, ranks: [events] }).length < 25 * events.length);
});
