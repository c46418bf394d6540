import { lanes, type Timeline, type TimelineEvent } from '../schedule/index.js';
import { kindStyles } from './style.js';
import { paint, type TextOptions } from './text.js';

const idle = '·';

/**
 * Both lanes of the one rank of a timeline for a terminal, a row each, from 0 to `end`: each event is a bar and as much of its label as fits (`attn(F)
 * L0`, `attn(F)`, `aF`, `a`), idle time dots. Ends in a line break.
 */
export function drawLanesText(events: Timeline['ranks'][number], end: number, { color, width }: TextOptions): string {
  const margin = 'communication '.length;
  const scale = end > 0 ? Math.max(1, width - margin) / end : 0;
  return lanes
    .map((lane) => {
      const own = events.filter((event) => event.lane === lane).toSorted((one, other) => one.start - other.start);
      return `${lane.padEnd(margin)}${drawLane(own, scale, color)}`;
    })
    .map((line) => `${line}\n`)
    .join('');
}

function drawLane(events: readonly TimelineEvent[], scale: number, color: boolean): string {
  let row = '';
  let column = 0;
  for (const event of events) {
    const [from, to] = [Math.round(event.start * scale), Math.round(event.end * scale)];
    if (to <= column) continue;
    row += idle.repeat(Math.max(0, from - column));
    const columns = to - Math.max(from, column);
    const text = `|${fitLabel(event.label, columns - 1)}`.padEnd(columns);
    row += color ? paint(text, kindStyles[event.kind].ansi) : text;
    column = to;
  }
  return row;
}

function fitLabel(label: string, columns: number): string {
  const [name] = label.split(' ');
  const [, first = '', letter = ''] = /^(.).*\((.)\)/.exec(name) ?? [];
  return [label, name, first + letter, first].find((text) => text.length <= columns) ?? '';
}
