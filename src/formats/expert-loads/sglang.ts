import { createLoads, type ExpertLoads, sumWindows } from '../../balance/index.js';
import { isNumberTensor, type NumberTensor } from '../number-tensor.js';
import {
  isRecord,
  leaveOutEmpty,
  listNumbers,
  makeLoads,
  numberLayers,
  plural,
  type ReadOptions,
  type RecordedLoads,
  refuseLoads,
} from './recorded-loads.js';
import { trimWarmupWindows } from './warm-up.js';

/**
 * SGLang's `{"logical_count": [steps][layers][experts]}` or without steps, which `--init-expert-location` takes too;
 * and DLBlas's of the same name. Other keys say nothing about loads. Throws `InputError` as `createLoads`.
 * Source: sglang, expert_location.py and expert_distribution.py.
 */
export function readSglangJson(
  file: Readonly<Record<string, unknown>>,
  where: string,
  options: ReadOptions,
): RecordedLoads {
  const loads = createLoads(readLogicalCount(file, where), where);
  return finishSglang(loads, file.logical_count_layout, options);
}

/**
 * The steps of `logical_count` of a JSON file, whose numbers `createLoads` checks. Throws `InputError` where there is
 * none.
 */
export function readLogicalCount(file: unknown, where: string): number[][][] {
  const nested = isRecord(file) ? file.logical_count : undefined;
  if (!Array.isArray(nested)) return refuseLoads('logical_count is no list', where, 'give [steps][layers][experts]');
  const isOneStep = !(Array.isArray(nested[0]) && Array.isArray(nested[0][0]));
  return (isOneStep ? [nested] : nested) as number[][][];
}

/** As `readSglangJson`, for a tensor `[steps, layers, experts]` or `[layers, experts]` of a recorder's `.pt`. */
export function readSglangTensor(
  tensor: NumberTensor,
  layout: unknown,
  where: string,
  options: ReadOptions,
): RecordedLoads {
  const { shape } = tensor;
  if (shape.length !== 2 && shape.length !== 3) {
    const what = `the counts have the shape [${shape}]`;
    return refuseLoads(what, where, 'give [steps, layers, experts] or [layers, experts]');
  }
  if (shape.includes(0)) return refuseLoads(`the loads are empty, of shape [${shape}]`, where);
  const [layers, experts] = shape.slice(-2) as [number, number];
  return finishSglang(makeLoads(tensor.read(), { layers, experts }, where), layout, options);
}

/** The counts of a `stat` recording, its `logical_count`; undefined where the value is none. */
export function findLogicalCount(
  value: unknown,
): { readonly tensor: NumberTensor; readonly layout: unknown } | undefined {
  if (!(value instanceof Map)) return undefined;
  const tensor: unknown = value.get('logical_count');
  return isNumberTensor(tensor) ? { tensor, layout: value.get('logical_count_layout') } : undefined;
}

/** Leaves out what the recorder never filled, and warm-up. */
export function finishSglang(recorded: ExpertLoads, layout: unknown, { trimWarmup }: ReadOptions): RecordedLoads {
  if (layout === 'rank_layer_expert') {
    const notes = [`the counts of ${plural(recorded.windows, 'rank')} were summed`];
    return describeSglang(sumWindows(recorded), notes);
  }
  // SGLang counts into a ring of steps.
  const used = leaveOutEmpty(recorded);
  const unused = recorded.windows - used.windows;
  const { kept, notes } = trimWarmupWindows(used, trimWarmup);
  const dropped = unused === 0 ? [] : [`${plural(unused, 'unused row')} of the ring buffer left out`];
  return describeSglang(kept, [...dropped, ...notes]);
}

/** SGLang has a row for each hidden layer; those of dense layers are 0. */
export function describeSglang(loads: ExpertLoads, notes: readonly string[]): RecordedLoads {
  const tokens = new Float64Array(loads.layers);
  for (let next = 0; next < loads.counts.length; next++)
    tokens[Math.floor(next / loads.experts) % loads.layers]! += loads.counts[next]!;
  const empty = numberLayers(loads.layers).filter((layer) => tokens[layer] === 0);
  const dense =
    empty.length === 0 ? [] : [`${plural(empty.length, 'layer')} without tokens (dense ones?): ${listNumbers(empty)}`];
  return {
    format: 'sglang',
    loads,
    layerNumbers: numberLayers(loads.layers),
    layerNumbering: 'absolute',
    notes: [...notes, ...dense],
  };
}
