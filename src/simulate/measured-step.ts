import type { SegmentShape } from '../schedule/index.js';

/** A segment that a rank ran. Moments (`posted`, `end`) are in seconds of one clock of all ranks. */
export type MeasuredSegment = Pick<SegmentShape, 'name' | 'phase' | 'layer'> & {
  readonly stage: number;
  readonly microbatch: number;
  /** Time on the compute lane; of a communication segment, of packing its rows. */
  readonly seconds: number;
} & (
    | { readonly lane: 'compute' }
    | {
        readonly lane: 'communication';
        /** When the rank had posted the exchange, and when it had all its rows. */
        readonly transfer: { readonly posted: number; readonly end: number };
        /** From when the rank waited for its rows and they were there to when it had unpacked them, so that waking up counts. */
        readonly unpackSeconds: number;
      }
  );

/** One end of a message between neighbouring stages. Moments are of the same clock. */
export type MeasuredMessage = {
  readonly fromStage: number;
  readonly toStage: number;
  readonly microbatch: number;
  /** Time on the compute lane, without waiting. */
  readonly seconds: number;
} & (
  | { readonly kind: 'send'; readonly end: number }
  /** `start`: when the rank wanted the message; `ready`: when it was there. */
  | { readonly kind: 'receive'; readonly start: number; readonly ready: number }
);

/** What one rank did in a step. */
export interface MeasuredRank {
  /** From the start of the first instruction of the schedule to the end of the last. */
  readonly scheduleSeconds: number;
  /** In the order in which they were run. */
  readonly segments: readonly MeasuredSegment[];
  readonly messages: readonly MeasuredMessage[];
}

/** One step of all ranks. */
export interface MeasuredStep {
  /** Of the whole step: what a stopwatch beside it shows. */
  readonly seconds: number;
  /** `[world rank]` */
  readonly ranks: readonly MeasuredRank[];
}
