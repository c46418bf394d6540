import { InputError } from '../base/index.js';
import { lanes } from '../schedule/index.js';
import {
  type ChunkSegments,
  type Costs,
  largestAmount,
  longestTime,
  type MemoryCosts,
  type MessageCosts,
  type PairTime,
  type SegmentCost,
  type StageTime,
} from '../simulate/index.js';
import {
  at,
  type Place,
  readChoice,
  readList,
  readName,
  readNumber,
  readTable,
  refuse,
  type Table,
} from './json-fields.js';
import { readJson } from './read-text.js';

/** Longest file, and limits of what it may hold: a short file must not ask for long work. */
const maxBytes = 2 ** 24;
const limits = { stages: 2 ** 14, segments: 2048, layer: 10_000 } as const;

const timeKeys = ['forward', 'backwardInput', 'backwardWeight'] as const;
const memoryKeys = ['parameters', 'gradients', 'optimizer', 'activationsUntilInput', 'activationsUntilWeight'] as const;
const costKeys = [...timeKeys, 'overlapped', 'p2p', 'message', 'segments', 'contention', 'memory'] as const;

/**
 * The costs that a JSON file gives, with the keys of `Costs`; what it leaves out is not there. Throws `InputError` with file and key for unknown keys, for
 * what is no number from 0, and for keys that say the same thing twice.
 */
export function readCosts(file: string): Partial<Costs> {
  const place = { file, key: '' };
  const table = readTable(readJson(file, { maxBytes }), place);
  requireKeys(table, costKeys, place);
  requireOneWay(table, place);
  const part = <K extends keyof Costs>(key: K, read: (value: unknown, place: Place) => Costs[K]) =>
    table[key] === undefined ? {} : { [key]: read(table[key], at(place, key)) };
  return {
    ...part('forward', readStageTime),
    ...part('backwardInput', readStageTime),
    ...part('backwardWeight', readStageTime),
    ...part('overlapped', readPairTime),
    ...part('p2p', readTime),
    ...part('message', readMessage),
    ...part('segments', readSegments),
    ...part('contention', (value, own) => readNumber(value, own, 1)),
    ...part('memory', readMemory),
  };
}

function requireKeys(table: Table, keys: readonly string[], { file, key: prefix }: Place): void {
  const unknown = Object.keys(table).find((key) => !keys.includes(key));
  if (unknown === undefined) return;
  const where = prefix === '' ? file : `${file}, ${prefix}`;
  throw new InputError({
    what: `there is no cost ${JSON.stringify(unknown.slice(0, 40))}`,
    where,
    mend: `use ${keys.join(', ')}`,
  });
}

/** Of two ways to say one thing, a file uses one. */
function requireOneWay(table: Table, { file }: Place): void {
  const time = [...timeKeys, 'overlapped'].find((key) => table[key] !== undefined);
  if (table.segments !== undefined && time !== undefined) {
    throw new InputError({
      what: `${time} and segments are given together`,
      where: file,
      mend: `leave ${time} out: segments say it`,
    });
  }
  if (table.segments === undefined && table.contention !== undefined) {
    throw new InputError({
      what: 'contention needs segments',
      where: file,
      mend: 'give the segments, or leave it out',
    });
  }
  if (table.message !== undefined && table.p2p !== undefined) {
    throw new InputError({ what: 'p2p and message are given together', where: file, mend: 'give one of them' });
  }
}

function readTime(value: unknown, place: Place): number {
  return readNumber(value, place, longestTime);
}

function readStageTime(value: unknown, place: Place): StageTime {
  return readByStage(value, place, longestTime);
}

function readByStage(value: unknown, place: Place, most: number): StageTime {
  if (!Array.isArray(value)) return readNumber(value, place, most);
  return readList(value, place, limits.stages).map((entry, stage) => readNumber(entry, at(place, String(stage)), most));
}

function readPairTime(value: unknown, place: Place): PairTime {
  if (!Array.isArray(value) || !Array.isArray(value[0])) return readStageTime(value, place);
  return readList(value, place, limits.stages).map((row, stage) => {
    const own = at(place, String(stage));
    return readList(row, own, limits.stages).map((time, other) =>
      time === null ? null : readTime(time, at(own, String(other))),
    );
  });
}

function readMessage(value: unknown, place: Place): MessageCosts {
  const table = readTable(value, place);
  requireKeys(table, ['latency', 'bandwidth', 'size'], place);
  const bandwidth = readNumber(table.bandwidth, at(place, 'bandwidth'), largestAmount);
  if (bandwidth === 0) throw refuse(bandwidth, at(place, 'bandwidth'), 'use a number above 0');
  return {
    latency: readTime(table.latency, at(place, 'latency')),
    bandwidth,
    size: readNumber(table.size, at(place, 'size'), largestAmount),
  };
}

function readSegments(value: unknown, place: Place): ChunkSegments | readonly ChunkSegments[] {
  if (!Array.isArray(value)) return readChunk(value, place);
  return readList(value, place, limits.stages).map((entry, stage) => readChunk(entry, at(place, String(stage))));
}

function readChunk(value: unknown, place: Place): ChunkSegments {
  const table = readTable(value, place);
  requireKeys(table, ['forward', 'backward'], place);
  const read = (key: 'forward' | 'backward', phases: readonly SegmentCost['phase'][]) =>
    readList(table[key], at(place, key), limits.segments).map((entry, index) =>
      readSegment(entry, at(at(place, key), String(index)), phases),
    );
  return { forward: read('forward', ['forward']), backward: read('backward', ['backwardInput', 'backwardWeight']) };
}

function readSegment(value: unknown, place: Place, phases: readonly SegmentCost['phase'][]): SegmentCost {
  const table = readTable(value, place);
  requireKeys(table, ['name', 'phase', 'layer', 'lane', 'time'], place);
  const layer = readNumber(table.layer, at(place, 'layer'), limits.layer);
  if (!Number.isInteger(layer)) throw refuse(layer, at(place, 'layer'), 'use the number of the layer in its stage');
  return {
    name: readName(table.name, at(place, 'name')),
    phase: readChoice(table.phase, at(place, 'phase'), phases),
    layer,
    lane: readChoice(table.lane, at(place, 'lane'), lanes),
    time: readTime(table.time, at(place, 'time')),
  };
}

function readMemory(value: unknown, place: Place): MemoryCosts {
  const table = readTable(value, place);
  requireKeys(table, memoryKeys, place);
  const given = memoryKeys.filter((key) => table[key] !== undefined);
  return Object.fromEntries(given.map((key) => [key, readByStage(table[key], at(place, key), largestAmount)]));
}
