import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { eventKinds, generateSchedule, type Timeline, type TimelineEvent } from '../../../schedule/index.js';
import { simulate, simulatedTimeline, unitCosts } from '../../../simulate/index.js';
import { findEvent, firstEndingAfter, indexTimeline } from './index-timeline.js';
import { paintTrack } from './paint-track.js';

function event(start: number, end: number, rest: Partial<TimelineEvent> = {}): TimelineEvent {
  return { lane: 'compute', kind: 'forward', label: 'F', chunks: [], ...rest, start, end };
}

function timelineOf(...events: readonly TimelineEvent[]): Timeline {
  return { unit: 'units', ranks: [events] };
}

describe('an indexed timeline', () => {
  it('has a track for each compute lane, and for communication where any rank communicates', () => {
    const schedule = generateSchedule({ name: 'dualpipev', ranks: 4, microbatches: 10 });
    const quiet = indexTimeline(simulatedTimeline(schedule, simulate(schedule, unitCosts)));
    assert.deepEqual(
      quiet.tracks.map(({ rank, lane }) => `${rank} ${lane}`),
      ['0 compute', '1 compute', '2 compute', '3 compute'],
    );
    const costs = { ...unitCosts, p2p: 0.5 };
    const loud = indexTimeline(simulatedTimeline(schedule, simulate(schedule, costs)));
    assert.equal(loud.tracks.length, 8);
    assert.ok(loud.kinds.includes('communication'));
    assert.equal(loud.end, simulate(schedule, costs).makespan);
  });

  it('finds the event at a time, the nearest one within reach, or none', () => {
    const [track] = indexTimeline(timelineOf(event(0, 1), event(2, 3), event(3, 3), event(3, 4))).tracks;
    assert.ok(track !== undefined);
    assert.equal(track.starts.length, 3);
    assert.equal(findEvent(track, 0.5), 0);
    assert.equal(findEvent(track, 1.5), -1);
    assert.equal(findEvent(track, 1.7, 0.4), 1);
    assert.equal(findEvent(track, 1.2, 0.4), 0);
    assert.equal(findEvent(track, 9), -1);
  });

  it('finds by halving what looking at every event finds', () => {
    const spans = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 1, max: 9 })), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(spans, fc.integer({ min: -1, max: 60 }), (list, time) => {
        const events = list.map(([start, length]) => event(start, start + length)).sort((a, b) => a.start - b.start);
        const [track] = indexTimeline(timelineOf(...events)).tracks;
        const first = events.findIndex(({ end }) => end > time);
        assert.equal(firstEndingAfter(track!, time), first < 0 ? events.length : first);
      }),
    );
  });

  it('is of an empty timeline too', () => {
    const { end, tracks } = indexTimeline({ unit: 'seconds', ranks: [] });
    assert.deepEqual({ end, tracks }, { end: 0, tracks: [] });
  });
});

describe('a painted track', () => {
  const idle = [0, 0, 0] as const;
  const colours = eventKinds.map((_, kind) => [kind === 0 ? 200 : 0, kind === 1 ? 100 : 0, 0] as const);

  function paint(events: readonly TimelineEvent[], width: number, window = { from: 0, to: width }): number[] {
    const [track] = indexTimeline(timelineOf(...events)).tracks;
    const line = new Uint8ClampedArray(4 * width);
    paintTrack(track!, window, line, { sums: new Float32Array(4 * width), colours, idle });
    return Array.from({ length: width }, (_, pixel) => line[4 * pixel]!);
  }

  it('has the colour of an event where it lies, and of idle time elsewhere', () => {
    assert.deepEqual(paint([event(1, 3)], 5), [0, 200, 200, 0, 0]);
  });

  it('mixes what is shorter than a pixel by its share of it', () => {
    assert.deepEqual(paint([event(0, 0.25), event(0.5, 0.75), event(1.5, 3)], 3), [100, 100, 200]);
  });

  it('shows only what lies in the window', () => {
    assert.deepEqual(paint([event(0, 1), event(4, 6), event(9, 10)], 4, { from: 5, to: 7 }), [200, 200, 0, 0]);
  });

  it('has as much colour as there are busy times, whatever the zoom', () => {
    const spans = fc.array(
      fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0.01, max: 1, noNaN: true })),
    );
    fc.assert(
      fc.property(spans, (list) => {
        let time = 0;
        let busy = 0;
        const events = list.map(([gap, length]) => {
          const start = time + gap;
          time = start + length;
          busy += length;
          return event(start, time);
        });
        const window = { from: 0, to: Math.max(1, time) };
        const sum = paint(events, 64, window).reduce((total, red) => total + red, 0);
        assert.ok(Math.abs(sum / 200 / 64 - busy / window.to) < 0.005);
      }),
    );
  });
});
