import { createLoads, type ExpertLoads } from '../balance/index.js';
import { InputError } from '../base/index.js';
import { isRecord } from './expert-loads/recorded-loads.js';
import { readLogicalCount } from './expert-loads/sglang.js';
import { parseJson } from './json.js';

/** The loads of experts in some steps of a training run. */
export interface RunLoads {
  /** `[windows]`: numbers of the steps. */
  readonly steps: readonly number[];
  /** `[layers]`: numbers of the layers with experts, among all of the model. */
  readonly layers: readonly number[];
  readonly experts: number;
  /** `[windows, layers, experts]`: tokens. */
  readonly counts: Float64Array;
}

/** The loads that the text of a file in a run's `loads` folder holds. Throws `InputError` for what is none, and as `createLoads`. */
export function parseRunLoads(text: string, file: string): RunLoads {
  const value = parseJson(text, file);
  const all = createLoads(readLogicalCount(value, file), file);
  const { steps, layers } = isRecord(value) ? value : {};
  if (!isAscending(steps) || steps.length !== all.windows) throw refuse(`steps are no ${all.windows} numbers`, file);
  if (!isAscending(layers) || layers.length === 0 || layers.at(-1)! >= all.layers)
    throw refuse(`layers are no numbers below ${all.layers}`, file);
  return { steps, layers, experts: all.experts, counts: pickLayers(all, layers) };
}

function refuse(what: string, where: string): InputError {
  return new InputError({ what, where, mend: 'give a file of the loads folder of a training run' });
}

function isAscending(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.every((one, place) => Number.isSafeInteger(one) && one >= 0 && (place === 0 || one > value[place - 1]))
  );
}

function pickLayers({ windows, layers, experts, counts }: ExpertLoads, picked: readonly number[]): Float64Array {
  const rows = new Float64Array(windows * picked.length * experts);
  let next = 0;
  for (let window = 0; window < windows; window++) {
    for (const layer of picked) {
      const first = (window * layers + layer) * experts;
      rows.set(counts.subarray(first, first + experts), next);
      next += experts;
    }
  }
  return rows;
}
