import { Gunzip } from 'fflate';
import type { GunzipProblem } from './file-tree.js';

/** Bytes that are unpacked at a time: a byte of a gzip stands for at most 1032. */
const stepBytes = 2 ** 14;
/** The header of a member, which may hold names, is kept until its end is there. */
const mostHeaderSteps = 16;
/** What is written member after member has some; many empty ones take long. */
const mostMembers = 2 ** 16;
/** Check sum and size, at the end of each member. */
const trailerBytes = 8;
/** Flags of a member that no version of gzip has given a meaning; they stand in its fourth byte. */
const unknownFlags = 0xe0;

/**
 * The content of a gzip, of one or several members, whose check sums it is held against; or why there is none. It runs
 * in a browser, and takes some four times as long as Node's. No more is held than `maxBytes` and what 16 KiB of the
 * gzip stand for. A gzip with something behind it is damaged. Of one that `isCut`, it gives what comes before its end.
 */
export function gunzip(bytes: Uint8Array, maxBytes: number, isCut = false): Uint8Array | GunzipProblem {
  const parts: Uint8Array[] = [];
  let length = 0;
  let members = 0;
  let steps = 0;
  const member = { crc: 0, length: 0 };
  const stop = (problem: GunzipProblem): never => {
    throw new Stop(problem);
  };
  const endMember = (end: number): void => {
    const trailer = bytes.subarray(end - trailerBytes, end);
    const view = new DataView(trailer.buffer, trailer.byteOffset, trailer.length);
    if (view.getUint32(0, true) !== member.crc || view.getUint32(4, true) !== member.length) stop('damaged');
    Object.assign(member, { crc: 0, length: 0 });
  };
  const stream = new Gunzip((part) => {
    steps = 0;
    length += part.length;
    if (length > maxBytes) stop('too long');
    member.crc = addToCrc(member.crc, part);
    member.length = (member.length + part.length) >>> 0;
    parts.push(part);
  });
  const startMember = (start: number): void => {
    members += 1;
    if (members > mostMembers || (bytes[start + 3]! & unknownFlags) !== 0) stop('damaged');
  };
  stream.onmember = (start) => {
    endMember(start);
    startMember(start);
  };
  try {
    startMember(0);
    for (let start = 0; start < bytes.length; start += stepBytes) {
      steps += 1;
      if (steps > mostHeaderSteps) return 'damaged';
      stream.push(bytes.subarray(start, start + stepBytes));
    }
    if (isCut) return join(parts, length);
    if (!hasEnded(stream)) return 'cut';
    endMember(bytes.length);
  } catch (error) {
    return error instanceof Stop ? error.problem : 'damaged';
  }
  return join(parts, length);
}

/**
 * Whether the last member is whole. fflate keeps to itself that it waits for another: `v` is then where that would
 * begin in `p`, and one more, and less before.
 */
function hasEnded(stream: Gunzip): boolean {
  const next: unknown = Reflect.get(stream, 'v');
  const rest: unknown = Reflect.get(stream, 'p');
  return typeof next === 'number' && rest instanceof Uint8Array && next > trailerBytes && rest.length >= next - 1;
}

class Stop extends Error {
  readonly problem: GunzipProblem;

  constructor(problem: GunzipProblem) {
    super(problem);
    this.problem = problem;
  }
}

function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const joined = new Uint8Array(length);
  let next = 0;
  for (const part of parts) {
    joined.set(part, next);
    next += part.length;
  }
  return joined;
}

/** `[256]`: CRC-32 of each byte, as gzip has it. */
const crcOfByte = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function addToCrc(before: number, bytes: Uint8Array): number {
  let crc = ~before;
  for (let next = 0; next < bytes.length; next++) crc = crcOfByte[(crc ^ bytes[next]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
