import { InputError } from '../base/index.js';

/** How many tokens each expert got: `[windows, layers, experts]`. A window is a time span, or a domain of texts; one is common. */
export interface ExpertLoads {
  readonly windows: number;
  readonly layers: number;
  readonly experts: number;
  /** `[windows, layers, experts]`, row-major: tokens, finite and not negative. */
  readonly counts: Float64Array;
}

/** Which experts single tokens chose, for each layer that was logged. */
export interface TokenRoutes {
  readonly layers: number;
  /** Experts a token chose at most. */
  readonly topK: number;
  /** `[layers]`: `[tokens of the layer, topK]`, row-major: the logical experts of each token, -1 where it chose fewer. */
  readonly chosen: readonly Int32Array[];
}

/**
 * Loads from nested lists, `[windows][layers][experts]`. Throws `InputError` that names window, layer and expert unless every list has the same
 * length, none is empty, and every number is finite and not negative. `where` is the file, for the error.
 */
export function createLoads(windows: readonly (readonly (readonly number[])[])[], where?: string): ExpertLoads {
  const layers = windows[0]?.length ?? 0;
  const experts = windows[0]?.[0]?.length ?? 0;
  if (layers === 0 || experts === 0) throw refuse('the loads are empty', where, 'give at least one layer and expert');
  const counts = new Float64Array(windows.length * layers * experts);
  const inWindow = (window: number) => (windows.length === 1 ? '' : `window ${window}, `);
  let next = 0;
  for (const [window, rows] of windows.entries()) {
    if (rows.length !== layers)
      throw refuse(`window ${window} has ${rows.length} layers, window 0 has ${layers}`, where, 'give all the same');
    for (const [layer, row] of rows.entries()) {
      if (row.length !== experts) {
        const what = `${inWindow(window)}layer ${layer} has ${row.length} experts, the first has ${experts}`;
        throw refuse(what, where, 'give all layers the same number of experts');
      }
      for (const [expert, count] of row.entries()) {
        if (!isCount(count)) {
          const what = `the load of ${inWindow(window)}layer ${layer}, expert ${expert} is ${count}`;
          throw refuse(what, where, 'give a finite number, 0 or more');
        }
        counts[next++] = count;
      }
    }
  }
  return { windows: windows.length, layers, experts, counts };
}

/** Throws `InputError` as `createLoads` where the numbers of `loads` are no loads. */
export function checkLoads({ windows, layers, experts, counts }: ExpertLoads, where?: string): void {
  if (!(layers > 0 && experts > 0 && windows > 0))
    throw refuse('the loads are empty', where, 'give at least one layer and expert');
  if (counts.length !== windows * layers * experts) {
    const what = `${counts.length} loads for ${windows} windows, ${layers} layers and ${experts} experts`;
    throw refuse(what, where, `give ${windows * layers * experts}`);
  }
  const bad = counts.findIndex((count) => !isCount(count));
  if (bad < 0) return;
  const layer = Math.floor(bad / experts) % layers;
  const inWindow = windows === 1 ? '' : `window ${Math.floor(bad / experts / layers)}, `;
  const what = `the load of ${inWindow}layer ${layer}, expert ${bad % experts} is ${counts[bad]}`;
  throw refuse(what, where, 'give a finite number, 0 or more');
}

/** All windows as one: `[1, layers, experts]`. */
export function sumWindows({ windows, layers, experts, counts }: ExpertLoads): ExpertLoads {
  const size = layers * experts;
  if (windows === 1) return { windows, layers, experts, counts };
  const sums = counts.slice(0, size);
  for (let next = size; next < counts.length; next++) sums[next % size]! += counts[next]!;
  return { windows: 1, layers, experts, counts: sums };
}

/**
 * Each window's loads of each layer as shares of the layer's tokens in that window, times the mean number of tokens of a window: a window
 * with many tokens then counts as much as one with few. A layer without tokens in a window stays at 0.
 */
export function normalizeWindows({ windows, layers, experts, counts }: ExpertLoads): ExpertLoads {
  const shares = counts.slice();
  for (let layer = 0; layer < layers; layer++) {
    const rows = Array.from({ length: windows }, (_, window) => {
      const start = (window * layers + layer) * experts;
      return shares.subarray(start, start + experts);
    });
    const totals = rows.map((row) => row.reduce((sum, count) => sum + count, 0));
    const mean = totals.reduce((sum, total) => sum + total, 0) / windows;
    for (const [window, row] of rows.entries()) {
      const total = totals[window]!;
      if (total > 0) row.set(row.map((count) => (count / total) * mean));
    }
  }
  return { windows, layers, experts, counts: shares };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function refuse(what: string, where: string | undefined, mend: string): InputError {
  return new InputError({ what, mend, ...(where === undefined ? {} : { where }) });
}
