import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TimelineEvent } from '../schedule/index.js';
import { drawLanesText } from './index.js';

const event = (lane: TimelineEvent['lane'], label: string, start: number, end: number): TimelineEvent => ({
  lane,
  kind: lane === 'communication' ? 'communication' : 'forward',
  label,
  start,
  end,
  chunks: [],
});

test('both lanes are drawn to one scale, with labels as long as fit and dots where a lane is idle', () => {
  const events = [
    event('compute', 'attn(F) L0', 0, 3),
    event('communication', 'dispatch(F) L0', 3, 15),
    event('compute', 'mlp(B) L0', 3, 10),
    event('compute', 'mlp(F) L0', 15, 26),
  ];
  const picture = drawLanesText(events, 26, { color: false, width: 14 + 26 });
  assert.equal(picture, 'compute       |aF|mlp(B)·····|mlp(F) L0 \ncommunication ···|dispatch(F)\n');
});

test('colour paints the bars and nothing else', () => {
  const events = [event('compute', 'attn(F) L0', 1, 2)];
  const picture = drawLanesText(events, 2, { color: true, width: 18 });
  assert.equal(picture, 'compute       ··\u001b[30;46m|a\u001b[0m\ncommunication \n');
});

test('nothing to draw gives two empty lanes', () => {
  assert.equal(drawLanesText([], 0, { color: false, width: 80 }), 'compute       \ncommunication \n');
});
