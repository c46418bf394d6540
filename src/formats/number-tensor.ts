import { decodeFloat16 } from './safetensors-numbers.js';

/** An array of numbers in a file of PyTorch, NumPy or safetensors. */
export interface NumberTensor {
  readonly shape: readonly number[];
  /**
   * The numbers in row-major order, whatever their type; every call makes them anew. Throws `InputError` as its file's
   * reader.
   */
  readonly read: () => Float64Array;
}

/** Whether a value that a reader gave is an array of numbers; no file can make a function of its own. */
export function isNumberTensor(value: unknown): value is NumberTensor {
  return typeof value === 'object' && value !== null && 'read' in value && typeof value.read === 'function';
}

/** The types of numbers that arrays in files have. */
export type NumberType = keyof typeof numberTypes;

interface TypeOfNumber {
  readonly bytes: number;
  /** Of little-endian bytes that begin at the start of their buffer. */
  readonly decode: (bytes: Uint8Array<ArrayBuffer>) => Float64Array;
}

const numberTypes = {
  bool: { bytes: 1, decode: (bytes) => new Float64Array(bytes.map((byte) => (byte === 0 ? 0 : 1))) },
  uint8: { bytes: 1, decode: (bytes) => new Float64Array(bytes) },
  int8: { bytes: 1, decode: ({ buffer }) => new Float64Array(new Int8Array(buffer)) },
  uint16: { bytes: 2, decode: ({ buffer }) => new Float64Array(new Uint16Array(buffer)) },
  int16: { bytes: 2, decode: ({ buffer }) => new Float64Array(new Int16Array(buffer)) },
  uint32: { bytes: 4, decode: ({ buffer }) => new Float64Array(new Uint32Array(buffer)) },
  int32: { bytes: 4, decode: ({ buffer }) => new Float64Array(new Int32Array(buffer)) },
  uint64: { bytes: 8, decode: ({ buffer }) => joinHalves(buffer, new Uint32Array(buffer)) },
  int64: { bytes: 8, decode: ({ buffer }) => joinHalves(buffer, new Int32Array(buffer)) },
  float16: { bytes: 2, decode: ({ buffer }) => new Float64Array(new Uint16Array(buffer)).map(decodeFloat16) },
  bfloat16: { bytes: 2, decode: decodeBfloat16 },
  float32: { bytes: 4, decode: ({ buffer }) => new Float64Array(new Float32Array(buffer)) },
  float64: { bytes: 8, decode: ({ buffer }) => new Float64Array(buffer) },
} as const satisfies Readonly<Record<string, TypeOfNumber>>;

/** Bytes of a number of this type. */
export function bytesOfNumber(type: NumberType): number {
  return numberTypes[type].bytes;
}

/** The numbers of little-endian bytes, whose length is a multiple of the type's. */
export function decodeNumbers(bytes: Uint8Array, type: NumberType): Float64Array {
  // Typed arrays of wider numbers must begin at a multiple of their size, which a part of a file need not.
  return numberTypes[type].decode(new Uint8Array(bytes));
}

/** Exact up to 2^53; a BigInt64Array would be some ten times slower. */
function joinHalves(buffer: ArrayBuffer, high: Uint32Array | Int32Array): Float64Array {
  const low = new Uint32Array(buffer);
  const numbers = new Float64Array(low.length / 2);
  for (let next = 0; next < numbers.length; next++) numbers[next] = low[2 * next] + 2 ** 32 * high[2 * next + 1];
  return numbers;
}

/** bfloat16 is the upper half of a float32. */
function decodeBfloat16({ buffer }: Uint8Array<ArrayBuffer>): Float64Array {
  const bits = new Uint32Array(new Uint16Array(buffer)).map((half) => half << 16);
  return new Float64Array(new Float32Array(bits.buffer));
}
