import { InputError } from '../base/index.js';
import type { ChunkSegments } from './segment-costs.js';

/** Every chunk's time, or each stage's. */
export type StageTime = number | readonly number[];

/** Every pair's time, by the stage of its forward, or `[stage of the forward][stage of the backward]` (null: the sum of its parts). */
export type PairTime = StageTime | readonly (readonly (number | null)[])[];

/** A message between neighbouring stages on different ranks takes latency + size / bandwidth. */
export interface MessageCosts {
  readonly latency: number;
  /** In the unit of `size`, per unit of time. */
  readonly bandwidth: number;
  readonly size: number;
}

/** What a stage holds, in bytes or any one unit: one number for every stage, or one a stage. What is left out is 0. */
export interface MemoryCosts {
  /** Held from the start to the end, by each stage of a rank. */
  readonly parameters?: StageTime;
  readonly gradients?: StageTime;
  readonly optimizer?: StageTime;
  /** Of a chunk: from the start of its forward to the end of its input gradient. */
  readonly activationsUntilInput?: StageTime;
  /** Of a chunk: from the start of its forward to the end of its weight gradient. */
  readonly activationsUntilWeight?: StageTime;
}

/** How long things take, in any one unit. A full backward takes the input's and the weights' time together. */
export interface Costs {
  readonly forward: StageTime;
  readonly backwardInput: StageTime;
  readonly backwardWeight: StageTime;
  /** Of a whole overlapped pair: without it, the sum of its forward and its backward. */
  readonly overlapped?: PairTime;
  /** Of one message between neighbouring stages on different ranks. */
  readonly p2p: number;
  /** In place of `p2p`. */
  readonly message?: MessageCosts;
  /** Every stage's segments, or each stage's: in place of the four times above, which follow from them. */
  readonly segments?: ChunkSegments | readonly ChunkSegments[];
  /** With `segments`: the share (0 to 1, by default 0) of the machine that communication takes from computation while it runs. */
  readonly contention?: number;
  readonly memory?: MemoryCosts;
}

/** Each part takes one unit, overlapping gains nothing, messages take no time. */
export const unitCosts: Costs = { forward: 1, backwardInput: 1, backwardWeight: 1, p2p: 0 };

/** The longest time of a part: beyond it sums would lose their precision. */
export const longestTime = 1e12;

/** The largest amount of memory, and size of a message. */
export const largestAmount = 1e15;

/** One value a stage. Throws `InputError` unless each is a number from 0 to `most`, and a list has one a stage. */
export function spreadOverStages(
  name: string,
  value: StageTime,
  { stages, most }: { readonly stages: number; readonly most: number },
): Float64Array {
  if (typeof value === 'number') return new Float64Array(stages).fill(requireWithin(name, value, most));
  if (value.length !== stages) {
    throw new InputError({
      what: `${name} lists ${value.length} values for ${stages} stages`,
      mend: 'give one number, or one a stage',
    });
  }
  return Float64Array.from(value, (entry, stage) => requireWithin(`${name}[${stage}]`, entry, most));
}

/** `value`, if it is a number from 0 to `most`. Throws `InputError` otherwise. */
export function requireWithin(name: string, value: number, most: number): number {
  if (typeof value === 'number' && value >= 0 && value <= most) return value;
  throw new InputError({ what: `${name} cannot be ${value}`, mend: `use a number from 0 to ${most}` });
}

/** The time of one message. Throws `InputError` for a negative or infinite one, and without a bandwidth. */
export function messageTime({ p2p, message }: Pick<Costs, 'p2p' | 'message'>): number {
  if (message === undefined) return requireWithin('p2p', p2p, longestTime);
  const latency = requireWithin('the latency', message.latency, longestTime);
  const size = requireWithin('the size of a message', message.size, largestAmount);
  if (!(message.bandwidth > 0)) {
    throw new InputError({ what: `a bandwidth cannot be ${message.bandwidth}`, mend: 'use a number above 0' });
  }
  return requireWithin('the time of a message', latency + size / message.bandwidth, longestTime);
}
