/** The float32 numbers of little-endian bytes. */
export function decodeFloats(bytes: Uint8Array<ArrayBuffer>, dtype: 'F32' | 'BF16' | 'F16' | 'F64'): Float32Array {
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
