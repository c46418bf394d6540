import { formatSeconds } from '../base/index.js';
import { type EventKind, eventKinds, type Timeline, type TimelineEvent } from '../schedule/index.js';
import { endOf, firstStages, hasOtherStages, kindStyles, kindsOf, microbatchText } from './style.js';

export interface TextOptions {
  /** Colour the cells with escape codes. */
  readonly color: boolean;
  /** The most columns of a line; longer steps are squeezed, and what does not fit loses its number. */
  readonly width: number;
}

const idle = '·';
const roomiest = 6;

/**
 * The timeline's compute lanes for a terminal: a row a rank, a cell an event with its letter and microbatch, and a legend. Where events are shorter than
 * a column, a column shows what it holds most of, and idle time as often as there is of it. Ends in a line break.
 */
export function drawScheduleText(timeline: Timeline, { color, width }: TextOptions): string {
  const prefix = prefixOf(timeline.ranks.length);
  const end = endOf(timeline);
  const first = firstStages(timeline);
  const columns = columnsOf(timeline, width);
  const { scale, isDense } = findScale(timeline, end, columns);
  const rows = timeline.ranks.map((events, rank) => {
    const cells = isDense
      ? drawDenseRow(events, { scale, columns, color })
      : drawRow(events, end, scale, first[rank] as number, color);
    return `rank ${String(rank).padStart(prefix - 'rank  '.length)} ${cells}`;
  });
  const format = (time: number) =>
    timeline.unit === 'seconds' ? formatSeconds(time) : `${formatTime(time)} ${timeline.unit}`;
  const span = `${format(end)} from left to right`;
  const legend = [
    ...legendEntries(timeline, color, isDense),
    ...(!isDense && hasOtherStages(timeline, first) ? ['small letters: another stage'] : []),
  ];
  const note = isDense ? [`each column shows what most of its ${format(Number((1 / scale).toPrecision(3)))} are`] : [];
  return `${[...rows, '', [...legend, `${idle} idle`].join('   '), ...note, span].join('\n')}\n`;
}

/**
 * Columns per unit of time: as many as the tightest event needs for its text, if the line has them; else whole columns for the shortest event, so that equal
 * times look equal; where that has less than one, as many as fill the line: dense if events are many, while a few short
 * ones between long ones leave these their numbers.
 */
function findScale(timeline: Timeline, end: number, columns: number): { scale: number; isDense: boolean } {
  const { wanted, shortest, count } = measureEvents(timeline);
  if (wanted * end <= columns) return { scale: wanted, isDense: false };
  const most = columns / end;
  const whole = Math.floor(most * shortest);
  const isDense = whole === 0 && count > columns / 2;
  return { scale: whole === 0 ? most : whole / shortest, isDense };
}

/** Whether a picture of that many columns has the letter and microbatch of every event. */
export function holdsNumbers(timeline: Timeline, width: number): boolean {
  const end = endOf(timeline);
  return measureEvents(timeline).wanted * end <= columnsOf(timeline, width);
}

/** Columns beside the names of the ranks. */
function columnsOf({ ranks }: Timeline, width: number): number {
  return Math.max(1, width - prefixOf(ranks.length));
}

function prefixOf(ranks: number): number {
  return `rank ${ranks - 1} `.length;
}

/**
 * Columns per unit of time that the tightest event needs for its text, how long the shortest takes, and the most of a
 * rank.
 */
function measureEvents(timeline: Timeline) {
  let wanted = 0;
  let shortest = Number.POSITIVE_INFINITY;
  let count = 0;
  for (const events of timeline.ranks) {
    const joined = joinNeighbours(events);
    count = Math.max(count, joined.length);
    for (const event of joined) {
      const duration = event.end - event.start;
      if (duration <= 0) continue;
      wanted = Math.max(wanted, Math.min(roomiest, labelOf(event, Number.NaN).length) / duration);
      shortest = Math.min(shortest, duration);
    }
  }
  return { wanted, shortest, count };
}

interface DenseOptions {
  readonly scale: number;
  readonly columns: number;
  readonly color: boolean;
}

/** A sign a column for the kind that takes most of it. Idle time too short for a column is summed up until it is worth one. */
function drawDenseRow(events: readonly TimelineEvent[], { scale, columns, color }: DenseOptions): string {
  const kinds = eventKinds.length;
  const shares = new Float64Array(columns * kinds);
  const idleShares = new Float64Array(columns).fill(1);
  for (const event of events) {
    if (event.lane !== 'compute') continue;
    const [from, to] = [event.start * scale, event.end * scale];
    const kind = eventKinds.indexOf(event.kind);
    for (let column = Math.floor(from); column < Math.min(to, columns); column++) {
      const share = Math.min(to, column + 1) - Math.max(from, column);
      shares[column * kinds + kind] += share;
      idleShares[column] -= share;
    }
  }
  let owed = 0;
  let row = '';
  for (const [column, share] of idleShares.entries()) {
    owed += share;
    const own = shares.subarray(column * kinds, (column + 1) * kinds);
    const kind = eventKinds[own.indexOf(Math.max(...own))] as EventKind;
    const isIdle = owed >= 0.5 && share > 1e-6;
    if (isIdle) owed -= 1;
    row += isIdle || share > 1 - 1e-6 ? idle : color ? paint(signOf(kind), kindStyles[kind].ansi) : signOf(kind);
  }
  return row;
}

/** One letter for a kind: PyTorch's, or X for a pair. */
function signOf(kind: EventKind): string {
  if (kind === 'overlap') return 'X';
  return kindStyles[kind].letter === '' ? '+' : kindStyles[kind].letter;
}

function drawRow(
  events: readonly TimelineEvent[],
  end: number,
  scale: number,
  firstStage: number,
  color: boolean,
): string {
  let row = '';
  let column = 0;
  for (const event of joinNeighbours(events)) {
    const [from, to] = [Math.round(event.start * scale), Math.round(event.end * scale)];
    if (to <= column) continue;
    row += idle.repeat(Math.max(0, from - column));
    const columns = to - Math.max(from, column);
    const text = fitLabel(event, firstStage, columns, color).padEnd(columns);
    row += color ? paint(text, kindStyles[event.kind].ansi) : text;
    column = to;
  }
  return row + idle.repeat(Math.max(0, Math.round(end * scale) - column));
}

/** The compute lane, with what follows at once for the same chunk as one event: the segments of an action are one cell. */
function joinNeighbours(events: readonly TimelineEvent[]): TimelineEvent[] {
  const joined: TimelineEvent[] = [];
  for (const event of events) {
    if (event.lane !== 'compute') continue;
    const last = joined.at(-1);
    if (last === undefined || last.end !== event.start || last.kind !== event.kind || !isSameWork(last, event)) {
      joined.push(event);
    } else {
      joined[joined.length - 1] = { ...last, end: event.end };
    }
  }
  return joined;
}

function isSameWork({ chunks: one }: TimelineEvent, { chunks: other }: TimelineEvent): boolean {
  return (
    one.length === other.length &&
    one.every(({ stage, microbatch }, index) => {
      const chunk = other[index];
      return stage === chunk.stage && microbatch === chunk.microbatch;
    })
  );
}

/** The fullest text that fits: with its letters; where colour tells the kind, without them; one letter. */
function fitLabel(event: TimelineEvent, firstStage: number, columns: number, color: boolean): string {
  const label = labelOf(event, firstStage);
  const short = color ? [microbatchText(event), String(event.chunks[0]?.microbatch ?? '')] : [label.replace(/\d/g, '')];
  return [label, ...short].find((text) => text.length <= columns) ?? (color ? '' : label.slice(0, columns));
}

/** `F3`, `F7b3`: small letters for a stage that is not the rank's first. */
function labelOf(event: TimelineEvent, firstStage: number): string {
  if (event.chunks.length === 0) return event.label;
  const letters = event.kind === 'overlap' ? ['F', 'B'] : [kindStyles[event.kind].letter];
  return event.chunks
    .map(({ stage, microbatch }, index) => {
      const letter = letters[index] ?? '';
      return `${stage === firstStage ? letter : letter.toLowerCase()}${microbatch}`;
    })
    .join('');
}

function legendEntries(timeline: Timeline, color: boolean, isDense: boolean): string[] {
  return kindsOf(timeline)
    .filter((kind) => kind !== 'communication')
    .map((kind) => {
      const { letter, words, ansi } = kindStyles[kind];
      const sign = isDense ? signOf(kind) : kind === 'overlap' ? 'F7B3' : letter;
      if (sign === '') return words;
      return `${color ? paint(sign, ansi) : sign} ${words.replace(/ \(.*/, '')}`;
    });
}

/** Text in a colour of the terminal: `ansi` is the escape code's number. */
export function paint(text: string, ansi: string): string {
  return `\u001b[${ansi}m${text}\u001b[0m`;
}

/** At most six significant digits, without trailing zeros. */
export function formatTime(time: number): string {
  return String(Number(time.toPrecision(6)));
}
