import koffi from 'koffi';
import type { Address } from './api.js';

/**
 * Memory of ours that native code keeps pointers into. A buffer's bytes lie outside the JavaScript heap and never move, but live only as long as
 * the buffer: whoever holds an address must hold the buffer too.
 */
export function addressOf(buffer: ArrayBufferLike): Address {
  // A view over a whole buffer: koffi takes neither a bare SharedArrayBuffer nor, safely, a small array that V8 keeps on its heap.
  return koffi.address(new Uint8Array(buffer));
}

/** Room for native pointers. */
export interface PointerArray {
  readonly values: BigUint64Array;
  readonly address: Address;
}

/** An array of `count` pointers, all none. */
export function createPointerArray(count: number): PointerArray {
  // At least one, since an empty buffer has no address.
  const buffer = new ArrayBuffer(8 * Math.max(1, count));
  return { values: new BigUint64Array(buffer), address: addressOf(buffer) };
}

/** Zero-terminated strings, and where each starts. `buffer` must be held as long as the addresses are in use. */
export interface CStrings {
  readonly buffer: ArrayBuffer;
  readonly addresses: readonly Address[];
}

/** The strings as C has them, in UTF-8. */
export function createCStrings(strings: readonly string[]): CStrings {
  const encoded = strings.map((string) => new TextEncoder().encode(`${string}\0`));
  const buffer = new ArrayBuffer(encoded.reduce((bytes, { length }) => bytes + length, 1));
  const start = addressOf(buffer);
  const bytes = new Uint8Array(buffer);
  const addresses: Address[] = [];
  let offset = 0;
  for (const string of encoded) {
    bytes.set(string, offset);
    addresses.push(start + BigInt(offset));
    offset += string.length;
  }
  return { buffer, addresses };
}
