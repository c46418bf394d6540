import { InputError } from '../base/index.js';
import { type EventKind, type Lane, lanes, type Timeline, type TimelineEvent } from '../schedule/index.js';
import { parseJson } from './json.js';
import { at, type Place, readChoice, readCount, readList, readNumber, readTable, refuse } from './json-fields.js';

/** What all ranks did in one step of a training run. */
export interface StepTimeline {
  readonly step: number;
  /** When it began, in seconds since 1970, and how long it took. */
  readonly start: number;
  readonly seconds: number;
  /** As in `Timeline`, in seconds since the step's start. */
  readonly ranks: Timeline['ranks'];
}

/** Times are whole tenths of a microsecond: the clock of a run is no finer. */
const ticksPerSecond = 1e7;

/** Limits of a file: a short one must not ask for long work. */
const limits = { characters: 2 ** 27, ranks: 4096, events: 2 ** 20, rows: 2 ** 20, letters: 200 } as const;
/** The longest time; in ticks it is still a whole number. */
const longestSeconds = 1e8;
const longestTicks = longestSeconds * ticksPerSecond;

/** `names`, of which an event has one, tell lane and kind too. */
type NameRow = readonly [name: string, lane: Lane, kind: EventKind];

/** Ends of messages: position of the event, and their names. */
type MessageRow = readonly [event: number, ...names: string[]];

/** A rank's events as columns. */
interface RankColumns {
  /** Position in `names`. */
  readonly name: number[];
  /** Position in `actions`, from 1; 0: none. */
  readonly action: number[];
  /** Position in `chunks`. */
  readonly chunks: number[];
  /** Ticks since the start of the event before, of the first since the step's. */
  readonly start: number[];
  /** In ticks. */
  readonly duration: number[];
  readonly sends: MessageRow[];
  readonly receives: MessageRow[];
}

/**
 * The text of a step's timeline, version 1: one JSON document with tables of names (`[name, lane, kind]`), actions (`0F3`; a label is `name [action]`) and chunks (`[stage, microbatch, ...]`),
 * and for each rank a column for each property of its events. Times are rounded to tenths of a microsecond.
 */
export function formatTimeline({ step, start, seconds, ranks }: StepTimeline): string {
  const names = createTable<NameRow>();
  const actions = createTable<string>();
  const chunks = createTable<readonly number[]>();
  const columns = ranks.map((events) => {
    const columns: RankColumns = { name: [], action: [], chunks: [], start: [], duration: [], sends: [], receives: [] };
    let last = 0;
    for (const [index, event] of events.entries()) {
      const { name, action } = splitLabel(event.label);
      columns.name.push(names.find(`${event.lane} ${event.kind} ${name}`, [name, event.lane, event.kind]));
      columns.action.push(action === undefined ? 0 : 1 + actions.find(action, action));
      const flat = event.chunks.flatMap(({ stage, microbatch }) => [stage, microbatch]);
      columns.chunks.push(chunks.find(flat.join(), flat));
      const begin = toTicks(event.start);
      columns.start.push(begin - last);
      columns.duration.push(toTicks(event.end) - begin);
      last = begin;
      if (event.sends !== undefined) columns.sends.push([index, ...event.sends]);
      if (event.receives !== undefined) columns.receives.push([index, ...event.receives]);
    }
    return JSON.stringify(columns);
  });
  const head = JSON.stringify({
    version: 1,
    step,
    start,
    seconds,
    names: names.rows,
    actions: actions.rows,
    chunks: chunks.rows,
  });
  return `${head.slice(0, -1)},"ranks":[\n${columns.join(',\n')}\n]}\n`;
}

const toTicks = (seconds: number): number => Math.round(seconds * ticksPerSecond);

/** Gives each row a position, and rows of one key the same. */
function createTable<T>() {
  const positions = new Map<string, number>();
  const rows: T[] = [];
  return {
    rows,
    find(key: string, row: T): number {
      const known = positions.get(key);
      if (known !== undefined) return known;
      positions.set(key, rows.length);
      return rows.push(row) - 1;
    },
  };
}

/** `attention forward L0 [0F3]` is a name and an action. */
function splitLabel(label: string): { readonly name: string; readonly action?: string } {
  const split = label.lastIndexOf(' [');
  if (split < 0 || !label.endsWith(']')) return { name: label };
  return { name: label.slice(0, split), action: label.slice(split + 2, -1) };
}

interface Tables {
  readonly names: readonly NameRow[];
  readonly actions: readonly string[];
  readonly chunks: readonly TimelineEvent['chunks'][];
}

/** The timeline that `formatTimeline` wrote. Throws `InputError` with `where` and key for any other text. */
export function parseTimeline(text: string, where: string): StepTimeline {
  if (text.length > limits.characters)
    throw new InputError({ what: 'it is too long for a timeline', where, mend: 'name the file of one step' });
  const place = { file: where, key: '' };
  const table = readTable(parseJson(text, where), place);
  if (table.version !== 1) throw refuse(table.version, at(place, 'version'), 'use 1, or the doubletrack that wrote it');
  const tables: Tables = {
    names: readNames(table.names, at(place, 'names')),
    actions: readList(table.actions, at(place, 'actions'), limits.rows, 0).map((entry, index) =>
      readText(entry, at(at(place, 'actions'), String(index))),
    ),
    chunks: readChunks(table.chunks, at(place, 'chunks')),
  };
  return {
    step: readCount(table.step, at(place, 'step'), Number.MAX_SAFE_INTEGER),
    start: readNumber(table.start, at(place, 'start'), Number.MAX_SAFE_INTEGER),
    seconds: readNumber(table.seconds, at(place, 'seconds'), longestSeconds),
    ranks: readRanks(table.ranks, at(place, 'ranks'), tables),
  };
}

/** No rank, and not all ranks together, may have more than `limits.events`. */
function readRanks(value: unknown, place: Place, tables: Tables): TimelineEvent[][] {
  let events = 0;
  return readList(value, place, limits.ranks).map((entry, rank) => {
    const own = at(place, String(rank));
    const read = readEvents(entry, own, tables);
    events += read.length;
    if (events > limits.events)
      throw refuse(events, at(own, 'name'), `use at most ${limits.events} events of all ranks together`);
    return read;
  });
}

const kinds: Readonly<Record<EventKind, true>> = {
  forward: true,
  backward: true,
  backwardInput: true,
  backwardWeight: true,
  overlap: true,
  communication: true,
  other: true,
  exposed: true,
  idle: true,
};

function readNames(value: unknown, place: Place): NameRow[] {
  return readList(value, place, limits.rows, 0).map((entry, index) => {
    const own = at(place, String(index));
    const [name, lane, kind] = readList(entry, own, 3, 3);
    return [
      readText(name, at(own, '0')),
      readChoice(lane, at(own, '1'), lanes),
      readChoice(kind, at(own, '2'), Object.keys(kinds) as EventKind[]),
    ];
  });
}

function readChunks(value: unknown, place: Place): TimelineEvent['chunks'][] {
  return readList(value, place, limits.rows, 0).map((entry, index) => {
    const own = at(place, String(index));
    const flat = readWholes(entry, own, { least: 0, most: limits.rows, entries: undefined });
    if (flat.length % 2 !== 0) throw refuse(entry, own, 'use pairs of stage and microbatch');
    return Array.from({ length: flat.length / 2 }, (_, pair) => ({
      stage: flat[2 * pair] as number,
      microbatch: flat[2 * pair + 1] as number,
    }));
  });
}

function readEvents(value: unknown, place: Place, { names, actions, chunks }: Tables): TimelineEvent[] {
  const table = readTable(value, place);
  const entries = readList(table.name, at(place, 'name'), limits.events, 0).length;
  const column = (key: keyof RankColumns, least: number, most: number) =>
    readWholes(table[key], at(place, key), { least, most, entries });
  const name = column('name', 0, names.length - 1);
  const action = column('action', 0, actions.length);
  const chunk = column('chunks', 0, chunks.length - 1);
  const start = column('start', -longestTicks, longestTicks);
  const duration = column('duration', 0, longestTicks);
  const sends = readMessages(table.sends, at(place, 'sends'), entries);
  const receives = readMessages(table.receives, at(place, 'receives'), entries);
  let begin = 0;
  return name.map((nameIndex, index) => {
    const [text, lane, kind] = names[nameIndex] as NameRow;
    const actionIndex = action[index] as number;
    begin += start[index] as number;
    if (Math.abs(begin) > longestTicks) throw refuse(begin, at(at(place, 'start'), String(index)), 'use shorter times');
    const [sent, taken] = [sends.get(index), receives.get(index)];
    return {
      lane,
      kind,
      label: actionIndex === 0 ? text : `${text} [${actions[actionIndex - 1]}]`,
      start: begin / ticksPerSecond,
      end: (begin + (duration[index] as number)) / ticksPerSecond,
      chunks: chunks[chunk[index] as number] as TimelineEvent['chunks'],
      ...(sent !== undefined && { sends: sent }),
      ...(taken !== undefined && { receives: taken }),
    };
  });
}

/** Names of messages, by position of the event. */
function readMessages(value: unknown, place: Place, events: number): Map<number, readonly string[]> {
  const rows = readList(value, place, events, 0).map((entry, index) => {
    const own = at(place, String(index));
    const [event, ...names] = readList(entry, own, limits.rows);
    const [position] = readWholes([event], own, { least: 0, most: events - 1, entries: 1 }) as [number];
    return [position, names.map((name) => readText(name, own))] as const;
  });
  return new Map(rows);
}

interface Range {
  readonly least: number;
  readonly most: number;
  /** How many there must be; undefined: any number. */
  readonly entries: number | undefined;
}

/** A list of whole numbers from `least` to `most`. */
function readWholes(value: unknown, place: Place, { least, most, entries }: Range): readonly number[] {
  const list = readList(value, place, entries ?? limits.events, entries ?? 0);
  const bad = list.findIndex(
    (entry) => !Number.isSafeInteger(entry) || (entry as number) < least || (entry as number) > most,
  );
  if (bad < 0) return list as readonly number[];
  throw refuse(list[bad], at(place, String(bad)), `use a whole number from ${least} to ${most}`);
}

function readText(value: unknown, place: Place): string {
  if (typeof value === 'string' && value.length <= limits.letters) return value;
  throw refuse(value, place, `use a text of at most ${limits.letters} characters`);
}
