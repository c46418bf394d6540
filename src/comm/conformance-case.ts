import type { ChannelSpec } from './mail.js';
import type { Operation, RankBuffers } from './operations.js';
import type { Transport } from './transport.js';

/** What every transport must do: run on each rank, with the real communication threads of the transport behind it. */
export interface ConformanceCase {
  readonly name: string;
  readonly channels: (ranks: number) => readonly ChannelSpec[];
  readonly operations: (rank: number, ranks: number) => readonly Operation[];
  /** Bytes of each of the rank's buffers. */
  readonly bytes: number;
  /** Throws if the transport does not do what it should. */
  readonly run: (context: ConformanceContext) => void;
}

interface ConformanceContext {
  readonly transport: Transport;
  readonly buffers: RankBuffers;
}

export const everyone = (ranks: number): number[] => Array.from({ length: ranks }, (_, rank) => rank);
export const noChannels = (): readonly ChannelSpec[] => [];

/** A number that tells where it comes from. */
export const mark = (round: number, rank: number, index: number): number =>
  ((round * 31 + rank) * 1009 + index) % 65_521;

/** Not a whole number, so that the order of a sum shows in its bits. */
export const fraction = (round: number, source: number, index: number): number =>
  Math.fround(mark(round, source, index) / 977 + source * 1e-4);

export function sumOfFractions(round: number, [first, ...others]: readonly number[], position: number): number {
  return others.reduce(
    (sum, source) => Math.fround(sum + fraction(round, source, position)),
    fraction(round, first, position),
  );
}
