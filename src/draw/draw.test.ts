import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../base/index.js';
import { generateSchedule, type Timeline, type TimelineEvent } from '../schedule/index.js';
import { type Costs, simulate, simulatedTimeline, unitCosts } from '../simulate/index.js';
import { drawScheduleSvg, drawScheduleText, holdsNumbers } from './index.js';

function timelineOf(name: string, ranks: number, microbatches: number, costs: Costs = unitCosts): Timeline {
  const schedule = generateSchedule({ name, ranks, microbatches });
  return simulatedTimeline(schedule, simulate(schedule, costs));
}

test('the text has a row a rank, a cell an action as long as its time, and a legend', () => {
  const text = drawScheduleText(timelineOf('1f1b', 2, 2), { color: false, width: 80 });
  assert.equal(
    text,
    [
      'rank 0 F0F1····B0  ··B1  ',
      'rank 1 ··F0B0  F1B1  ····',
      '',
      'F forward   B backward   · idle',
      '9 units from left to right',
      '',
    ].join('\n'),
  );
});

test('small letters mark the other stage of a rank, and a pair has both its microbatches', () => {
  const text = drawScheduleText(timelineOf('dualpipev', 1, 3), { color: false, width: 80 });
  assert.match(text, /^rank 0 F0f0F1b0 {2}f1B0 {2}F2b1 {2}f2B1 {2}b2 {2}I2W2\n/);
  assert.match(text, /small letters: another stage/);
});

test('segments of a chunk that follow each other at once are one cell of the text', () => {
  const event = (kind: 'forward' | 'backwardInput', microbatch: number, start: number, end: number): TimelineEvent => ({
    lane: 'compute',
    kind,
    label: 'segment',
    start,
    end,
    chunks: [{ stage: 0, microbatch }],
  });
  const events = [
    event('forward', 1, 0, 1),
    event('forward', 1, 1, 2),
    event('forward', 1, 3, 5),
    event('forward', 2, 5, 7),
    event('backwardInput', 2, 7, 9),
  ];
  const text = drawScheduleText({ unit: 'seconds', ranks: [events] }, { color: false, width: 80 });
  assert.match(text, /^rank 0 F1·F1F2I2\n/);
});

test('a line never has more columns than asked for, and idle time stays visible', () => {
  for (const width of [20, 40, 80, 133]) {
    const lines = drawScheduleText(timelineOf('dualpipe', 8, 20), { color: false, width })
      .split('\n')
      .slice(0, 8);
    for (const line of lines) {
      assert.ok(line.length <= width, `${line.length} columns of ${width}`);
      assert.match(line, /^rank \d .*·/);
    }
    assert.equal(new Set(lines.map(({ length }) => length)).size, 1);
  }
});

test('events that are few and some of them shorter than a column are drawn all the same', () => {
  const at = (start: number, end: number, microbatch: number) => ({
    kind: 'forward' as const,
    lane: 'compute' as const,
    label: `0F${microbatch}`,
    start,
    end,
    chunks: [{ stage: 0, microbatch }],
  });
  const events = [at(0, 0.3, 0), at(0.3, 0.3001, 1), at(0.4, 0.6, 2)];
  const timeline: Timeline = { unit: 'seconds', ranks: [events] };
  const text = drawScheduleText(timeline, { color: false, width: 80 });
  assert.match(text, /^rank 0 F0 {10,}.*·F2 +\n/);
  assert.match(text, /\n600 ms from left to right\n$/);
  assert.equal(holdsNumbers(timeline, 80), false);
});

test('where events are shorter than a column, a column shows most of what it holds, and as much idle time as there is', () => {
  const timeline = timelineOf('gpipe', 4, 40);
  const text = drawScheduleText(timeline, { color: false, width: 50 });
  const rows = text.split('\n').slice(0, 4);
  assert.match(rows[0]!, /^rank 0 ·?F{10,}·+B{20,}·?$/);
  for (const row of rows) {
    const dots = row.match(/·/g)?.length ?? 0;
    // 9 of 129 units are idle.
    assert.ok(Math.abs(dots - (43 * 9) / 129) <= 1, row);
  }
  assert.match(text, /each column shows what most of its 3 units are\n129 units from left to right\n$/);
  const pairs = drawScheduleText(timelineOf('dualpipev', 4, 200), { color: false, width: 60 });
  assert.match(pairs, /X{10,}.*\n[\s\S]*X forward and backward overlapped/);
});

test('colour adds escape codes and nothing else', () => {
  const timeline = timelineOf('dualpipev', 2, 4);
  const plain = drawScheduleText(timeline, { color: false, width: 500 });
  const coloured = drawScheduleText(timeline, { color: true, width: 500 });
  assert.ok(!plain.includes('\u001b'));
  assert.notEqual(coloured, plain);
  assert.equal(
    coloured
      .split('\u001b')
      .map((part, index) => (index === 0 ? part : part.replace(/^\[[\d;]*m/, '')))
      .join(''),
    plain,
  );
});

test('the picture has a cell for every action, in the class of its kind, with microbatch numbers', () => {
  const schedule = generateSchedule({ name: 'dualpipev', ranks: 4, microbatches: 10 });
  const svg = drawScheduleSvg(timelineOf('dualpipev', 4, 10), 'A <title> & more');
  const kinds = schedule.actions.flat().map(({ kind }) => kind);
  for (const kind of ['forward', 'backward', 'backwardInput', 'backwardWeight', 'overlap']) {
    const cells = svg.match(new RegExp(`<rect class="${kind}"[^>]*><title>`, 'g'))?.length;
    assert.equal(cells, kinds.filter((other) => other === kind).length, kind);
  }
  const pairs = kinds.filter((kind) => kind === 'overlap').length;
  assert.equal(svg.match(/class="mb"/g)?.length, kinds.length + pairs);
  // A pair's forward stands above its backward.
  const pair =
    /\(0F7;7B3\)OVERLAP_F_B.*?<text class="mb" x="([\d.]+)" y="([\d.]+)">7<.*?<text class="mb" x="([\d.]+)" y="([\d.]+)">3</.exec(
      svg,
    );
  const [, forwardX, forwardY, backwardX, backwardY] = pair ?? [];
  assert.equal(forwardX, backwardX);
  assert.ok(Number(forwardY) < Number(backwardY));
  assert.equal(svg.match(/class="idle"/g)?.length, 4 + 1);
  assert.match(svg, /A &#60;title&#62; &#38; more/);
  assert.match(svg, /66 units<\/text>/);
});

test('messages get a lane of their own', () => {
  const svg = drawScheduleSvg(timelineOf('1f1b', 2, 2, { ...unitCosts, p2p: 0.5 }), 'p2p');
  assert.equal(svg.match(/<rect class="communication"[^>]*><title>/g)?.length, 4);
});

test('numbers that do not fit are left out, the picture stays of bounded width', () => {
  const svg = drawScheduleSvg(timelineOf('gpipe', 2, 2000), 'long');
  const width = Number(/<svg[^>]* width="([\d.]+)"/.exec(svg)?.[1]);
  assert.ok(width < 13_000);
  assert.equal(svg.match(/<text class="mb"[^>]*>1999</g), null);
});

test('an empty timeline and events without time are drawn without a failure', () => {
  const instant: TimelineEvent = { lane: 'compute', kind: 'forward', label: '0F0', start: 0, end: 0, chunks: [] };
  for (const ranks of [[], [[]], [[instant]]]) {
    const timeline: Timeline = { unit: 'units', ranks };
    assert.ok(!drawScheduleSvg(timeline, 'empty').includes('NaN'));
    assert.ok(!drawScheduleText(timeline, { color: false, width: 80 }).includes('NaN'));
  }
});

test('a picture that no browser would show is refused', () => {
  const event: TimelineEvent = { lane: 'compute', kind: 'other', label: 'x', start: 0, end: 1, chunks: [] };
  const timeline: Timeline = { unit: 'units', ranks: [Array(200_001).fill(event)] };
  assert.throws(() => drawScheduleSvg(timeline, 'huge'), InputError);
});
