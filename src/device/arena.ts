import { InputError } from '../base/index.js';

const pageBytes = 65_536;
const maximumBytes = 2 ** 32;
/** A cache line, and the widest vector of current processors. */
const defaultAlignment = 64;

/**
 * Memory that all threads of a process see. Plain data: posted to another thread it is the same memory, but `used` is a copy, so only one
 * thread may allocate.
 */
export interface Arena {
  /** For WebAssembly kernels. It never grows, so `buffer` never moves. */
  readonly memory: WebAssembly.Memory;
  /** The memory's bytes, for tensors and typed arrays. */
  readonly buffer: SharedArrayBuffer;
  /** Bytes given out so far, gaps of alignment included. */
  used: number;
}

/**
 * Reserves an arena of at least `bytes` bytes (rounded up to 64 KiB), all zero; the system backs a page when it is first touched.
 * Throws `InputError` for a bad size or one above 4 GiB, which WebAssembly cannot address.
 */
export function createArena(bytes: number): Arena {
  if (!Number.isInteger(bytes) || bytes < 0) {
    throw new InputError({ what: `an arena cannot have ${bytes} bytes`, mend: 'give a whole number of bytes' });
  }
  if (bytes > maximumBytes) {
    throw new InputError({
      what: `an arena of ${(bytes / 2 ** 30).toFixed(1)} GiB is larger than the 4 GiB that one rank can address`,
      mend: 'use more ranks, more pipeline stages or a smaller model',
    });
  }
  const pages = Math.max(1, Math.ceil(bytes / pageBytes));
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  return { memory, buffer: memory.buffer, used: 0 };
}

/**
 * Takes `bytes` bytes from the arena; gives their byte offset, a multiple of `alignment` (a power of two). They are never given back one by one:
 * lower `arena.used` to free everything above. Throws `InputError` if the arena is full.
 */
export function allocate(arena: Arena, bytes: number, alignment: number = defaultAlignment): number {
  const byteOffset = Math.ceil(arena.used / alignment) * alignment;
  const end = byteOffset + bytes;
  if (end > arena.buffer.byteLength) {
    throw new InputError({
      what: `${bytes} bytes do not fit into the arena: ${arena.used} of ${arena.buffer.byteLength} are in use`,
      mend: 'reserve a larger arena',
    });
  }
  arena.used = end;
  return byteOffset;
}
