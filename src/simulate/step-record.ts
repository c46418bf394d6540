import type { SegmentShape } from '../schedule/index.js';

/**
 * How long a segment takes, `[expert rank]`, in seconds: `seconds` on the compute lane. Of a communication segment that is packing its rows; then it
 * has the communication lane for `transferSeconds`, and the compute lane again, at the first use, for `unpackSeconds`.
 */
export type SegmentTime = Pick<SegmentShape, 'name' | 'phase'> &
  (
    | { readonly lane: 'compute'; readonly seconds: readonly number[] }
    | {
        readonly lane: 'communication';
        readonly seconds: readonly number[];
        readonly transferSeconds: readonly number[];
        readonly unpackSeconds: readonly number[];
      }
  );

/** The segments of a part of the model in the order of a chunk. `backward` has input and weight gradients, weights right after their inputs. */
export interface PartTimes {
  readonly part: 'embed' | 'layer' | 'head';
  /** Number of the layer in the model; of the embedding 0, of the head the number of layers. */
  readonly layer: number;
  readonly forward: readonly SegmentTime[];
  readonly backward: readonly SegmentTime[];
}

/** A message between neighbouring stages on different ranks: its sender's and receiver's compute lanes, and its way between them. */
export interface MessageTime {
  readonly sendSeconds: number;
  readonly transferSeconds: number;
  readonly receiveSeconds: number;
}

/** What a run's step is made of, measured: all that predicting it, or another schedule of the same model, needs. Plain data; `step.json` holds it. */
export interface StepRecord {
  readonly version: 1;
  readonly schedule: {
    readonly name: string;
    readonly ranks: number;
    readonly microbatches: number;
    /** Where it is left out, the schedule's own number. */
    readonly stagesPerRank?: number;
  };
  /** Expert ranks of each pipeline rank; world rank = pipeline rank x expert + expert rank. */
  readonly expert: number;
  readonly overlap: boolean;
  readonly transport: 'threads' | 'mpi';
  /** Of the link that was emulated, if one was: the times are then not this machine's own. */
  readonly emulatedBytesPerSecond?: number;
  /** Layers of each stage of a pipeline, first to last; `end` is the layer after the last. */
  readonly layers: readonly { readonly first: number; readonly end: number }[];
  /** How many steps were measured. */
  readonly steps: number;
  /** Of the median step. The times below are means over the steps that are nearest to it. */
  readonly stepSeconds: number;
  /** Of a step, what lies outside of the schedule: batch, sums of gradients, optimizer. */
  readonly tailSeconds: number;
  readonly message: MessageTime;
  /** Embedding, layers in order, head. */
  readonly parts: readonly PartTimes[];
}
