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
 * length, none is empty, and every number is finite, not negative and at most 2^53; what is no list or number, though its type says so, is refused as well.
 * `where` is the file, for the error.
 */
export function createLoads(windows: readonly (readonly (readonly number[])[])[], where?: string): ExpertLoads {
  const layers = windows[0]?.length ?? 0;
  const experts = windows[0]?.[0]?.length ?? 0;
  if (!(layers > 0 && experts > 0)) throw refuse('the loads are empty', where, 'give at least one layer and expert');
  // Lists are looked at before their numbers get room: a ragged file may be far smaller than its first lists say.
  for (const [window, rows] of windows.entries())
    checkRows(rows, { window, windows: windows.length, layers, experts }, where);
  const counts = new Float64Array(windows.length * layers * experts);
  let next = 0;
  for (const rows of windows) {
    for (const row of rows) {
      for (let expert = 0; expert < experts; expert++) {
        const count: unknown = row[expert];
        if (!isCount(count)) throw refuseCount(count, next, { windows: windows.length, layers, experts }, where);
        counts[next++] = count;
      }
    }
  }
  return { windows: windows.length, layers, experts, counts };
}

type Shape = Omit<ExpertLoads, 'counts'>;

function checkRows(
  rows: unknown,
  { window, windows, layers, experts }: Shape & { window: number },
  where?: string,
): void {
  if (!Array.isArray(rows)) throw refuse(`window ${window} is no list of layers`, where, 'give a list a layer');
  if (rows.length !== layers)
    throw refuse(`window ${window} has ${rows.length} layers, window 0 has ${layers}`, where, 'give all the same');
  for (const [layer, row] of (rows as unknown[]).entries()) {
    const place = `${windows === 1 ? '' : `window ${window}, `}layer ${layer}`;
    if (!Array.isArray(row)) throw refuse(`${place} is no list of experts`, where, 'give a number an expert');
    if (row.length === experts) continue;
    const what = `${place} has ${row.length} experts, the first has ${experts}`;
    throw refuse(what, where, 'give all layers the same number of experts');
  }
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
  throw refuseCount(counts[bad], bad, { windows, layers, experts }, where);
}

/** All windows as one: `[1, layers, experts]`. */
export function sumWindows({ windows, layers, experts, counts }: ExpertLoads): ExpertLoads {
  const size = layers * experts;
  if (windows === 1) return { windows, layers, experts, counts };
  const sums = counts.slice(0, size);
  for (let next = size; next < counts.length; next++) sums[next % size]! += counts[next]!;
  return { windows: 1, layers, experts, counts: sums };
}

/** At most `most` windows: more are summed in equal blocks of neighbours. */
export function mergeWindows(loads: ExpertLoads, most: number): ExpertLoads {
  const { windows, layers, experts, counts } = loads;
  if (windows <= most) return loads;
  const size = layers * experts;
  const merged = new Float64Array(most * size);
  for (let window = 0; window < windows; window++) {
    const start = Math.floor((window * most) / windows) * size;
    for (let i = 0; i < size; i++) merged[start + i]! += counts[window * size + i]!;
  }
  return { windows: most, layers, experts, counts: merged };
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

/** Each window's loads of each layer as shares of the layer's tokens in that window; a layer without tokens stays at 0. */
export function shareTokens(loads: ExpertLoads): ExpertLoads {
  const { experts } = loads;
  const counts = loads.counts.slice();
  for (let start = 0; start < counts.length; start += experts) {
    const row = counts.subarray(start, start + experts);
    const tokens = row.reduce((sum, count) => sum + count, 0);
    if (tokens > 0) row.set(row.map((count) => count / tokens));
  }
  return { ...loads, counts };
}

/** The loads of some windows, in the order in which they are named. */
export function pickWindows({ layers, experts, counts }: ExpertLoads, windows: readonly number[]): ExpertLoads {
  const size = layers * experts;
  const kept = new Float64Array(windows.length * size);
  for (const [index, window] of windows.entries())
    kept.set(counts.subarray(window * size, (window + 1) * size), index * size);
  return { windows: windows.length, layers, experts, counts: kept };
}

/** The loads of some layers, in the order in which they are named. */
export function pickLayers({ windows, layers, experts, counts }: ExpertLoads, picked: readonly number[]): ExpertLoads {
  const rows = Array.from({ length: windows }, (_, window) =>
    picked.map((layer) => (window * layers + layer) * experts),
  );
  const kept = new Float64Array(windows * picked.length * experts);
  for (const [index, start] of rows.flat().entries())
    kept.set(counts.subarray(start, start + experts), index * experts);
  return { windows, layers: picked.length, experts, counts: kept };
}

/** Each window's loads times its weight, of `[windows]`: sums over windows are weighted sums then. */
export function weighWindows(loads: ExpertLoads, weights: Float64Array): ExpertLoads {
  const size = loads.layers * loads.experts;
  return { ...loads, counts: loads.counts.map((count, index) => count * weights[Math.floor(index / size)]!) };
}

/** Larger numbers are no exact counts any more, and their sums might not be finite. */
function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

/** The error for the number at position `next` of the counts. */
function refuseCount(count: unknown, next: number, { windows, layers, experts }: Shape, where?: string): InputError {
  const row = Math.floor(next / experts);
  const inWindow = windows === 1 ? '' : `window ${Math.floor(row / layers)}, `;
  const shown = typeof count === 'number' ? String(count) : describeValue(count);
  const what = `the load of ${inWindow}layer ${row % layers}, expert ${next % experts} is ${shown}`;
  return refuse(what, where, 'give a finite number from 0 to 2^53');
}

function describeValue(value: unknown): string {
  // Readers of JSON keep Python's NaN and Infinity as texts.
  if (typeof value === 'string') return /^-?(NaN|Infinity)$/.test(value) ? value : JSON.stringify(value.slice(0, 40));
  if (Array.isArray(value)) return 'a list';
  return value === null ? 'null' : `a ${typeof value}`;
}

function refuse(what: string, where: string | undefined, mend: string): InputError {
  return new InputError({ what, mend, ...(where === undefined ? {} : { where }) });
}
