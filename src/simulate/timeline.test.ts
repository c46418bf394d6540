import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventKinds, formatTrace, generateSchedule, lanes, scheduleNames } from '../schedule/index.js';
import { simulate, simulatedLanes, simulatedTimeline, unitCosts } from './index.js';

test('an arrow leads from the slice that sends a message to the slice that takes it, and none has only one end', () => {
  const schedule = generateSchedule({ name: 'dualpipe', ranks: 4, microbatches: 8 });
  const { traceEvents } = JSON.parse(
    formatTrace(simulatedTimeline(schedule, simulate(schedule, { ...unitCosts, p2p: 0.3 }))),
  );
  type Entry = { ph: string; id: number; pid: number; tid: number; ts: number; dur: number; name: string; cat: string };
  const entries = traceEvents as Entry[];
  const slices = entries.filter(({ ph }) => ph === 'X');
  const sliceAt = ({ pid, tid, ts }: Entry) => {
    const found = slices.filter(
      (slice) => slice.pid === pid && slice.tid === tid && slice.ts <= ts && ts < slice.ts + slice.dur,
    );
    assert.equal(found.length, 1);
    return found[0] as Entry;
  };
  const ends = (ph: string) => new Map(entries.filter((entry) => entry.ph === ph).map((entry) => [entry.id, entry]));
  const [starts, finishes] = [ends('s'), ends('f')];
  assert.equal(starts.size, slices.filter(({ tid }) => tid === 1).length);
  assert.deepEqual(new Set(finishes.keys()), new Set(starts.keys()));
  for (const [id, start] of starts) {
    const finish = finishes.get(id) as Entry;
    const [sent, taken] = [sliceAt(start), sliceAt(finish)];
    const [, stage, letter, microbatch] = /^(\d+)SEND_([FB])(\d+)$/.exec(sent.name) as unknown as string[];
    const next = Number(stage) + (letter === 'F' ? 1 : -1);
    assert.match(taken.name, new RegExp(`(^|[(;])${next}${letter === 'F' ? 'F' : '[BI]'}${microbatch}(;|\\)|$)`));
    assert.ok(finish.ts >= sent.ts + sent.dur - 1e-6);
    assert.deepEqual([start.tid, finish.tid, start.cat, finish.cat], [1, 0, 'message', 'message']);
    assert.notEqual(start.pid, finish.pid);
  }
});

test('slices of a lane never overlap by a rounding error, which a viewer would draw as one within the other', () => {
  const schedule = generateSchedule({ name: '1f1b', ranks: 3, microbatches: 7 });
  const costs = { forward: 0.1, backwardInput: 0.7, backwardWeight: 1 / 3, p2p: 0.011 };
  const { traceEvents } = JSON.parse(formatTrace(simulatedTimeline(schedule, simulate(schedule, costs))));
  const ends = new Map<string, number>();
  for (const { ph, pid, tid, ts, dur } of traceEvents as Record<string, number | string>[]) {
    if (ph !== 'X') continue;
    const nanoseconds = Math.round(Number(ts) * 1e3);
    assert.ok(nanoseconds >= (ends.get(`${pid} ${tid}`) ?? 0));
    ends.set(`${pid} ${tid}`, nanoseconds + Math.round(Number(dur) * 1e3));
  }
});

test('the columns of a lane are its events of the timeline, in order', () => {
  for (const name of scheduleNames) {
    for (const p2p of [0, 0.3]) {
      const schedule = generateSchedule({ name, ranks: 4, microbatches: 8 });
      const simulation = simulate(schedule, { forward: 1, backwardInput: 0, backwardWeight: 2, p2p });
      const { ranks } = simulatedTimeline(schedule, simulation);
      const columns = simulatedLanes(schedule, simulation);
      assert.deepEqual(
        columns.map(({ rank, lane }) => [rank, lane]),
        ranks.flatMap((_, rank) => lanes.map((lane) => [rank, lane])),
      );
      for (const { rank, lane, starts, ends, kinds, eventAt } of columns) {
        const events = ranks[rank]!.filter((event) => event.lane === lane);
        assert.deepEqual(Array.from(starts.keys(), eventAt), events);
        assert.deepEqual(
          [...starts],
          events.map(({ start }) => start),
        );
        assert.deepEqual(
          [...ends],
          events.map(({ end }) => end),
        );
        assert.deepEqual(
          Array.from(kinds, (kind) => eventKinds[kind]),
          events.map(({ kind }) => kind),
        );
        assert.ok(starts.every((start, place) => place === 0 || start >= starts[place - 1]!));
      }
    }
  }
});

test('a timeline of more actions than fit is refused before it is made', () => {
  const schedule = generateSchedule({ name: 'gpipe', ranks: 1, microbatches: 2 ** 19 + 1 });
  assert.throws(
    () => simulatedTimeline(schedule, simulate(schedule, unitCosts)),
    /1048578 actions are too many.*at most 1048576/,
  );
});
