import type { Placement } from '../../balance/index.js';

/** Every format that a placement is written in, in the order of the help. */
export const placementFormats = ['sglang', 'vllm', 'tensorrt-llm', 'vllm-ascend', 'json'] as const;

export type PlacementFormat = (typeof placementFormats)[number];

/** What numbers of layers count: `absolute` the hidden layers of the model, or `moe` only those that have experts, from 0. */
export type LayerNumbering = 'absolute' | 'moe';

/** What is written. */
export interface PlacementFile {
  readonly placement: Placement;
  /** `[gpus + 1]`: first slot of each GPU, and last the number of slots. */
  readonly slotStarts: Int32Array | readonly number[];
  /** `[layers]`: the number of each row's layer, ascending. */
  readonly layerNumbers: readonly number[];
  /** What these numbers count; default `absolute`. */
  readonly layerNumbering?: LayerNumbering;
}

export interface FormattedPlacement {
  readonly text: string;
  /** What a person should know about the file, one line each. */
  readonly notes: readonly string[];
}

/** What was read. */
export interface RecordedPlacement {
  /** What wrote it; a `table` and an `expert map` may be of anybody. */
  readonly format: PlacementFormat | 'table' | 'expert map';
  readonly placement: Placement;
  /** `[layers]`: number of each row, ascending. */
  readonly layerNumbers: readonly number[];
  readonly layerNumbering: LayerNumbering;
  /** Whether the file has one row, which is that of every layer. */
  readonly isOfEveryLayer?: boolean;
  /** `[gpus + 1]`, as in `PlacementFile`, where the file says which slots lie on which GPU. */
  readonly slotStarts?: readonly number[];
  /** What a person should know about the file, one line each. */
  readonly notes: readonly string[];
}
