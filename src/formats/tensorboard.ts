import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { StepMetrics } from './metrics.js';

/** What TensorBoard shows of a run: the tag of a chart, and its number of a step. */
const charts: readonly (readonly [tag: string, read: (metrics: StepMetrics) => number | undefined])[] = [
  ['loss/train', ({ loss }) => loss],
  ['loss/validation', ({ validationLoss }) => validationLoss],
  ['optimizer/gradient_norm', ({ gradNorm }) => gradNorm],
  ['optimizer/learning_rate', ({ learningRate }) => learningRate],
  ['speed/tokens_per_second', ({ tokensPerSecond }) => tokensPerSecond],
  ['speed/step_seconds', ({ seconds }) => seconds],
  ['speed/gflops', ({ gflops }) => gflops],
  ['speed/mfu', ({ mfu }) => mfu],
  ['memory/peak_bytes', ({ peakMemoryBytes }) => peakMemoryBytes],
  ['experts/balancedness', ({ balancedness }) => balancedness],
  ['experts/rank_balancedness', ({ rankBalancedness }) => rankBalancedness],
];

/**
 * A run's metrics as an event file of TensorBoard, whose steps end one after the other from `start` on, in seconds
 * since 1970. Source: TFRecord's framing (tensorflow/core/lib/io/record_writer.h), messages Event and Summary
 * (tensorboard/compat/proto/event.proto and summary.proto).
 */
export function* formatTensorBoard(steps: readonly StepMetrics[], start: number): Generator<Uint8Array> {
  yield frameRecord(
    new BinaryWriter().tag(1, WireType.Bit64).double(start).tag(3, lengthDelimited).string(version).finish(),
  );
  let time = start;
  for (const metrics of steps) {
    time += metrics.seconds;
    yield frameRecord(formatEvent(metrics, time));
  }
}

const version = 'brain.Event:2';
const lengthDelimited = WireType.LengthDelimited;

function formatEvent(metrics: StepMetrics, time: number): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Bit64).double(time);
  writer.tag(2, WireType.Varint).int64(metrics.step);
  writer.tag(5, lengthDelimited).fork();
  for (const [tag, read] of charts) {
    const value = read(metrics);
    if (value === undefined) continue;
    writer.tag(1, lengthDelimited).fork();
    writer.tag(1, lengthDelimited).string(tag).tag(2, WireType.Bit32).float(value);
    writer.join();
  }
  return writer.join().finish();
}

/** Length (8 bytes), its checksum, the data and its checksum, little-endian. */
function frameRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return record;
}

/** CRC-32C, turned and shifted so that a checksum of checksums is no special case. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** CRC-32C (Castagnoli), as in RFC 3720, appendix B.4. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 0xff] ^ (crc >>> 8)) >>> 0;
  return ~crc >>> 0;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f63b78;
  return crc;
});
