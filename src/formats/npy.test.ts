import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { InputError } from '../base/index.js';
import { isNpy, readNpy, readNpz } from './npy.js';
import { bytesOfInts, writeNpy } from './test-npy.js';

const fixtures = 'test/fixtures/loads';

function refuses(read: () => unknown, message: RegExp): void {
  assert.throws(read, (error) => {
    assert.ok(error instanceof InputError, String(error));
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

/** Bytes in the other order, for numbers of so many bytes. */
function reverse(bytes: Uint8Array, width: number): Uint8Array {
  return Uint8Array.from(bytes, (_, place) => bytes[place - (place % width) + width - 1 - (place % width)]);
}

describe('a .npy file', () => {
  it('that NumPy wrote is read', () => {
    const bytes = readFileSync(`${fixtures}/x.npy`);
    const array = readNpy(bytes, 'x.npy');
    assert.deepEqual(
      [isNpy(bytes), array.shape, [...array.read()]],
      [true, [2, 4], [120, 250, 90, 40, 88, 190, 12, 60]],
    );
  });

  it('may be of any integers, floats or booleans, of either byte order', () => {
    const cases: readonly (readonly [type: string, data: ArrayBufferView, numbers: readonly number[]])[] = [
      ['b1', Uint8Array.of(0, 1, 2), [0, 1, 1]],
      ['u1', Uint8Array.of(0, 200, 255), [0, 200, 255]],
      ['i1', Int8Array.of(0, -56, 7), [0, -56, 7]],
      ['u2', Uint16Array.of(1, 65535, 2), [1, 65535, 2]],
      ['i2', Int16Array.of(-1, 2, 30000), [-1, 2, 30000]],
      ['u4', Uint32Array.of(1, 2 ** 32 - 1, 2), [1, 2 ** 32 - 1, 2]],
      ['i4', Int32Array.of(-1, 2, 2 ** 31 - 1), [-1, 2, 2 ** 31 - 1]],
      ['u8', BigUint64Array.of(1n, 2n ** 53n - 1n, 2n ** 63n), [1, 2 ** 53 - 1, 2 ** 63]],
      ['i8', BigInt64Array.of(-1n, 5_000_000_000n, 7n), [-1, 5e9, 7]],
      ['f2', Uint16Array.of(0x3c00, 0xc500, 0x7c00), [1, -5, Number.POSITIVE_INFINITY]],
      ['f4', Float32Array.of(0.5, -2, 1e10), [0.5, -2, 1e10]],
      ['f8', Float64Array.of(0.1, -2, 1e300), [0.1, -2, 1e300]],
    ];
    for (const [type, view, numbers] of cases) {
      const bytes = new Uint8Array(view.buffer);
      const width = Number(type.slice(1));
      for (const [order, data] of [
        ['<', bytes],
        ['|', bytes],
        ['>', reverse(bytes, width)],
      ] as const) {
        const array = readNpy(writeNpy({ descr: order + type, shape: [3], data }), 'a');
        assert.deepEqual([...array.read()], numbers, order + type);
      }
    }
  });
});

describe('the order of a .npy file', () => {
  it('is of no matter, C or Fortran, in each version', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
    fc.assert(
      fc.property(sizes, fc.constantFrom(1, 2, 3), (shape, version) => {
        const length = shape.reduce((product, size) => product * size, 1);
        const numbers = Array.from({ length }, (_, place) => place);
        const strides = shape.map((_, dim) => shape.slice(0, dim).reduce((product, size) => product * size, 1));
        const fortran = new Array<number>(length).fill(0);
        for (const number of numbers) {
          let rest = number;
          let place = 0;
          for (let dim = shape.length - 1; dim >= 0; dim--) {
            place += (rest % shape[dim]) * strides[dim];
            rest = Math.floor(rest / shape[dim]);
          }
          fortran[place] = number;
        }
        const c = readNpy(writeNpy({ descr: '<i4', shape, data: bytesOfInts(numbers), version }), 'a');
        const f = readNpy(writeNpy({ descr: '<i4', shape, data: bytesOfInts(fortran), isFortran: true, version }), 'a');
        assert.deepEqual([c.shape, [...c.read()]], [shape, numbers]);
        assert.deepEqual([...f.read()], numbers);
      }),
    );
  });
});

describe('a .npy file that is not read', () => {
  it('is named for what it is of', () => {
    const kinds: readonly (readonly [descr: string, kind: RegExp])[] = [
      ['<U5', /a NumPy array of text /],
      ['|S5', /of text /],
      ['|O', /of Python objects, which are not run/],
      ['<c8', /of complex numbers/],
      ['<M8[ns]', /of dates/],
      ['|V2', /of records or raw bytes/],
      ['<f16', /of floats that are wider than 64 bits/],
    ];
    for (const [descr, kind] of kinds) {
      const bytes = writeNpy({ descr, shape: [1], data: new Uint8Array(32) });
      refuses(() => readNpy(bytes, 'x.npy'), kind);
      refuses(() => readNpy(bytes, 'x.npy'), /\(x\.npy\): save an array of numbers with numpy\.save/);
    }
    const records = Buffer.from(writeNpy({ descr: 'RECORDS', shape: [1], data: new Uint8Array(8) }));
    const descr = Buffer.from(records.toString('latin1').replace("'RECORDS'", "[('a',1)"), 'latin1');
    refuses(() => readNpy(descr, 'x.npy'), /of records with named fields/);
  });

  it('was cut, or claims more than it has, which is seen before anything is allocated', () => {
    const good = writeNpy({ descr: '<i4', shape: [2, 2], data: bytesOfInts([1, 2, 3, 4]) });
    refuses(() => readNpy(good.subarray(0, good.length - 1), 'x'), /the array was cut: .* needs 16 bytes, and has 15/);
    refuses(() => readNpy(good.subarray(0, 40), 'x'), /it was cut in its header/);
    refuses(() => readNpy(good.subarray(0, 8), 'x'), /it was cut in its header/);
    const huge = writeNpy({ descr: '<i8', shape: [1e9, 1e9], data: new Uint8Array(8) });
    refuses(() => readNpy(huge, 'x'), /the array was cut/);
    const endless = writeNpy({ descr: '<i8', shape: Array.from({ length: 30 }, () => 1e9), data: new Uint8Array(8) });
    refuses(() => readNpy(endless, 'x'), /the array was cut/);
    const version = good.slice();
    version[6] = 9;
    refuses(() => readNpy(version, 'x'), /version 9 is not known/);
    const shapeless = Buffer.from(Buffer.from(good).toString('latin1').replace('(2, 2)', '(x, 2)'), 'latin1');
    refuses(() => readNpy(shapeless, 'x'), /it has no shape/);
  });
});

describe('a .npz file', () => {
  const array = writeNpy({ descr: '<i4', shape: [2], data: bytesOfInts([3, 4]) });
  const text = writeNpy({ descr: '<U1', shape: [1], data: new Uint8Array(4) });
  const read = (bytes: Uint8Array) =>
    Object.fromEntries([...readNpz(bytes, 'x.npz', { maxBytes: 1e6 })].map(([name, one]) => [name, [...one.read()]]));

  it('has its arrays of numbers by their names, compressed or not', () => {
    for (const level of [0, 9] as const)
      assert.deepEqual(read(zipSync({ 'a.npy': array, 'b/c.npy': array, 'd.npy': text, note: text }, { level })), {
        a: [3, 4],
        'b/c': [3, 4],
      });
    const made = read(readFileSync(`${fixtures}/compressed.npz`));
    assert.deepEqual(made, { counts: [120, 250, 90, 40, 88, 190, 12, 60] });
  });

  it('that would unpack to more than it may is refused', () => {
    const bomb = zipSync({ 'a.npy': writeNpy({ descr: '<i4', shape: [1e6], data: new Uint8Array(4e6) }) });
    assert.ok(bomb.length < 1e5);
    refuses(() => readNpz(bomb, 'x.npz', { maxBytes: 1e6 }), /claims 4\d+ bytes of \d+/);
  });
});
