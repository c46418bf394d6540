import assert from 'node:assert/strict';
import { createGather, gatherOperation, valuesBytes } from './collectives.js';
import { type ConformanceCase, everyone, fraction, mark, noChannels, sumOfFractions } from './conformance-case.js';
import { moves, replicas } from './conformance-slots.js';
import type { Operation, PartsOperation, RankBuffers, RowsOperation } from './operations.js';

const MEBIBYTE = 2 ** 20;
const ROUNDS = 20;
const noOperations = (): readonly Operation[] => [];

/** Every rank to the next: small and large messages, with one slot and with several. */
const mailInOrder: ConformanceCase = {
  name: 'messages of a channel arrive whole and in order, whatever their size and number of slots',
  bytes: 64,
  operations: noOperations,
  channels: (ranks) =>
    everyone(ranks).flatMap((from) => [
      { from, to: (from + 1) % ranks, messageBytes: 64, slots: 1 },
      { from, to: (from + 1) % ranks, messageBytes: MEBIBYTE, slots: 3 },
    ]),
  run({ transport: { rank, ranks, send, receive } }) {
    const sizes = [16, MEBIBYTE / 4];
    const before = (rank + ranks - 1) % ranks;
    for (let round = 0; round < ROUNDS; round++) {
      for (const [kind, size] of sizes.entries()) {
        const message = Int32Array.from({ length: size }, (_, index) => mark(round, rank, index));
        send(2 * rank + kind, new Uint8Array(message.buffer));
        message.fill(-1);
        receive(2 * before + kind, new Uint8Array(message.buffer));
        assert.ok(
          message.every((value, index) => value === mark(round, before, index)),
          `round ${round}, ${size} numbers`,
        );
      }
    }
  },
};

const SLOTS = 3;
const ROW_FLOATS = 5;
/** Rows that rank `from` has for the slot: uneven, and none now and then. */
const rowsFor = (round: number, from: number, slot: number): number => (round + 2 * from + 5 * slot) % 4;
const MAX_ROWS = 4 * 4 * SLOTS;

/** Where the tensors of one exchange lie in the rank's memory: the index tensors, then the rows. */
function rowsPlaces(position: number) {
  const start = position * 16_384;
  const at = (byteOffset: number) => ({ buffer: 'activations' as const, byteOffset: start + byteOffset });
  return { tokenOffsets: at(0), counts: at(512), slotOffsets: at(1024), tokenRows: at(2048), expertRows: at(8192) };
}

function rowsOperations(group: readonly number[], position: number): RowsOperation[] {
  const { tokenRows, expertRows, ...indices } = rowsPlaces(position);
  const tensors = [{ tokenSide: tokenRows, expertSide: expertRows, rowBytes: 4 * ROW_FLOATS }];
  const common = { kind: 'rows', group, slots: SLOTS, tensors, ...indices } as const;
  return [
    { ...common, direction: 'toExperts', exchangesCounts: true },
    { ...common, direction: 'toTokens', exchangesCounts: false },
  ];
}

/** Fills the token side of a round: row r of the rank holds mark(round, rank, r). */
function fillTokens(
  buffers: RankBuffers,
  position: number,
  group: readonly number[],
  rank: number,
  round: number,
): number {
  const places = rowsPlaces(position);
  const offsets = new Int32Array(buffers.activations, places.tokenOffsets.byteOffset, group.length * SLOTS + 1);
  for (let slot = 0; slot < group.length * SLOTS; slot++)
    offsets[slot + 1] = offsets[slot] + rowsFor(round, rank, slot);
  const rows = offsets[group.length * SLOTS];
  const tokens = new Float32Array(buffers.activations, places.tokenRows.byteOffset, rows * ROW_FLOATS);
  for (let index = 0; index < tokens.length; index++) tokens[index] = mark(round, rank, index);
  return rows;
}

/** Checks every row that the rank's experts got, and adds one half to each so that the way back can be told from the way there. */
function checkExperts(
  buffers: RankBuffers,
  position: number,
  group: readonly number[],
  rank: number,
  round: number,
): void {
  const places = rowsPlaces(position);
  const me = group.indexOf(rank);
  const rows = new Float32Array(buffers.activations, places.expertRows.byteOffset, MAX_ROWS * ROW_FLOATS);
  const offsets = new Int32Array(buffers.activations, places.slotOffsets.byteOffset, SLOTS + 1);
  let row = 0;
  for (let slot = 0; slot < SLOTS; slot++) {
    assert.equal(offsets[slot], row, `first row of slot ${slot}`);
    for (const source of group) {
      const before = Array.from({ length: me * SLOTS + slot }, (_, earlier) => rowsFor(round, source, earlier));
      const first = before.reduce((sum, count) => sum + count, 0);
      for (let index = 0; index < rowsFor(round, source, me * SLOTS + slot); index++, row++)
        for (let column = 0; column < ROW_FLOATS; column++) {
          const position = row * ROW_FLOATS + column;
          assert.equal(rows[position], mark(round, source, (first + index) * ROW_FLOATS + column));
          rows[position] += 0.5;
        }
    }
  }
  assert.equal(offsets[SLOTS], row);
}

function checkTokens(buffers: RankBuffers, position: number, rank: number, round: number, rows: number): void {
  const tokens = new Float32Array(buffers.activations, rowsPlaces(position).tokenRows.byteOffset, rows * ROW_FLOATS);
  for (let index = 0; index < tokens.length; index++) assert.equal(tokens[index], mark(round, rank, index) + 0.5);
}

const rowsThereAndBack: ConformanceCase = {
  name: 'rows reach their slots, by slot and by rank, and come back to where they were',
  bytes: 16_384,
  channels: noChannels,
  operations: (_, ranks) => rowsOperations(everyone(ranks), 0),
  run({ transport: { rank, ranks, post, wait }, buffers }) {
    const group = everyone(ranks);
    for (let round = 0; round < ROUNDS; round++) {
      const rows = fillTokens(buffers, 0, group, rank, round);
      post(0);
      wait(0);
      checkExperts(buffers, 0, group, rank, round);
      post(1);
      wait(1);
      checkTokens(buffers, 0, rank, round, rows);
    }
  },
};

const manyInFlight: ConformanceCase = {
  name: 'several exchanges under way at once do not disturb each other, in groups that do not know of each other',
  bytes: 4 * 16_384,
  channels: noChannels,
  operations: (rank, ranks) => [0, 1, 2, 3].flatMap((position) => rowsOperations(halfOf(rank, ranks), position)),
  run({ transport: { rank, ranks, post, wait }, buffers }) {
    const group = halfOf(rank, ranks);
    for (let round = 0; round < ROUNDS; round++) {
      const rows = [0, 1, 2, 3].map((position) => fillTokens(buffers, position, group, rank, round + position));
      for (const position of [0, 1, 2, 3]) post(2 * position);
      for (const position of [3, 0, 2, 1]) {
        wait(2 * position);
        checkExperts(buffers, position, group, rank, round + position);
      }
      for (const position of [0, 1, 2, 3]) post(2 * position + 1);
      for (const position of [2, 1, 3, 0]) {
        wait(2 * position + 1);
        checkTokens(buffers, position, rank, round + position, rows[position]);
      }
    }
  },
};

/** The ranks of the same parity. */
function halfOf(rank: number, ranks: number): number[] {
  return everyone(ranks).filter((other) => other % 2 === rank % 2);
}

const SUMS = [1, 15, 16, 17, 100, 300_001];

function sumOperations(ranks: number): PartsOperation[] {
  let byteOffset = 0;
  return SUMS.flatMap((count) => {
    const place = { buffer: 'state', byteOffset } as const;
    byteOffset += 4 * count;
    const common = { group: everyone(ranks), place, count };
    return [
      { kind: 'sumParts', ...common },
      { kind: 'gatherParts', ...common },
    ] satisfies PartsOperation[];
  });
}

const sums: ConformanceCase = {
  name: 'sums are the same bits on every rank: added in the order of the ranks',
  bytes: 4 * SUMS.reduce((sum, count) => sum + count, 0),
  channels: noChannels,
  operations: (_, ranks) => sumOperations(ranks),
  run({ transport: { rank, ranks, post, wait }, buffers }) {
    const operations = sumOperations(ranks);
    for (let round = 0; round < 3; round++) {
      for (const [index, { place, count }] of operations.entries()) {
        if (index % 2 === 1) continue;
        const numbers = new Float32Array(buffers.state, place.byteOffset, count);
        for (let position = 0; position < count; position++) numbers[position] = fraction(round, rank, position);
        post(index);
        wait(index);
        post(index + 1);
        wait(index + 1);
        const wrong = numbers.findIndex((sum, position) => sum !== sumOfFractions(round, everyone(ranks), position));
        assert.equal(wrong, -1, `number ${wrong} of ${count}, round ${round}: ${numbers[wrong]}`);
      }
    }
  },
};

const gathers: ConformanceCase = {
  name: 'values are gathered by rank, as often as one likes',
  bytes: valuesBytes(8),
  channels: noChannels,
  operations: (_, ranks) => [gatherOperation(ranks)],
  run({ transport, buffers }) {
    const { rank, ranks } = transport;
    const gather = createGather(transport, buffers.values, 0);
    for (let round = 0; round < 10 * ROUNDS; round++) {
      const expected = everyone(ranks).flatMap((from) => [from / 3, round]);
      assert.deepEqual([...gather([rank / 3, round])], expected);
    }
  },
};

/** The longest row of a large exchange, and rows for each expert. */
const LARGE_ROW = 4096;
const LARGE_ROWS = 100;

function largeOperation(ranks: number): RowsOperation {
  const at = (byteOffset: number) => ({ buffer: 'activations' as const, byteOffset });
  const rowsBytes = ranks * LARGE_ROWS * LARGE_ROW;
  return {
    kind: 'rows',
    group: everyone(ranks),
    direction: 'toExperts',
    exchangesCounts: true,
    slots: 1,
    tokenOffsets: at(0),
    counts: at(512),
    slotOffsets: at(1024),
    tensors: [{ tokenSide: at(4096), expertSide: at(4096 + rowsBytes), rowBytes: LARGE_ROW }],
  };
}

const largeRowsAndMail: ConformanceCase = {
  name: 'megabytes of rows and of mail travel at the same time',
  bytes: 4096 + 2 * 4 * LARGE_ROWS * LARGE_ROW,
  channels: (ranks) =>
    everyone(ranks).map((from) => ({ from, to: (from + 1) % ranks, messageBytes: MEBIBYTE, slots: 2 })),
  operations: (_, ranks) => [largeOperation(ranks)],
  run({ transport: { rank, ranks, post, wait, send, receive }, buffers }) {
    const { tokenOffsets, tensors } = largeOperation(ranks);
    const offsets = new Int32Array(buffers.activations, tokenOffsets.byteOffset, ranks + 1);
    for (let slot = 0; slot < ranks; slot++) offsets[slot + 1] = (slot + 1) * LARGE_ROWS;
    const count = ranks * LARGE_ROWS * LARGE_ROW;
    const [tokens, rows] = [tensors[0].tokenSide, tensors[0].expertSide].map(
      ({ byteOffset }) => new Uint8Array(buffers.activations, byteOffset, count),
    );
    const message = new Uint8Array(MEBIBYTE);
    const before = (rank + ranks - 1) % ranks;
    for (let round = 0; round < 3; round++) {
      tokens.fill(rank + 1 + round);
      message.fill(rank + 7 + round);
      post(0);
      send(rank, message);
      receive(before, message);
      wait(0);
      assert.ok(message.every((byte) => byte === before + 7 + round));
      for (let source = 0; source < ranks; source++) {
        const block = rows.subarray(source * LARGE_ROWS * LARGE_ROW, (source + 1) * LARGE_ROWS * LARGE_ROW);
        assert.ok(block.every((byte) => byte === source + 1 + round));
      }
    }
  },
};

export const conformanceCases: readonly ConformanceCase[] = [
  mailInOrder,
  rowsThereAndBack,
  manyInFlight,
  sums,
  replicas,
  moves,
  gathers,
  largeRowsAndMail,
];

export function findConformanceCase(name: string): ConformanceCase {
  const found = conformanceCases.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no conformance case is called '${name}'`);
  return found;
}

/** Empty buffers for a case. */
export function createConformanceBuffers({ bytes }: ConformanceCase): RankBuffers {
  const buffer = () => new SharedArrayBuffer(bytes);
  return { state: buffer(), activations: buffer(), values: buffer() };
}
