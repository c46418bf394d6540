import { createLoads } from '../../balance/index.js';
import { isRecord, numberLayers, type ReadOptions, type RecordedLoads, refuseLoads } from './recorded-loads.js';
import { trimWarmupWindows } from './warm-up.js';

/**
 * The loads of the ADRS project's EPLB task, `{"load_history": [{"logical_expert_load": [layers][experts]}, ...]}`: a window each. Throws `InputError` as
 * `createLoads`.
 * Source: ucbskyadrs/openevolve, examples/eplb.
 */
export function readAdrs(
  file: Readonly<Record<string, unknown>>,
  where: string,
  { trimWarmup }: ReadOptions,
): RecordedLoads {
  if (!Array.isArray(file.load_history)) return refuseLoads('load_history is no list', where);
  const windows = (file.load_history as unknown[]).map((entry, window) => {
    if (isRecord(entry) && Array.isArray(entry.logical_expert_load)) return entry.logical_expert_load as number[][];
    return refuseLoads(`window ${window} of load_history has no list logical_expert_load`, where);
  });
  const { kept, notes } = trimWarmupWindows(createLoads(windows, where), trimWarmup);
  return { format: 'adrs', loads: kept, layerNumbers: numberLayers(kept.layers), layerNumbering: 'moe', notes };
}
