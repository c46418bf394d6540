import type { Tensor } from '../../graph/index.js';

/** Tokens of a microbatch. */
export interface BatchShape {
  readonly sequences: number;
  readonly sequenceLength: number;
}

/** A parameter of the block's layer by the end of its Hugging Face name. */
export type Parameters = (name: string) => Tensor;
