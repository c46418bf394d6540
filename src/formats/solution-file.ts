import {
  type BalanceSolution,
  countReplicas,
  type ExpertLoads,
  type Machine,
  type Placement,
  toRows,
} from '../balance/index.js';
import type { LoadsInput } from './loads-input.js';
import { formatPlacement } from './placements/format.js';
import { placementDocument } from './placements/own-json.js';
import type { FormattedPlacement, PlacementFormat } from './placements/types.js';

/** A solution as the text of an engine's file; our own is the JSON document. Throws as `formatPlacement`. */
export function formatSolution(
  solution: BalanceSolution,
  input: LoadsInput,
  format: PlacementFormat,
): FormattedPlacement {
  if (format === 'json') return { text: formatSolutionJson(solution, input), notes: [] };
  const { notes, ...rows } = selectRows(solution.placement, input, format);
  const written = formatPlacement({ ...rows, slotStarts: solution.machine.slotStarts }, format);
  return { text: written.text, notes: [...notes, ...written.notes] };
}

/** The JSON document of a solution, as a line: the placement, which can be read again, and its measures. */
export function formatSolutionJson(solution: BalanceSolution, { layerNumbers, recorded }: LoadsInput): string {
  const { placement, machine, before, after, grouped, verdict, lowerBound, heldOut, objective } = solution;
  const document = {
    ...placedDocument(placement, machine, layerNumbers),
    gpuLoad: toRows(after.gpuLoad, machine.gpus),
    balancedness: after.balancedness,
    ...(heldOut === undefined ? {} : { balancednessOf: 'the windows it was placed by', heldOut }),
    objective,
    lowerBound: [...lowerBound],
    maxGpuLoad: [...after.maxGpuLoad],
    gap: solution.gap,
    moves: verdict?.moves ?? 0,
    duplicates: after.duplicates,
    seconds: solution.seconds,
    strategy: solution.strategy,
    reason: solution.reason,
    ...(after.nodeBalancedness === undefined ? {} : { nodeBalancedness: after.nodeBalancedness }),
    windows: { count: solution.windows, ...after.windows },
    before: { balancedness: before.balancedness, maxGpuLoad: [...before.maxGpuLoad], windows: before.windows },
    ...(verdict === undefined ? {} : { migration: verdict }),
    ...(after.spread === undefined
      ? {}
      : {
          traffic: {
            before: before.spread,
            after: after.spread,
            ...(grouped?.spread === undefined ? {} : { groups: grouped.spread }),
          },
        }),
    notes: recorded.notes,
  };
  return `${JSON.stringify(document)}\n`;
}

/** The placement's part of the JSON document. */
export function placedDocument(placement: Placement, machine: Machine, layerNumbers: readonly number[]) {
  const { physicalToLogical, ...rest } = placementDocument({ placement, slotStarts: machine.slotStarts, layerNumbers });
  return { physicalToLogical, replicas: toRows(countReplicas(placement), placement.experts), ...rest };
}

/**
 * The rows of a placement that a format has, with their numbers: all, but where an engine counts or names only layers with experts and the loads count all layers, not those
 * without tokens, which have none. Notes what is left out.
 */
function selectRows(
  placement: Placement,
  { recorded, loads, layerNumbers }: LoadsInput,
  format: PlacementFormat,
): { readonly placement: Placement; readonly layerNumbers: readonly number[]; readonly notes: readonly string[] } {
  const { layers, slots, physicalToLogical } = placement;
  const tokens = tokensByLayer(loads);
  const rows = [...tokens.keys()].filter((layer) => tokens[layer]! > 0);
  const hasAll = format === 'sglang' || format === 'json' || recorded.layerNumbering === 'moe';
  if (hasAll || rows.length === layers || rows.length === 0) return { placement, layerNumbers, notes: [] };
  const picked = new Int32Array(rows.length * slots);
  for (const [i, row] of rows.entries())
    picked.set(physicalToLogical.subarray(row * slots, (row + 1) * slots), i * slots);
  const without = layerNumbers.filter((_, layer) => tokens[layer] === 0);
  const layer = without.length === 1 ? 'layer' : 'layers';
  return {
    placement: { ...placement, layers: rows.length, physicalToLogical: picked },
    layerNumbers: rows.map((row) => layerNumbers[row]!),
    notes: [`${layer} ${without.join(', ')} of the model got no tokens, so no experts are there: left out of the file`],
  };
}

/** `[layers]`, all windows together. */
function tokensByLayer({ layers, experts, counts }: ExpertLoads): Float64Array {
  const tokens = new Float64Array(layers);
  for (const [position, count] of counts.entries()) tokens[Math.floor(position / experts) % layers]! += count;
  return tokens;
}
