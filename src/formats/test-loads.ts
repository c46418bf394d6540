import type { RecordedLoads } from './expert-loads/recorded-loads.js';
import type { LayerNumbering } from './placements/types.js';

/** Loads of one window as a reader gives them, from rows `[layers][experts]`. */
export function recordLoads(
  rows: readonly (readonly number[])[],
  layerNumbering: LayerNumbering,
  layerNumbers: readonly number[] = [...rows.keys()],
): RecordedLoads {
  const loads = {
    windows: 1,
    layers: rows.length,
    experts: rows[0].length,
    counts: Float64Array.from(rows.flat()),
  };
  const format = layerNumbering === 'moe' ? 'vllm' : 'sglang';
  return { format, loads, layerNumbers, layerNumbering, notes: [] };
}
