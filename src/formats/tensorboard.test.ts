import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { StepMetrics } from './metrics.js';
import { crc32c, formatTensorBoard } from './tensorboard.js';

/** The records of an event file, with their checksums tried. */
function readRecords(bytes: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const unmask = (at: number) => {
    const turned = (view.getUint32(at, true) - 0xa282ead8) >>> 0;
    return ((turned << 15) | (turned >>> 17)) >>> 0;
  };
  for (let at = 0; at < bytes.length; ) {
    const length = Number(view.getBigUint64(at, true));
    const data = bytes.subarray(at + 12, at + 12 + length);
    assert.equal(unmask(at + 8), crc32c(bytes.subarray(at, at + 8)));
    assert.equal(unmask(at + 12 + length), crc32c(data));
    records.push(data);
    at += length + 16;
  }
  return records;
}

/** The fields of a message by their numbers, as their raw values. */
function readFields(bytes: Uint8Array): [number, number | string | Uint8Array][] {
  const reader = new BinaryReader(bytes);
  const fields: [number, number | string | Uint8Array][] = [];
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (wire === 0) fields.push([field, Number(reader.int64())]);
    else if (wire === 1) fields.push([field, reader.double()]);
    else if (wire === 5) fields.push([field, reader.float()]);
    else fields.push([field, new Uint8Array(reader.bytes())]);
  }
  return fields;
}

const base = { tokens: 1, computeSeconds: [], communicationSeconds: [], exposedCommunicationSeconds: [] };
const lists = { idleSeconds: [], rankLoads: [], expertSeconds: [], balancedness: 0.5, rankBalancedness: 1, moves: 0 };
const step = (number: number, more: Partial<StepMetrics> = {}): StepMetrics => ({
  ...{ ...base, ...lists, step: number, loss: 2, gradNorm: 0.5, learningRate: 0.25 },
  ...{ seconds: 2, tokensPerSecond: 8, ...more },
});

test('checksums are those of RFC 3720', () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283);
});

test('an event file has a version, and for each step its time, its number and its values', () => {
  const bytes = Buffer.concat([...formatTensorBoard([step(7), step(300, { validationLoss: 3, mfu: 0.125 })], 1000)]);
  const [head, ...events] = readRecords(bytes).map(readFields);
  assert.deepEqual(head, [
    [1, 1000],
    [3, new TextEncoder().encode('brain.Event:2')],
  ]);
  const values = events.map((fields) => {
    const [[, time], [, number], [, summary]] = fields;
    assert.ok(summary instanceof Uint8Array);
    const charts = readFields(summary).map(([, value]) => {
      assert.ok(value instanceof Uint8Array);
      const [[, tag], [, scalar]] = readFields(value);
      assert.ok(tag instanceof Uint8Array);
      return [new TextDecoder().decode(tag), scalar] as const;
    });
    return { time, number, charts: new Map(charts) };
  });
  assert.deepEqual(
    values.map(({ time, number }) => [time, number]),
    [
      [1002, 7],
      [1004, 300],
    ],
  );
  assert.equal(values[0].charts.get('optimizer/gradient_norm'), 0.5);
  assert.equal(values[0].charts.get('optimizer/learning_rate'), 0.25);
  assert.equal(values[0].charts.get('loss/train'), 2);
  assert.equal(values[0].charts.has('loss/validation'), false);
  assert.equal(values[1].charts.get('loss/validation'), 3);
  assert.equal(values[1].charts.get('speed/mfu'), 0.125);
});
