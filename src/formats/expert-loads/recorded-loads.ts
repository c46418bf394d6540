import { checkLoads, type ExpertLoads, type Placement, pickWindows, type TokenRoutes } from '../../balance/index.js';
import { InputError } from '../../base/index.js';

/** Expert loads as an engine recorded them, and what the file says about them. */
export interface RecordedLoads {
  /** Which format it was. */
  readonly format: 'sglang' | 'tensorrt-llm' | 'vllm' | 'adrs' | 'routes' | 'domains' | 'table';
  /** `[windows, layers, experts]`: tokens. */
  readonly loads: ExpertLoads;
  /** `[layers]`: the number each row has in the engine that wrote it. */
  readonly layerNumbers: readonly number[];
  /**
   * What these numbers count: `absolute` the model's hidden layers, dense ones too (SGLang, TensorRT-LLM, routes,
   * tables that number their layers from above 0), or `moe` its MoE layers only (vLLM, ADRS, domains, other tables).
   */
  readonly layerNumbering: 'absolute' | 'moe';
  /** `[windows]`: their names, where they have any (domains). */
  readonly windowNames?: readonly string[];
  /** Which experts single tokens chose, where the file says so (routes). */
  readonly routes?: TokenRoutes;
  /** The placement in force when the last window was recorded, where the file has one. */
  readonly placement?: Placement;
  /** What a person should know, one line each. */
  readonly notes: readonly string[];
}

/** Loads of a file or folder, before they are joined with others. */
export interface ReadLoads extends RecordedLoads {
  /** Where a table itself numbers its layers: what these numbers count follows from all files together. */
  readonly labels?: TableLabels;
}

/** How a table says which row is of which layer. */
export interface TableLabels {
  /** Whether layers have the names of a model's modules, `model.layers.3.mlp`, which count all layers. */
  readonly areModules: boolean;
  /** Whether only experts with tokens need be in it, so that there may be more layers and experts. */
  readonly isSparse: boolean;
}

/** What the caller of a reader wants. */
export interface ReadOptions {
  readonly trimWarmup: boolean;
  /** How many experts each layer has, where a file does not say. */
  readonly experts?: number;
}

/** Loads of `[windows, layers, experts]` counts; throws `InputError` that names window, layer and expert. */
export function makeLoads(
  counts: Float64Array,
  { layers, experts }: { readonly layers: number; readonly experts: number },
  where: string,
): ExpertLoads {
  const loads = { windows: counts.length / (layers * experts), layers, experts, counts };
  checkLoads(loads, where);
  return loads;
}

/** One after the other, all of the same length. */
export function joinWindows(windows: readonly Float64Array[]): Float64Array {
  const size = windows[0]?.length ?? 0;
  const counts = new Float64Array(windows.length * size);
  for (const [window, numbers] of windows.entries()) counts.set(numbers, window * size);
  return counts;
}

/**
 * Leaves out windows without tokens, such as rows of a ring buffer that were never reached; one stays where all are.
 */
export function leaveOutEmpty(loads: ExpertLoads): ExpertLoads {
  if (loads.windows === 1) return loads;
  const size = loads.layers * loads.experts;
  const isUsed = Array.from({ length: loads.windows }, (_, window) =>
    loads.counts.subarray(window * size, (window + 1) * size).some((count) => count > 0),
  );
  if (!isUsed.includes(false)) return loads;
  return isUsed.includes(true)
    ? keepWindows(loads, (window) => isUsed[window])
    : keepWindows(loads, (window) => window === 0);
}

/** Whether an expert of a layer got tokens in a window. */
export function hasTokens({ layers, experts, counts }: ExpertLoads, window: number, layer: number): boolean {
  const start = (window * layers + layer) * experts;
  return counts.subarray(start, start + experts).some((count) => count > 0);
}

/** The windows that `isKept`. */
export function keepWindows(loads: ExpertLoads, isKept: (window: number) => boolean): ExpertLoads {
  const all = Array.from({ length: loads.windows }, (_, window) => window);
  return pickWindows(loads, all.filter(isKept));
}

/** 0, 1, ... */
export function numberLayers(layers: number): readonly number[] {
  return Array.from({ length: layers }, (_, layer) => layer);
}

/** `1 window`, `3 windows`; nouns with another plural name it. */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : many}`;
}

/** `0, 1, 2 and 7 more`. */
export function listNumbers(numbers: readonly number[]): string {
  const shown = numbers.slice(0, 8).join(', ');
  return numbers.length > 8 ? `${shown} and ${numbers.length - 8} more` : shown;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The mend of a file in which several things, or none known, may be the loads: to name one. A shell must take it as one
 * word.
 */
export function namePart(where: string, part: string): string {
  const path = `${where}${where.includes('#') ? '/' : '#'}${part.trim().slice(0, 80)}`;
  const isWord = !/[\s;&|<>*?'"$()`\\!]/.test(path);
  return `name the part of the file that holds the loads, as ${isWord ? path : `'${path.replaceAll("'", "'\\''")}'`}`;
}

/** Throws the `InputError` that the file at `where` is not as its format says. */
export function refuseLoads(what: string, where: string, mend = 'check how it was recorded'): never {
  throw new InputError({ what, where, mend });
}
