import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { zipSync } from 'fflate';
import { InputError } from '../base/index.js';
import { isNumberTensor } from './number-tensor.js';
import { type Pickled, type TensorToWrite, writeTorch, writeTorchZip } from './test-torch.js';
import { readTorchFile } from './torch-file.js';

function readOne(bytes: Uint8Array): { readonly shape: readonly number[]; readonly numbers: readonly number[] } {
  const tensor = readTorchFile(bytes, 'a.pt');
  assert.ok(isNumberTensor(tensor));
  return { shape: tensor.shape, numbers: [...tensor.read()] };
}

function isRefused(message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof InputError, String(error));
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  };
}

test('reads what torch.save wrote', () => {
  const value = readTorchFile(readFileSync('test/fixtures/sglang-recorder/sglang-stat.pt'), 'a.pt');
  assert.ok(value instanceof Map);
  assert.deepEqual([...value.keys()], ['rank', 'logical_count', 'average_utilization_rate_over_window']);
  assert.equal(value.get('rank'), 0);
  assert.equal(value.get('average_utilization_rate_over_window'), 0.875);
  const tensor: unknown = value.get('logical_count');
  assert.ok(isNumberTensor(tensor));
  assert.deepEqual(tensor.shape, [3, 2, 4]);
  assert.deepEqual(
    [...tensor.read()],
    Array.from({ length: 24 }, (_, index) => index),
  );
});

test('reads each type of number', () => {
  const halves = Uint16Array.of(0x3c00, 0xc500, 0x7c00);
  const cases: [string, TensorToWrite['data'], number[]][] = [
    ['ByteStorage', Uint8Array.of(0, 200, 255), [0, 200, 255]],
    ['CharStorage', Uint8Array.of(0, 200, 255), [0, -56, -1]],
    ['BoolStorage', Uint8Array.of(0, 1, 2), [0, 1, 1]],
    ['ShortStorage', Int16Array.of(-1, 2, 30000), [-1, 2, 30000]],
    ['HalfStorage', halves, [1, -5, Number.POSITIVE_INFINITY]],
    ['BFloat16Storage', Uint16Array.of(0x3f80, 0xc0a0, 0x4300), [1, -5, 128]],
    ['IntStorage', Int32Array.of(-1, 2, 2 ** 31 - 1), [-1, 2, 2 ** 31 - 1]],
    ['LongStorage', BigInt64Array.of(-1n, 5_000_000_000n, 9_007_199_254_740_991n), [-1, 5e9, 2 ** 53 - 1]],
    ['FloatStorage', Float32Array.of(0.5, -2, 1e10), [0.5, -2, 1e10]],
    ['DoubleStorage', Float64Array.of(0.1, -2, 1e300), [0.1, -2, 1e300]],
  ];
  for (const [storage, data, numbers] of cases)
    assert.deepEqual(readOne(writeTorch({ storage, data, shape: [3] })), { shape: [3], numbers }, storage);
});

test('a tensor may be a part of its storage, in another order', () => {
  const data = Int32Array.from({ length: 24 }, (_, index) => index);
  const tensor = { storage: 'IntStorage', data, shape: [3, 2], stride: [1, 6], offset: 2 };
  assert.deepEqual(readOne(writeTorch(tensor)).numbers, [2, 8, 3, 9, 4, 10]);
  assert.deepEqual(readOne(writeTorch({ ...tensor, stride: [2, 1] })).numbers, [2, 3, 4, 5, 6, 7]);
  assert.deepEqual(readOne(writeTorch({ ...tensor, shape: [], stride: [], offset: 23 })).numbers, [23]);
  assert.deepEqual(readOne(writeTorch({ ...tensor, shape: [0, 9], stride: [9, 1] })).numbers, []);
});

test('a tensor that goes beyond its storage, or a storage beyond the file, is refused', () => {
  const good: TensorToWrite = { storage: 'IntStorage', data: new Int32Array(6), shape: [2, 3] };
  const cases: [Partial<TensorToWrite>, RegExp][] = [
    [{ shape: [2, 4] }, /shape \[2,4\] goes beyond its storage of 6 numbers/],
    [{ offset: 1 }, /goes beyond its storage/],
    [{ offset: -1 }, /whole numbers/],
    [{ stride: [4, 1] }, /goes beyond its storage/],
    [{ stride: [-3, 1] }, /whole numbers/],
    [{ stride: [1] }, /whole numbers/],
    [{ stride: [2 ** 30, 2 ** 30] }, /goes beyond its storage/],
    [{ shape: [2 ** 30, 2 ** 30], stride: [0, 0] }, /goes beyond its storage/],
    [{ shape: [2 ** 30, 2 ** 30, 2 ** 30, 2 ** 30] }, /whole numbers/],
    [{ shape: Array.from({ length: 9 }, () => 1) }, /whole numbers/],
    [{ numbers: 7 }, /storage 0 has 24 bytes, not 7 x 4/],
    [{ numbers: 2 ** 31 - 1 }, /storage 0 has 24 bytes/],
    [{ numbers: 1.5 }, /no storage/],
    [{ storage: 'LongStorage' }, /storage 0 has 24 bytes, not 6 x 8/],
    [{ storage: 'QInt8Storage' }, /asks for torch\.QInt8Storage, which is not run/],
  ];
  for (const [change, message] of cases)
    assert.throws(() => readOne(writeTorch({ ...good, ...change })), isRefused(message), JSON.stringify(change));
});

test('a tensor that is named again and again is not read again and again', () => {
  const data = new Int32Array(2 ** 20);
  const tensor = readTorchFile(writeTorch({ storage: 'IntStorage', data, shape: [data.length] }), 'a.pt');
  assert.ok(isNumberTensor(tensor));
  assert.throws(
    () => {
      for (let time = 0; time < 1000; time++) tensor.read();
    },
    isRefused(/more than 134217728 numbers/),
  );
});

const pickles: readonly [name: string, pickle: string | Uint8Array, message: RegExp][] = [
  ['runs a program', '\x80\x02cos\nsystem\n(X\x02\0\0\0lstR.', /the pickle asks for os\.system, which is not run/],
  ['runs one in protocol 0', "cposix\nsystem\n(S'ls'\ntR.", /the pickle asks for posix\.system/],
  ['names one on the stack', '\x80\x04\x8c\x02os\x8c\x06system\x93.', /the pickle asks for os\.system/],
  ['evaluates', 'c__builtin__\neval\n.', /asks for __builtin__\.eval/],
  ['asks for a near name', 'ctorch._utils\n_rebuild_qtensor\n.', /asks for torch\._utils\._rebuild_qtensor/],
  ['makes a Counter of a list', 'ccollections\nCounter\n]\x85R.', /a Counter is made from no dict/],
  ['calls the factory of a dict', 'cbuiltins\nint\n)R.', /it calls builtins\.int/],
  ['asks for a name of the prototype', 'ctorch\n__proto__\n.', /asks for torch\.__proto__/],
  ['makes an instance', '(icollections\nOrderedDict\n.', /opcode 105 at byte 1/],
  ['sets state', '}}b.', /it holds an object with attributes/],
  ['names lists', ']]\x93.', /a name that is no text/],
  ['calls a storage', 'ctorch\nIntStorage\n)R.', /it calls torch\.IntStorage/],
  ['calls a number', 'K\x01)R.', /bad pickle/],
  ['calls with no tuple', 'ccollections\nOrderedDict\nK\x01R.', /bad pickle/],
  ['makes a dict of no pairs', 'ccollections\nOrderedDict\nK\x01\x85R.', /OrderedDict is made from no pairs/],
  ['rebuilds from nothing', 'ctorch._utils\n_rebuild_tensor_v2\n)R.', /a tensor has no storage/],
  ['refers to nothing', 'NQ.', /refers to something that is no storage/],
  ['refers to a list that holds itself', ']\x71\0h\0aQ.', /refers to something that is no storage/],
  ['is empty', '', /it has no end/],
  ['has no end', '\x80\x02}', /it has no end/],
  ['pops from nothing', 't.', /bad pickle/],
  ['appends to a number', 'K\x01K\x02a.', /bad pickle/],
  ['claims a long text', 'X\xff\xff\xff\xffab.', /it ends within the opcode at byte 0/],
  ['claims a longer text', '\x8d\xff\xff\xff\xff\xff\xff\xff\x7fab.', /it ends within the opcode at byte 0/],
  ['goes backwards', 'B\xfb\xff\xff\xffab.', /it ends within the opcode at byte 0/],
  ['has a long integer', `\x8a\xff${'\x11'.repeat(255)}.`, /has more than 53 bits/],
  ['has a name without an end', 'cos', /it ends within the opcode at byte 0/],
  ['is of a protocol to come', '\x80\x09N.', /Unsupported protocol version/],
  ['has endless objects', '}'.repeat(2 ** 21 + 1), /more than 2097152 objects/],
];

for (const [name, pickle, message] of pickles) {
  test(`a pickle that ${name} is refused`, () => {
    const bytes = typeof pickle === 'string' ? Buffer.from(pickle, 'latin1') : pickle;
    assert.throws(() => readTorchFile(writeTorchZip(bytes), 'a.pt'), isRefused(message));
  });
}

test('a pickle that nests deeply or shares doubly is read without walking through it', () => {
  const deep = `\x80\x02${']'.repeat(100_000)}${'a'.repeat(99_999)}.`;
  // Each pair holds the one before twice, by its number in the memo: as a tree it would have 2^200 leaves.
  const pairs = Array.from({ length: 200 }, (_, memo) => String.fromCharCode(0x68, memo, 0x68, memo, 0x86, 0x94));
  const shared = `\x80\x04]\x94${pairs.join('')}.`;
  for (const pickle of [deep, shared])
    assert.ok(Array.isArray(readTorchFile(writeTorchZip(Buffer.from(pickle, 'latin1')), 'a.pt')));
  const asName = `\x80\x04]\x94${pairs.join('')}h\xc8\x93.`;
  assert.throws(() => readTorchFile(writeTorchZip(Buffer.from(asName, 'latin1')), 'a.pt'), isRefused(/no text/));
});

/** The position of the central directory's first entry. */
function findDirectory(bytes: Uint8Array): number {
  return Buffer.from(bytes).indexOf('PK\x01\x02', 0, 'latin1');
}

test('a zip whose headers claim more than it holds is refused', () => {
  const value: Pickled = { storage: 'IntStorage', data: new Int32Array(6), shape: [6] };
  const good = writeTorch(value);
  const directory = findDirectory(good);
  const changed = (change: (view: DataView) => void) => {
    const bytes = good.slice();
    change(new DataView(bytes.buffer));
    return bytes;
  };
  const cases: [Uint8Array, RegExp][] = [
    [changed((view) => view.setUint32(directory + 20, 2 ** 31, true)), /claims 2147483648 bytes of \d+/],
    [changed((view) => view.setUint32(directory + 24, 2 ** 31, true)), /claims \d+ bytes/],
    [changed((view) => view.setUint16(directory + 10, 8, true)), /is compressed/],
    [changed((view) => view.setUint32(directory + 42, good.length - 4, true)), /goes beyond the end/],
    [changed((view) => view.setUint16(good.length - 22 + 8, 0xffff, true)), /more entries than it has room for/],
    [good.subarray(0, good.length - 30), /bad zip/],
    [good.subarray(0, 60), /bad zip/],
    [good.subarray(0, 4), /bad zip/],
    [
      zipSync({ 'a/data.pkl': Buffer.from('N.'), 'b/data.pkl': Buffer.from('N.') }, { level: 0 }),
      /2 entries data\.pkl/,
    ],
    [zipSync({ 'a/other': new Uint8Array(4) }, { level: 0 }), /0 entries data\.pkl/],
    [
      zipSync({ 'a/data.pkl': Buffer.from('N.'), 'a/byteorder': Buffer.from('big') }, { level: 0 }),
      /not little-endian/,
    ],
  ];
  for (const [bytes, message] of cases) assert.throws(() => readTorchFile(bytes, 'a.pt'), isRefused(message));
});
