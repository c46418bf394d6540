import { InputError } from '../base/index.js';
import { bytesOfNumber, decodeNumbers, type NumberTensor, type NumberType } from './number-tensor.js';
import { readZip } from './zip.js';

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** By the letter and the bytes of NumPy's `dtype.str`. */
const numberTypes: Readonly<Record<string, NumberType>> = {
  b1: 'bool',
  u1: 'uint8',
  i1: 'int8',
  u2: 'uint16',
  i2: 'int16',
  f2: 'float16',
  u4: 'uint32',
  i4: 'int32',
  f4: 'float32',
  u8: 'uint64',
  i8: 'int64',
  f8: 'float64',
};

/** What else an array may be of, by the letter. */
const otherTypes: Readonly<Record<string, string>> = {
  U: 'text',
  S: 'text',
  O: 'Python objects, which are not run',
  c: 'complex numbers',
  M: 'dates',
  m: 'spans of time',
  V: 'records or raw bytes',
  f: 'floats that are wider than 64 bits',
};

/** Whether bytes begin as a `.npy` file. */
export function isNpy(bytes: Uint8Array): boolean {
  return magic.every((byte, place) => bytes[place] === byte);
}

/**
 * The array of a `.npy` file of version 1 to 3: integers, floats or booleans of either byte order, in C or Fortran
 * order. Throws `InputError` for what is none, was cut, or is of anything else; nothing is allocated that the file only
 * claims.
 * Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function readNpy(bytes: Uint8Array, where: string): NumberTensor {
  const { text, end } = readHeader(bytes, where);
  const { type, isSwapped } = parseDescr(text, where);
  const shape = parseShape(text, where);
  const elements = shape.reduce((product, size) => product * size, 1);
  const length = elements * bytesOfNumber(type);
  const data = bytes.subarray(end, end + length);
  if (!Number.isSafeInteger(length) || data.length < length) {
    const what = `the array was cut: of shape [${shape.join(', ')}] it needs ${length} bytes, and has ${bytes.length - end}`;
    throw new InputError({ what, where, mend: 'get the file again' });
  }
  const isFortran = /['"]fortran_order['"]\s*:\s*True/.test(text);
  const read = () => {
    const numbers = decodeNumbers(isSwapped ? swapBytes(data, bytesOfNumber(type)) : data, type);
    return isFortran ? toRowMajor(numbers, shape) : numbers;
  };
  return { shape, read };
}

/**
 * The arrays of a `.npz` file by their names, read as by `readNpy` when they are asked for. Throws `InputError` as
 * `readZip`.
 */
export function readNpz(
  bytes: Uint8Array,
  where: string,
  { maxBytes }: { readonly maxBytes: number },
): ReadonlyMap<string, NumberTensor> {
  const entries = readZip(bytes, where, { isWanted: (name) => name.endsWith('.npy'), maxBytes });
  const arrays = new Map<string, NumberTensor>();
  for (const [file, content] of entries) {
    const name = file.slice(0, -'.npy'.length);
    // Arrays of text and objects may lie beside those of numbers.
    if (isNpy(content) && holdsNumbers(content, where)) arrays.set(name, readNpy(content, `${where}, ${name}`));
  }
  return arrays;
}

function holdsNumbers(bytes: Uint8Array, where: string): boolean {
  const { text } = readHeader(bytes, where);
  return findNumberType(text) !== undefined;
}

interface Header {
  /** A Python dict: `{'descr': '<i8', 'fortran_order': False, 'shape': (2, 4), }`. */
  readonly text: string;
  /** Where the numbers begin. */
  readonly end: number;
}

function readHeader(bytes: Uint8Array, where: string): Header {
  const refuse = (what: string): never => {
    throw new InputError({ what: `bad .npy file: ${what}`, where, mend: 'get the file again' });
  };
  if (!isNpy(bytes)) return refuse('it does not begin with \\x93NUMPY');
  const [version = 0] = bytes.subarray(magic.length);
  if (version < 1 || version > 3) return refuse(`version ${version} is not known`);
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) return refuse('it was cut in its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = start + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (bytes.length < end) return refuse('it was cut in its header');
  return { text: new TextDecoder().decode(bytes.subarray(start, Math.min(end, start + mostHeaderBytes))), end };
}

/** A list of fields may be long, and is not read. */
const mostHeaderBytes = 2 ** 16;

function findNumberType(text: string): { readonly type: NumberType; readonly isSwapped: boolean } | undefined {
  const [, order, name = ''] = /['"]descr['"]\s*:\s*['"]([<>|=]?)([a-z]\d+)['"]/.exec(text) ?? [];
  const type = Object.hasOwn(numberTypes, name) ? numberTypes[name] : undefined;
  return type && { type, isSwapped: order === '>' };
}

function parseDescr(text: string, where: string): { readonly type: NumberType; readonly isSwapped: boolean } {
  const found = findNumberType(text);
  if (found !== undefined) return found;
  const letter = /['"]descr['"]\s*:\s*(?:['"][<>|=]?([A-Za-z])|(\[))/.exec(text);
  const kind = letter?.[2] === undefined ? otherTypes[letter?.[1] ?? ''] : 'records with named fields';
  throw new InputError({
    what: `it is a NumPy array of ${kind ?? 'what is not known'}`,
    where,
    mend: 'save an array of numbers with numpy.save',
  });
}

const mostDims = 32;

function parseShape(text: string, where: string): readonly number[] {
  const inside = /['"]shape['"]\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
  const sizes = inside?.split(',').map((size) => size.trim().replace(/L$/, ''));
  const shape = sizes?.filter((size) => size !== '').map(Number);
  if (shape !== undefined && shape.length <= mostDims && shape.every(Number.isSafeInteger)) return shape;
  throw new InputError({ what: 'bad .npy file: it has no shape', where, mend: 'get the file again' });
}

function swapBytes(bytes: Uint8Array, width: number): Uint8Array {
  const swapped = new Uint8Array(bytes.length);
  for (let next = 0; next < bytes.length; next++)
    swapped[next] = bytes[next - (next % width) + width - 1 - (next % width)];
  return swapped;
}

/** The numbers of an array whose first index runs fastest, with the last index fastest. */
function toRowMajor(numbers: Float64Array, shape: readonly number[]): Float64Array {
  const ordered = new Float64Array(numbers.length);
  const strides = shape.map((_, dim) => shape.slice(0, dim).reduce((product, size) => product * size, 1));
  const index = new Array<number>(shape.length).fill(0);
  let place = 0;
  for (let next = 0; next < ordered.length; next++) {
    ordered[next] = numbers[place];
    for (let dim = shape.length - 1; dim >= 0; dim--) {
      index[dim] += 1;
      place += strides[dim];
      if (index[dim] < shape[dim]) break;
      place -= strides[dim] * shape[dim];
      index[dim] = 0;
    }
  }
  return ordered;
}
