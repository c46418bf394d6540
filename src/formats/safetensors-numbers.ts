import type { Dtype } from './safetensors-header.js';

/** The types whose numbers are floats as they are, without a scale beside them. */
export type FloatDtype = 'F32' | 'BF16' | 'F16' | 'F64';

/** The types of one byte a number: of weights with a scale a block, and of such scales. */
export type ByteFloatDtype = 'F8_E4M3' | 'F8_E5M2' | 'F8_E8M0';

export function isFloatDtype(dtype: Dtype): dtype is FloatDtype {
  return dtype === 'F32' || dtype === 'BF16' || dtype === 'F16' || dtype === 'F64';
}

export function isByteFloatDtype(dtype: Dtype): dtype is ByteFloatDtype {
  return dtype === 'F8_E4M3' || dtype === 'F8_E5M2' || dtype === 'F8_E8M0';
}

/** The float32 numbers of little-endian bytes. */
export function decodeFloats(bytes: Uint8Array<ArrayBuffer>, dtype: FloatDtype): Float32Array {
  switch (dtype) {
    case 'F32':
      return new Float32Array(bytes.buffer);
    case 'F64':
      return new Float32Array(new Float64Array(bytes.buffer));
    case 'BF16':
      return decodeBfloat16(new Uint16Array(bytes.buffer));
    case 'F16':
      return new Float32Array(new Uint16Array(bytes.buffer)).map(decodeFloat16);
  }
}

/** The float32 numbers of bytes, one each. */
export function decodeByteFloats(bytes: Uint8Array, dtype: ByteFloatDtype): Float32Array {
  const numberOf = byteDecoders[dtype];
  const numbers = Float32Array.from({ length: 256 }, (_, byte) => numberOf(byte));
  return Float32Array.from(bytes, (byte) => numbers[byte]);
}

/**
 * E4M3: 1 bit of sign, 4 of exponent, 3 of fraction, no infinity; E5M2: the upper half of a binary16 (both: "FP8
 * Formats for Deep Learning", arXiv 2209.05433). E8M0: a power of two, the scale of the OCP Microscaling Formats 1.0.
 */
const byteDecoders: Readonly<Record<ByteFloatDtype, (byte: number) => number>> = {
  F8_E4M3: (byte) => {
    const sign = byte & 0x80 ? -1 : 1;
    const exponent = (byte >>> 3) & 0xf;
    const fraction = byte & 7;
    if (exponent === 0xf && fraction === 7) return Number.NaN;
    return exponent === 0 ? sign * fraction * 2 ** -9 : sign * (8 + fraction) * 2 ** (exponent - 10);
  },
  F8_E5M2: (byte) => decodeFloat16(byte << 8),
  F8_E8M0: (byte) => (byte === 0xff ? Number.NaN : 2 ** (byte - 127)),
};

/** bfloat16 is the upper half of a float32. */
function decodeBfloat16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves).map((half) => half << 16);
  return new Float32Array(bits.buffer);
}

/** IEEE 754 binary16: 1 bit of sign, 5 of exponent, 10 of fraction. */
export function decodeFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
