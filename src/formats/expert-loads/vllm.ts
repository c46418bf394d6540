import type { Placement } from '../../balance/index.js';
import type { JsonLine } from './json-text.js';
import { addToExperts, makePlacement } from './placed-counts.js';
import {
  isRecord,
  joinWindows,
  makeLoads,
  numberLayers,
  type ReadOptions,
  type RecordedLoads,
  refuseLoads,
} from './recorded-loads.js';
import { trimWarmupWindows } from './warm-up.js';

/**
 * vLLM's recorded expert loads (JSONL): each `eplb_load_stats` line is a window of tokens `[layers, slots]` with the
 * placement that was then in force, by which they are summed for each logical expert; `eplb_load_meta` lines say
 * nothing that is needed. Throws `InputError` that names the line.
 * Source: vllm-project/vllm#41141.
 */
export function readVllmLines(lines: Iterable<JsonLine>, path: string, { trimWarmup }: ReadOptions): RecordedLoads {
  const windows: Float64Array[] = [];
  let placement: Placement | undefined;
  let changes = 0;
  for (const { value, where } of lines) {
    if (!isRecord(value)) return refuseLoads('it is no record', where);
    if (value.record_type === 'eplb_initial_mapping') {
      const mend = 'give the file of --eplb-config write_stats_path';
      return refuseLoads('it is a placement (eplb_initial_mapping), not loads', where, mend);
    }
    if (!isStats(value)) continue;
    const next = addWindow(windows, value, placement, where);
    if (placement !== undefined && !isSamePlacement(next, placement)) changes += 1;
    placement = next;
  }
  if (placement === undefined) return refuseLoads('it has no record eplb_load_stats', path);
  const { kept, notes } = trimWarmupWindows(makeLoads(joinWindows(windows), placement, path), trimWarmup);
  return {
    format: 'vllm',
    loads: kept,
    layerNumbers: numberLayers(kept.layers),
    layerNumbering: 'moe',
    placement,
    notes: changes === 0 ? notes : [`the placement changed ${changes} times while it was recorded`, ...notes],
  };
}

/** Appends the window of a record, and returns its placement, which must be of the size of the one before. */
function addWindow(
  windows: Float64Array[],
  record: Readonly<Record<string, unknown>>,
  before: Placement | undefined,
  where: string,
): Placement {
  const map = flattenTable(record.p2l_map, 'p2l_map', where);
  const tokens = flattenTable(record.expert_load, 'expert_load', where);
  if (tokens.layers !== map.layers || tokens.columns !== map.columns) {
    const [load, slots] = [tokens, map].map(({ layers, columns }) => `[${layers}, ${columns}]`);
    return refuseLoads(`expert_load has the shape ${load}, p2l_map ${slots}`, where);
  }
  const placement = makePlacement(map.numbers, [map.layers, map.columns], where);
  const bad = tokens.numbers.findIndex((count) => !(count >= 0 && count <= Number.MAX_SAFE_INTEGER));
  if (bad >= 0) {
    const place = `layer ${Math.floor(bad / map.columns)}, slot ${bad % map.columns}`;
    return refuseLoads(`the load of ${place} is ${tokens.numbers[bad]}`, where, 'give a finite number, 0 or more');
  }
  if (before !== undefined && (before.layers !== placement.layers || before.experts !== placement.experts)) {
    const [here, there] = [placement, before].map(({ layers, experts }) => `${layers} layers of ${experts} experts`);
    return refuseLoads(`it has ${here}, the record before ${there}`, where);
  }
  const sums = new Float64Array(placement.layers * placement.experts);
  addToExperts(sums, tokens.numbers, placement);
  windows.push(sums);
  return placement;
}

/** Early records do not say what they are. */
function isStats(record: Readonly<Record<string, unknown>>): boolean {
  return (
    record.record_type === 'eplb_load_stats' || (record.record_type === undefined && record.expert_load !== undefined)
  );
}

interface Table {
  readonly layers: number;
  readonly columns: number;
  /** Row-major; what is no number is NaN. */
  readonly numbers: Float64Array;
}

function flattenTable(value: unknown, name: string, where: string): Table {
  if (!Array.isArray(value) || !Array.isArray(value[0]) || value[0].length === 0)
    return refuseLoads(`${name} is no list [layers][slots]`, where);
  const columns = value[0].length;
  const rows = value as readonly unknown[];
  const ragged = rows.findIndex((row) => !Array.isArray(row) || row.length !== columns);
  if (ragged >= 0) return refuseLoads(`layer ${ragged} of ${name} has not ${columns} slots, as the first has`, where);
  const numbers = new Float64Array(rows.length * columns);
  let next = 0;
  for (const row of rows as readonly unknown[][]) {
    for (let column = 0; column < columns; column++) {
      const entry = row[column];
      numbers[next++] = typeof entry === 'number' ? entry : Number.NaN;
    }
  }
  return { layers: rows.length, columns, numbers };
}

function isSamePlacement(a: Placement, b: Placement): boolean {
  return a.slots === b.slots && a.physicalToLogical.every((expert, slot) => expert === b.physicalToLogical[slot]);
}
