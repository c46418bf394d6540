import { createRandom } from '../../base/index.js';
import { createLoads, type ExpertLoads, pickWindows } from '../loads.js';

/** How the loads of a recording change from window to window. */
export type RecordingKind = 'steady' | 'drifting' | 'two domains';

export interface RecordingShape {
  readonly kind: RecordingKind;
  readonly layers: number;
  readonly experts: number;
  readonly windows: number;
  /** Windows that come after those that are recorded. */
  readonly fresh: number;
  readonly seed: number;
}

/** Deviation of the logarithm of how popular experts are, and of what a window makes of it. */
const POPULARITY = 0.7;
const NOISE = 0.2;
const TOKENS_OF_EXPERT = 400;
/** What a drift changes over a recording. */
const DRIFT = 0.6;

/** Loads of windows with log-normal popularity, and more windows of the same kind that nobody has seen. */
export function makeRecording(shape: RecordingShape): { readonly seen: ExpertLoads; readonly fresh: ExpertLoads } {
  const { kind, layers, experts, windows, fresh, seed } = shape;
  const random = createRandom(seed, 'recording', kind);
  const draw = () => Float64Array.from({ length: layers * experts }, () => random.normal());
  let popularity = draw().map((value) => POPULARITY * value);
  const other = draw().map((value) => POPULARITY * value);
  const all = createLoads(
    Array.from({ length: windows + fresh }, (_, window) => {
      const now = kind === 'two domains' && window % 2 === 1 ? other : popularity;
      const noise = draw();
      const counts = now.map((value, i) => Math.round(TOKENS_OF_EXPERT * Math.exp(value + NOISE * noise[i])));
      if (kind === 'drifting') {
        const step = draw();
        popularity = popularity.map((value, i) => value + (DRIFT / Math.sqrt(windows)) * step[i]);
      }
      return Array.from({ length: layers }, (__, layer) => [
        ...counts.subarray(layer * experts, (layer + 1) * experts),
      ]);
    }),
  );
  const numbers = Array.from({ length: windows + fresh }, (_, window) => window);
  return { seen: pickWindows(all, numbers.slice(0, windows)), fresh: pickWindows(all, numbers.slice(windows)) };
}
