import type { Placement } from '../../balance/index.js';

/** Every format that a placement is written in, in the order of the help. */
export const placementFormats = ['sglang', 'vllm', 'tensorrt-llm', 'vllm-ascend', 'json'] as const;

export type PlacementFormat = (typeof placementFormats)[number];

/** What is written. */
export interface PlacementFile {
  readonly placement: Placement;
  /** `[gpus + 1]`: first slot of each GPU, and last the number of slots. */
  readonly slotStarts: Int32Array | readonly number[];
  /** `[layers]`: absolute number of each row's hidden layer in the model, ascending. */
  readonly layerNumbers: readonly number[];
}

export interface FormattedPlacement {
  readonly text: string;
  /** What a person should know about the file, one line each. */
  readonly notes: readonly string[];
}

/** What was read. */
export interface RecordedPlacement {
  readonly format: PlacementFormat;
  readonly placement: Placement;
  /** `[layers]`: number of each row, ascending. */
  readonly layerNumbers: readonly number[];
  /** Whether the file numbers the hidden layers of the model, or only those that have experts, from 0. */
  readonly layerNumbering: 'absolute' | 'moe';
  /** `[gpus + 1]`, as in `PlacementFile`, where the file says which slots lie on which GPU. */
  readonly slotStarts?: readonly number[];
}
