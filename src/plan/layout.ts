import type { ScheduleName } from '../schedule/index.js';
import type { Recomputation } from './work.js';

/** A way to run a model on a cluster. pipeline x data = GPUs; the data ranks of a stage share its experts, `expert` at a time. */
export interface Layout {
  readonly schedule: ScheduleName;
  readonly pipeline: number;
  /** Stages that a rank holds, of all pipelines together. */
  readonly stagesPerRank: number;
  readonly expert: number;
  readonly data: number;
  /** Sequences of a microbatch. */
  readonly microbatchSize: number;
  /** Of each pipeline of ranks in a step. */
  readonly microbatches: number;
  readonly recomputation: Recomputation;
  /** Multiprocessors that communication has; 0 where there is none beside computation. */
  readonly communicationSms: number;
}

/** Where the time of a step goes, in seconds, as a mean over the ranks: all together the step. */
export interface StepBreakdown {
  /** Forwards outside of pairs. */
  readonly forward: number;
  /** Backwards outside of pairs; their weight gradient too, where it is not put off. */
  readonly backward: number;
  /** Weight gradients that were put off. */
  readonly backwardWeight: number;
  readonly overlapped: number;
  /** Idle before a rank's first action, */
  readonly warmUp: number;
  /** between its actions for what is not computed yet, */
  readonly waiting: number;
  /** or for messages on their way, */
  readonly messages: number;
  /** and after its last action. */
  readonly coolDown: number;
  readonly reduce: number;
  readonly optimizer: number;
}

/** Memory of the fullest rank in bytes, by part. */
export interface MemoryByPart {
  readonly parameters: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly activations: number;
  readonly working: number;
  readonly reserved: number;
}

/** A layout with what is predicted for it. */
export interface Plan extends Layout {
  readonly stepSeconds: number;
  /** Mean idle time of the ranks over the step: from 0 to 1. */
  readonly bubbleFraction: number;
  /** Time of a step in which a rank waits for all-to-alls or messages; a mean over the ranks. */
  readonly exposedCommunicationSeconds: number;
  /** `[pipeline rank]`: the most that it holds, what is reserved too. */
  readonly peakMemoryBytes: readonly number[];
  readonly breakdown: StepBreakdown;
  readonly memory: MemoryByPart;
  /** `[stage of a pipeline]`: its layers, prediction modules too. */
  readonly layersByStage: readonly number[];
}
