import { type BalanceSolution, countReplicas, type Machine, type Placement, toRows } from '../balance/index.js';
import { InputError } from '../base/index.js';
import { findExpertRows, type LoadsInput } from './loads-input.js';
import { formatPlacement } from './placements/format.js';
import { launchFlags } from './placements/launch-flags.js';
import { nameLayers } from './placements/layout.js';
import { placementDocument } from './placements/own-json.js';
import type { FormattedPlacement, PlacementFormat } from './placements/types.js';

/** An engine's file, and how the engine is started on it. */
export interface SolutionFile extends FormattedPlacement {
  /** The lines of a shell that start the engine on the file. */
  readonly launch: readonly string[];
}

/**
 * A solution as the text of an engine's file, to lie at `path`; our own is the JSON document. Throws as `formatPlacement`,
 * and `InputError` where an engine counts layers with experts one after another, and the loads lack one.
 */
export function formatSolution(
  solution: BalanceSolution,
  input: LoadsInput,
  format: PlacementFormat,
  path?: string,
): SolutionFile {
  if (format === 'json') return { text: formatSolutionJson(solution, input), notes: [], launch: [] };
  const { notes, ...rows } = selectRows(solution.placement, input, format);
  const file = { ...rows, slotStarts: solution.machine.slotStarts };
  const written = formatPlacement(file, format);
  return { text: written.text, notes: [...notes, ...written.notes], launch: launchFlags(file, format, path) };
}

/** The JSON document of a solution, as a line: the placement, which can be read again, and its measures. */
export function formatSolutionJson(solution: BalanceSolution, input: LoadsInput): string {
  const { placement, machine, before, after, grouped, verdict, lowerBound, heldOut, objective } = solution;
  const document = {
    ...placedDocument(placement, machine, input),
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
    notes: input.recorded.notes,
  };
  return `${JSON.stringify(document)}\n`;
}

/** The placement's part of the JSON document. */
export function placedDocument(
  placement: Placement,
  { slotStarts }: Machine,
  { layerNumbers, layerNumbering }: Pick<LoadsInput, 'layerNumbers' | 'layerNumbering'>,
) {
  const document = placementDocument({ placement, slotStarts, layerNumbers, layerNumbering });
  const { physicalToLogical, ...rest } = document;
  return { physicalToLogical, replicas: toRows(countReplicas(placement), placement.experts), ...rest };
}

/** The rows of a placement that go into an engine's file. */
interface SelectedRows {
  readonly placement: Placement;
  readonly layerNumbers: readonly number[];
  readonly notes: readonly string[];
}

/** SGLang's file has all layers; the others name or count only those that have experts. */
function selectRows(placement: Placement, input: LoadsInput, format: PlacementFormat): SelectedRows {
  const { layerNumbers, layerNumbering } = input;
  const isOrdinal = format === 'vllm' || format === 'vllm-ascend';
  if (!isOrdinal && layerNumbering === 'moe') return { placement, layerNumbers, notes: [warnOfOffset(format)] };
  if (format === 'sglang') return { placement, layerNumbers, notes: [] };
  const rows = findExpertRows(input);
  if (isOrdinal) checkOrdinals(rows, input, format);
  if (rows.length === layerNumbers.length) return { placement, layerNumbers, notes: [] };
  const { slots, physicalToLogical } = placement;
  const picked = new Int32Array(rows.length * slots);
  for (const [i, row] of rows.entries())
    picked.set(physicalToLogical.subarray(row * slots, (row + 1) * slots), i * slots);
  return {
    placement: { ...placement, layers: rows.length, physicalToLogical: picked },
    layerNumbers: rows.map((row) => layerNumbers[row]),
    notes: noteLeftOut(rows, input),
  };
}

function warnOfOffset(format: PlacementFormat): string {
  const engine = format === 'sglang' ? 'SGLang' : 'TensorRT-LLM';
  return (
    'warning: the layer offset is unknown: the loads count only layers with experts, and the file numbers them from 0. ' +
    `If the first layers of the model are dense (3 in DeepSeek-V3), ${engine} gives each layer the experts of ` +
    "another; say with --layer-offset which is the model's first layer with experts: --layer-offset 3 for " +
    'DeepSeek-V3, --layer-offset 0 if none is dense'
  );
}

/** Layers that an engine counts must not lack one between: without an offset, those with tokens are taken to be all. */
function checkOrdinals(
  rows: readonly number[],
  { recorded, layerNumbers, layerOffset }: LoadsInput,
  format: PlacementFormat,
): void {
  const isCounted = recorded.layerNumbering === 'moe';
  if (!isCounted && layerOffset === undefined) return;
  const first = layerOffset ?? 0;
  const missing = rows.findIndex((row, ordinal) => layerNumbers[row] !== first + ordinal);
  if (missing < 0) return;
  const layer = first + missing;
  throw new InputError({
    what: `there are no loads of layer ${layer}, and ${format} counts all layers with experts from ${first} on`,
    where: `layer ${layer}`,
    mend: isCounted
      ? 'record that layer too'
      : 'record that layer too, or leave out --layer-offset if it has no experts',
  });
}

/** What was left out as layers without experts, and which offset keeps it. */
function noteLeftOut(rows: readonly number[], { layerNumbers, layerOffset }: LoadsInput): string[] {
  const kept = new Set(rows);
  const left = layerNumbers.filter((_, row) => !kept.has(row));
  if (layerOffset !== undefined)
    return [`${nameLayers(left)} of the model ${left.length === 1 ? 'has' : 'have'} no experts: left out of the file`];
  const first = layerNumbers[rows[0]];
  const note = (layers: readonly number[], though: string, offset: number): string[] => {
    if (layers.length === 0) return [];
    const [taken, it] = layers.length === 1 ? ['a layer', 'it has'] : ['layers', 'they have'];
    const assumed = `taken for ${taken} without experts and left out of the file`;
    return [
      `${nameLayers(layers)} of the model got no tokens${though}: ${assumed}; if ${it} some, say --layer-offset ${offset}`,
    ];
  };
  const early = left.filter((layer) => layer < first);
  const later = left.filter((layer) => layer > first);
  return [...note(early, '', early[0] ?? 0), ...note(later, ', though layers before did', first)];
}
