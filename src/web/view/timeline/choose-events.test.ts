import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { TimelineEvent } from '../../../schedule/index.js';
import { describeEvent, labelTexts } from './describe-event.js';
import { findAgain } from './find-again.js';
import { indexTimeline, selectedEvent } from './index-timeline.js';
import { nextMatch, searchEvents } from './search-events.js';
import { joinAreas, sumArea } from './sum-area.js';

function event(start: number, end: number, rest: Partial<TimelineEvent> = {}): TimelineEvent {
  return { lane: 'compute', kind: 'forward', label: 'F', chunks: [], ...rest, start, end };
}

function indexed(...ranks: readonly (readonly TimelineEvent[])[]) {
  return indexTimeline({ unit: 'units', ranks });
}

describe('an event that is chosen', () => {
  const before = indexed([event(0, 1, { label: 'a' }), event(1, 2, { label: 'b' }), event(2, 3, { label: 'a' })]);

  it('is found again in another step: on its lane, of its label, the same in order', () => {
    const after = indexed([event(0, 5, { label: 'b' }), event(5, 6, { label: 'a' }), event(7, 9, { label: 'a' })]);
    assert.deepEqual(findAgain(before, { track: 0, event: 2 }, after), { track: 0, event: 2 });
    assert.deepEqual(findAgain(before, { track: 0, event: 0 }, after), { track: 0, event: 1 });
    assert.deepEqual(findAgain(before, { track: 0, event: 1 }, after), { track: 0, event: 0 });
  });

  it('is not another one where the step has no such event', () => {
    const after = indexed([event(0, 5, { label: 'a' })], [event(0, 1, { label: 'b' })]);
    assert.equal(findAgain(before, { track: 0, event: 2 }, after), undefined);
    assert.equal(findAgain(before, { track: 0, event: 1 }, after), undefined);
    assert.equal(findAgain(before, { track: 3, event: 0 }, after), undefined);
  });
});

describe('a search of events', () => {
  const timeline = indexed(
    [event(4, 5, { label: 'attention forward L2 [0F1]' }), event(8, 9, { label: 'experts forward L2 [0F1]' })],
    [event(3, 4, { label: 'attention forward L2 [0F0]' }), event(4, 6, { kind: 'idle', label: 'wait for a message' })],
  );
  const found = (query: string) =>
    searchEvents(timeline, query).map((match) => selectedEvent(timeline, match)?.start ?? Number.NaN);

  it('gives those in which every word stands, in capitals or not, in the order of time', () => {
    assert.deepEqual(found('Attention'), [3, 4]);
    assert.deepEqual(found('l2 forw'), [3, 4, 8]);
    assert.deepEqual(found('layer 2 experts'), [8]);
    assert.deepEqual(found('waiting'), [4]);
    assert.deepEqual([found('nothing'), found('  ')], [[], []]);
  });

  it('goes on from what is chosen, whether it is a match or not, and round at the ends', () => {
    const matches = searchEvents(timeline, 'attention');
    const next = (track: number, place: number, direction: 1 | -1) =>
      nextMatch(timeline, matches, { track, event: place }, direction);
    assert.deepEqual([nextMatch(timeline, matches, undefined, 1), nextMatch(timeline, matches, undefined, -1)], [0, 1]);
    assert.deepEqual([next(1, 0, 1), next(0, 0, 1), next(0, 0, -1), next(1, 0, -1)], [1, 0, 0, 1]);
    assert.deepEqual([next(1, 1, -1), next(1, 1, 1), next(0, 1, -1)], [1, 0, 1]);
    assert.equal(nextMatch(timeline, [], { track: 0, event: 0 }, 1), -1);
  });
});

describe('the sum of an area', () => {
  it('counts events by lane and kind, and of those that reach out of it what lies in it', () => {
    const timeline = indexed(
      [event(0, 4), event(6, 7, { kind: 'exposed' }), event(1, 3, { lane: 'communication', kind: 'communication' })],
      [event(2, 6)],
      [event(0, 9)],
    );
    assert.deepEqual(sumArea(timeline, { from: 2, to: 8, firstRank: 0, lastRank: 1 }), [
      { lane: 'compute', kind: 'forward', count: 2, total: 6, longest: 4 },
      { lane: 'compute', kind: 'exposed', count: 1, total: 1, longest: 1 },
      { lane: 'compute', kind: undefined, count: 0, total: 5, longest: 0 },
      { lane: 'communication', kind: 'communication', count: 1, total: 1, longest: 1 },
    ]);
    assert.deepEqual(sumArea(timeline, { from: 3, to: 3, firstRank: 0, lastRank: 2 }), []);
  });

  it('fills the compute lanes of its ranks', () => {
    const lists = fc.array(fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 5 }))), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(lists, fc.nat(30), fc.integer({ min: 1, max: 30 }), (ranks, from, length) => {
        const timeline = indexed(
          ...ranks.map((list) => {
            let time = 0;
            return list.map(([gap, long]) => {
              const start = time + gap;
              time = start + long;
              return event(start, time);
            });
          }),
        );
        const area = { from, to: from + length, firstRank: 0, lastRank: ranks.length - 1 };
        const total = sumArea(timeline, area).reduce((sum, row) => sum + row.total, 0);
        assert.equal(total, length * ranks.length);
      }),
    );
  });

  it('is of both areas that are joined', () => {
    const one = { from: 3, to: 4, firstRank: 2, lastRank: 2 };
    assert.equal(joinAreas(undefined, one), one);
    assert.deepEqual(joinAreas(one, { from: 1, to: 2, firstRank: 0, lastRank: 1 }), {
      from: 1,
      to: 4,
      firstRank: 0,
      lastRank: 2,
    });
  });
});

describe('what an event is called', () => {
  const chunks = [{ stage: 1, microbatch: 3 }];
  const say = (label: string) => describeEvent({ label, chunks });

  it('names the layer, the phase, and the pair that it is overlapped in', () => {
    assert.equal(say('attention forward L0 [1F3]'), 'attention of layer 0, forward, microbatch 3 of stage 1');
    assert.equal(
      say('wait for dispatch backwardInput L2 [(0F4;1B3)OVERLAP_F_B]'),
      'wait for dispatch of layer 2, backward for inputs, microbatch 3 of stage 1, overlapped 0F4 and 1B3',
    );
    assert.equal(say('(0F4;1B3)OVERLAP_F_B'), 'forward and backward, microbatch 3 of stage 1, overlapped 0F4 and 1B3');
    for (const label of ['0F3', 'attention', 'wait for a message', 'outside of the schedule', '0SEND_F3'])
      assert.equal(say(label), label);
  });

  it('gets shorter where there is less room', () => {
    assert.deepEqual(labelTexts({ label: 'attention backwardInput L2 [(0F4;1B3)OVERLAP_F_B]', chunks }, 'I'), [
      'attention L2, microbatch 3',
      'attention L2',
      'I3',
      '3',
    ]);
    assert.deepEqual(labelTexts({ label: '0F3', chunks }, 'F'), ['0F3', 'F3', '3']);
    assert.deepEqual(labelTexts({ label: 'update', chunks: [] }, ''), ['update']);
  });
});
