import type { Problem } from '../../../base/index.js';
import type { LoadsFacts, PlacedLoads, PlacementSettings, ReadSettings } from '../../view/index.js';
import type { DroppedFile } from '../ui/index.js';

/** Where loads come from: files that the person gave, or the example that the page brings along. */
export interface LoadsSource {
  /** Another one for other files, though their names be the same. */
  readonly id: string;
  /** The file or folder that is read. */
  readonly path: string;
  /** Empty: the example. */
  readonly files: readonly DroppedFile[];
}

/** What the worker is asked for; without settings it only reads. */
export interface PlacementOrder {
  readonly source: LoadsSource;
  readonly current: DroppedFile | undefined;
  readonly read: ReadSettings;
  readonly settings?: PlacementSettings;
}

/** What the worker says: what it read, then how far placing is, and last what came of it. */
export type PlacementAnswer =
  | { readonly kind: 'read'; readonly facts: LoadsFacts }
  | { readonly kind: 'progress'; readonly done: number; readonly layers: number }
  | { readonly kind: 'placed'; readonly placed: PlacedLoads }
  | { readonly kind: 'problem'; readonly problem: Problem };
