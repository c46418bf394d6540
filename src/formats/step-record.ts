import { InputError } from '../base/index.js';
import { lanes } from '../schedule/index.js';
import type { MessageTime, PartTimes, SegmentTime, StepRecord } from '../simulate/index.js';
import { parseJson } from './json.js';
import {
  at,
  describe,
  type Place,
  readChoice,
  readCount,
  readList,
  readName,
  readNumber,
  readTable,
  refuse,
} from './json-fields.js';

/** Limits of what a file may hold: a short one must not ask for long work. */
const limits = { ranks: 4096, microbatches: 2 ** 20, expert: 1024, layers: 10_000, segments: 1000 } as const;
/** The longest time: beyond it sums would lose their precision. */
const longestSeconds = 1e9;

/** The text of a run's `step.json`. */
export function formatStepRecord(record: StepRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** The record that the text of a run's `step.json` holds. Throws `InputError` with file and key for what is no record of this version, or none that fits together. */
export function parseStepRecord(text: string, file: string): StepRecord {
  const place = { file, key: '' };
  const table = readTable(parseJson(text, file), place);
  if (table.version !== 1) throw refuse(table.version, at(place, 'version'), 'use 1, or the doubletrack that wrote it');
  const expert = readCount(table.expert, at(place, 'expert'), limits.expert);
  const layers = readLayers(table.layers, at(place, 'layers'));
  const last = layers[layers.length - 1].end;
  return {
    version: 1,
    schedule: readSchedule(table.schedule, at(place, 'schedule')),
    expert,
    overlap: readChoice(table.overlap, at(place, 'overlap'), [true, false]),
    transport: readChoice(table.transport, at(place, 'transport'), ['threads', 'mpi']),
    ...(table.emulatedBytesPerSecond !== undefined && {
      emulatedBytesPerSecond: readNumber(table.emulatedBytesPerSecond, at(place, 'emulatedBytesPerSecond'), 1e15),
    }),
    layers,
    steps: readCount(table.steps, at(place, 'steps'), Number.MAX_SAFE_INTEGER),
    stepSeconds: readSeconds(table.stepSeconds, at(place, 'stepSeconds')),
    tailSeconds: readSeconds(table.tailSeconds, at(place, 'tailSeconds')),
    message: readMessage(table.message, at(place, 'message')),
    parts: readParts(table.parts, at(place, 'parts'), { expert, layers: last }),
  };
}

function readSchedule(value: unknown, place: Place): StepRecord['schedule'] {
  const { name, ranks, microbatches, stagesPerRank } = readTable(value, place);
  return {
    name: readName(name, at(place, 'name')),
    ranks: readCount(ranks, at(place, 'ranks'), limits.ranks),
    microbatches: readCount(microbatches, at(place, 'microbatches'), limits.microbatches),
    ...(stagesPerRank !== undefined && {
      stagesPerRank: readCount(stagesPerRank, at(place, 'stagesPerRank'), limits.layers),
    }),
  };
}

function readMessage(value: unknown, place: Place): MessageTime {
  const { sendSeconds, transferSeconds, receiveSeconds } = readTable(value, place);
  return {
    sendSeconds: readSeconds(sendSeconds, at(place, 'sendSeconds')),
    transferSeconds: readSeconds(transferSeconds, at(place, 'transferSeconds')),
    receiveSeconds: readSeconds(receiveSeconds, at(place, 'receiveSeconds')),
  };
}

/** Runs of layers that follow each other from layer 0. */
function readLayers(value: unknown, place: Place): StepRecord['layers'] {
  let next = 0;
  return readList(value, place, limits.layers).map((entry, index) => {
    const own = at(place, String(index));
    const { first, end } = readTable(entry, own);
    if (first !== next) throw refuse(first, at(own, 'first'), `use ${next}`);
    const range = { first: next, end: readCount(end, at(own, 'end'), limits.layers) };
    if (range.end <= next) throw refuse(end, at(own, 'end'), `use more than ${next}`);
    next = range.end;
    return range;
  });
}

interface ModelShape {
  readonly expert: number;
  readonly layers: number;
}

/** The embedding, every layer and the head, each once and in this order; a record without embedding or head is one of a bare model. */
function readParts(value: unknown, place: Place, shape: ModelShape): readonly PartTimes[] {
  const parts = readList(value, place, limits.layers + 2).map((entry, index) =>
    readPart(entry, at(place, String(index)), shape),
  );
  const order = parts.map(({ part, layer }) => (part === 'embed' ? -1 : layer));
  const isSorted = order.every((position, index) => index === 0 || position > order[index - 1]);
  const count = parts.filter(({ part }) => part === 'layer').length;
  if (!isSorted || count !== shape.layers) {
    throw new InputError({
      what: `it has the times of ${count} layers${isSorted ? '' : ', not in order'}`,
      where: describe(place),
      mend: `give layers 0 to ${shape.layers - 1}, each once and in order`,
    });
  }
  return parts;
}

function readPart(value: unknown, place: Place, { expert, layers }: ModelShape): PartTimes {
  const table = readTable(value, place);
  const part = readChoice(table.part, at(place, 'part'), ['embed', 'layer', 'head']);
  const expected = part === 'embed' ? [0] : part === 'head' ? [layers] : undefined;
  const layer = readNumber(table.layer, at(place, 'layer'), part === 'head' ? layers : layers - 1);
  if (!Number.isInteger(layer) || expected?.includes(layer) === false)
    throw refuse(layer, at(place, 'layer'), 'use the number of the layer');
  const read = (key: 'forward' | 'backward') =>
    readList(table[key], at(place, key), limits.segments, 0).map((entry, index) =>
      readSegment(entry, at(at(place, key), String(index)), { isForward: key === 'forward', expert }),
    );
  return { part, layer, forward: read('forward'), backward: read('backward') };
}

function readSegment(
  value: unknown,
  place: Place,
  { isForward, expert }: { readonly isForward: boolean; readonly expert: number },
): SegmentTime {
  const table = readTable(value, place);
  const phases = isForward ? (['forward'] as const) : (['backwardInput', 'backwardWeight'] as const);
  const shape = {
    name: readName(table.name, at(place, 'name')),
    phase: readChoice<SegmentTime['phase']>(table.phase, at(place, 'phase'), phases),
  };
  const all = (key: 'seconds' | 'transferSeconds' | 'unpackSeconds') => readByRank(table[key], at(place, key), expert);
  const lane = readChoice(table.lane, at(place, 'lane'), lanes);
  if (lane === 'compute') return { ...shape, lane, seconds: all('seconds') };
  const transfer = { transferSeconds: all('transferSeconds'), unpackSeconds: all('unpackSeconds') };
  return { ...shape, lane, seconds: all('seconds'), ...transfer };
}

/** A time of each expert rank. */
function readByRank(value: unknown, place: Place, expert: number): number[] {
  const list = readList(value, place, limits.expert);
  if (list.length !== expert) {
    const what = `it has ${list.length} times`;
    throw new InputError({ what, where: describe(place), mend: `give one an expert rank, which are ${expert}` });
  }
  return list.map((entry, rank) => readSeconds(entry, at(place, String(rank))));
}

function readSeconds(value: unknown, place: Place): number {
  return readNumber(value, place, longestSeconds);
}
