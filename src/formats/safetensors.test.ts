import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../base/index.js';
import { readSafetensors, type TensorData, writeSafetensors } from './safetensors.js';
import { readIntegerTensor, readTensor } from './safetensors-read.js';

const folder = mkdtempSync(join(tmpdir(), 'safetensors-'));
after(() => rmSync(folder, { recursive: true }));
const fixture = 'test/fixtures/deepseek-v3-tiny';

/** A file of a header as text (or bytes) and data of some length. */
function fileOf(header: string | Uint8Array, dataBytes: number | Uint8Array, claimed?: bigint): string {
  const path = join(folder, 'made.safetensors');
  const bytes = typeof header === 'string' ? Buffer.from(header) : header;
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(bytes.length));
  writeFileSync(
    path,
    Buffer.concat([length, bytes, typeof dataBytes === 'number' ? Buffer.alloc(dataBytes) : dataBytes]),
  );
  return path;
}

function entry(begin: number, end: number, shape: readonly number[] = [(end - begin) / 4], dtype = 'F32'): object {
  return { dtype, shape, data_offsets: [begin, end] };
}

test('reads a file that the reference library wrote', () => {
  const file = readSafetensors(join(fixture, 'model.safetensors'));
  assert.deepEqual([...file.metadata], [['format', 'pt']]);
  assert.equal(file.tensors.size, 91);
  assert.deepEqual(file.tensors.get('lm_head.weight')?.shape, [256, 64]);
  const norm = readTensor(file, 'model.norm.weight');
  assert.equal(norm.length, 64);
  assert.ok(norm.every((weight) => weight > 0 && weight < 2));
});

test('writes what was read to the byte as the reference library wrote it', async () => {
  for (const name of ['model.safetensors', 'expected.safetensors']) {
    const file = readSafetensors(join(fixture, name));
    const tensors = [...file.tensors].map(
      ([name, { shape }]): TensorData => ({ name, dtype: 'F32', shape, data: readTensor(file, name) }),
    );
    const path = join(folder, name);
    await writeSafetensors(path, tensors.reverse(), Object.fromEntries(file.metadata));
    assert.ok(readFileSync(path).equals(readFileSync(join(fixture, name))));
  }
});

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
const names = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('__proto__', '0', '1', 'constructor', 'a"b\\c\n'),
);
const tensors = fc.uniqueArray(
  fc
    .tuple(names, shapes, fc.constantFrom('F32', 'I32', 'F64'), fc.integer())
    .map(([name, shape, dtype, seed]): TensorData => {
      const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (seed >> (i % 8)) - i);
      if (dtype === 'I32') return { name, shape, dtype, data: Int32Array.from(values) };
      if (dtype === 'F64') return { name, shape, dtype, data: Float64Array.from(values) };
      return { name, shape, dtype: 'F32', data: Float32Array.from(values, (value) => value / 3) };
    }),
  { selector: ({ name }) => name, maxLength: 8 },
);

test('what is written is read: any tensors, names, shapes and metadata', async () => {
  const path = join(folder, 'round-trip.safetensors');
  const metadata = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }));
  await fc.assert(
    fc.asyncProperty(tensors, metadata, async (written, metadata) => {
      await writeSafetensors(path, written, metadata);
      const file = readSafetensors(path);
      assert.equal(file.tensors.size, written.length);
      assert.deepEqual(new Map(file.metadata), new Map(Object.entries(metadata)));
      for (const { name, shape, dtype, data } of written) {
        assert.deepEqual(file.tensors.get(name)?.shape, shape);
        assert.equal(file.tensors.get(name)!.byteOffset % data.BYTES_PER_ELEMENT, 0, 'aligned');
        if (dtype === 'I32') assert.deepEqual(readIntegerTensor(file, name), data);
        else assert.deepEqual(readTensor(file, name), Float32Array.from(data));
      }
    }),
    { numRuns: 60 },
  );
});

test('numbers in shared memory are written too', async () => {
  const data = new Float32Array(new SharedArrayBuffer(16), 4, 2);
  data.set([1.5, -2]);
  const path = join(folder, 'shared.safetensors');
  await writeSafetensors(path, [{ name: 'x', dtype: 'F32', shape: [2], data }]);
  assert.deepEqual([...readTensor(readSafetensors(path), 'x')], [1.5, -2]);
});

test('half precision is read to the bit', () => {
  const data = new Uint8Array(
    Uint16Array.from([0x3f80, 0xc2f7, 0x7f80, 0x0001, 0x3c00, 0xc000, 0x7bff, 0x0001, 0xfc00]).buffer,
  );
  const header = { b: entry(0, 8, [4], 'BF16'), h: entry(8, 18, [5], 'F16') };
  const file = readSafetensors(fileOf(JSON.stringify(header), data));
  assert.deepEqual([...readTensor(file, 'b')], [1, -123.5, Number.POSITIVE_INFINITY, 2 ** -133]);
  assert.deepEqual([...readTensor(file, 'h')], [1, -2, 65504, 2 ** -24, Number.NEGATIVE_INFINITY]);
});

const broken: readonly [name: string, make: () => string, message: RegExp][] = [
  ['an empty file', () => emptyFile(0), /only 0 bytes long/],
  ['seven bytes', () => emptyFile(7), /only 7 bytes long/],
  ['a header longer than the file', () => fileOf('{}', 0, 100n), /was cut: its header would end at byte 108 of 10/],
  ['a header of 2^63 bytes', () => fileOf('{}', 0, 2n ** 63n), /was cut/],
  ['a header of 2^64 - 1 bytes', () => fileOf('{}', 0, 2n ** 64n - 1n), /was cut/],
  ['text in place of the format', () => textFile('hello, this is a text and no tensor file'), /no safetensors file/],
  ['a header that is no JSON', () => fileOf('{"a":', 0), /no valid JSON/],
  ['an empty header', () => fileOf('', 0), /no valid JSON/],
  ['a header that is no UTF-8', () => fileOf(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d), 0), /not UTF-8/],
  ['a header that is a list', () => fileOf('[]', 0), /no table of tensors/],
  ['a header nested without end', () => fileOf('['.repeat(1_000_000), 0), /nested deeper than 3/],
  ['a tensor that is a number', () => fileOf('{"a":1}', 0), /tensor 'a' is no table/],
  ['a tensor without dtype', () => fileOf('{"a":{"shape":[],"data_offsets":[0,4]}}', 4), /dtype/],
  ['an unknown dtype', () => fileOf(JSON.stringify({ a: entry(0, 4, [1], 'F31') }), 4), /dtype that is not known/],
  [
    'a dtype that JavaScript knows',
    () => fileOf(JSON.stringify({ a: entry(0, 4, [1], 'toString') }), 4),
    /dtype that is not known/,
  ],
  [
    'a key that is not known',
    () => fileOf(JSON.stringify({ a: { ...entry(0, 4), x: 1 } }), 4),
    /keys that the format does not know/,
  ],
  ['a negative dim', () => fileOf(JSON.stringify({ a: entry(0, 4, [-1]) }), 4), /no shape/],
  ['a fractional dim', () => fileOf(JSON.stringify({ a: entry(0, 4, [0.5]) }), 4), /no shape/],
  ['a dim that is text', () => fileOf('{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}', 4), /no shape/],
  [
    'dims whose product overflows',
    () => fileOf(JSON.stringify({ a: entry(0, 4, [2 ** 32, 2 ** 32]) }), 4),
    /does not fill its 4 bytes/,
  ],
  ['a huge shape', () => fileOf(JSON.stringify({ a: entry(0, 4, [1e12]) }), 4), /does not fill its 4 bytes/],
  [
    'a huge tensor',
    () => fileOf(JSON.stringify({ a: entry(0, 4e12, [1e12]) }), 4),
    /the tensors end at 4000000000000, the data at 4/,
  ],
  [
    'a shape of a million dims',
    () => fileOf(JSON.stringify({ a: entry(0, 4, new Array(1e6).fill(1)) }), 4),
    /no shape/,
  ],
  ['one offset', () => fileOf('{"a":{"dtype":"F32","shape":[],"data_offsets":[0]}}', 4), /data_offsets/],
  ['a negative offset', () => fileOf(JSON.stringify({ a: entry(-4, 0, [1]) }), 4), /data_offsets/],
  [
    'offsets in the wrong order',
    () => fileOf(JSON.stringify({ a: entry(4, 0, [1]) }), 4),
    /does not fill its -4 bytes/,
  ],
  [
    'a shape that does not fit its bytes',
    () => fileOf(JSON.stringify({ a: entry(0, 8, [1]) }), 8),
    /does not fill its 8 bytes/,
  ],
  [
    'overlapping tensors',
    () => fileOf(JSON.stringify({ a: entry(0, 8), b: entry(4, 12) }), 12),
    /'b' begins at 4 where 8 is expected/,
  ],
  [
    'tensors at the same place',
    () => fileOf(JSON.stringify({ a: entry(0, 8), b: entry(0, 8) }), 8),
    /begins at 0 where 8/,
  ],
  [
    'a gap between tensors',
    () => fileOf(JSON.stringify({ a: entry(0, 4), b: entry(8, 12) }), 12),
    /'b' begins at 8 where 4/,
  ],
  ['a gap before the first', () => fileOf(JSON.stringify({ a: entry(4, 8) }), 8), /'a' begins at 4 where 0/],
  [
    'data after the last tensor',
    () => fileOf(JSON.stringify({ a: entry(0, 4) }), 8),
    /the tensors end at 4, the data at 8/,
  ],
  ['data that was cut', () => fileOf(JSON.stringify({ a: entry(0, 8) }), 4), /the tensors end at 8, the data at 4/],
  ['metadata that is a list', () => fileOf('{"__metadata__":[]}', 0), /__metadata__ is no table/],
  ['metadata that holds a number', () => fileOf('{"__metadata__":{"a":1}}', 0), /__metadata__ holds more than text/],
  ['a folder', () => folder, /it is a folder/],
  ['a device', () => '/dev/zero', /it is a device/],
  ['a missing file', () => join(folder, 'none'), /no such file/],
];
for (const [name, make, message] of broken) {
  test(`refuses ${name}, without holding what it claims`, () => {
    const path = make();
    const before = process.memoryUsage().arrayBuffers;
    assert.throws(
      () => readSafetensors(path),
      (error) => {
        assert.ok(error instanceof InputError, String(error));
        assert.match(error.message, message);
        assert.ok(error.message.includes(path) && !error.message.includes('\n'));
        return true;
      },
    );
    assert.ok(process.memoryUsage().arrayBuffers - before < 16e6);
  });
}

test('any change of one byte of the header gives the same tensors, other tensors or an InputError', () => {
  const bytes = readFileSync(join(fixture, 'expected.safetensors'));
  const path = join(folder, 'changed.safetensors');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1500 }), fc.integer({ min: 0, max: 255 }), (position, value) => {
      const changed = Buffer.from(bytes);
      changed[position] = value;
      writeFileSync(path, changed);
      try {
        const file = readSafetensors(path);
        for (const { byteOffset, byteLength } of file.tensors.values())
          assert.ok(byteOffset + byteLength <= bytes.length);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
      }
    }),
    { numRuns: 100 },
  );
});

test('a tensor that is not there, or of another type, is named', () => {
  const file = readSafetensors(fileOf(JSON.stringify({ weight: entry(0, 8, [1], 'I64') }), 8));
  assert.throws(() => readTensor(file, 'weigth'), /^InputError: no tensor 'weigth' \(.*\): did you mean 'weight'\?/);
  assert.throws(() => readTensor(file, 'weight'), /tensor 'weight' is of I64/);
  assert.throws(() => readIntegerTensor(file, 'weight'), /tensor 'weight' is of I64/);
});

test('a file that was cut after its header was read is noticed', () => {
  const path = fileOf(JSON.stringify({ a: entry(0, 8) }), 8);
  const file = readSafetensors(path);
  writeFileSync(path, readFileSync(path).subarray(0, -4));
  assert.throws(() => readTensor(file, 'a'), /it ends at byte/);
});

test('refuses to write a name twice, or a shape that does not fit', async () => {
  const path = join(folder, 'never.safetensors');
  const one: TensorData = { name: 'a', dtype: 'F32', shape: [1], data: new Float32Array(1) };
  await assert.rejects(writeSafetensors(path, [one, one]), /'a' cannot be written twice/);
  await assert.rejects(writeSafetensors(path, [{ ...one, name: '__metadata__' }]), InputError);
  await assert.rejects(writeSafetensors(path, [{ ...one, shape: [2] }]), /shape \[2\] has 1 numbers/);
  assert.throws(() => readSafetensors(path), /no such file/);
});

function emptyFile(bytes: number): string {
  return textFile('\0'.repeat(bytes));
}

function textFile(text: string): string {
  const path = join(folder, 'text.safetensors');
  writeFileSync(path, text);
  return path;
}
