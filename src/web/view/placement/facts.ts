import { formatCount } from '../../../base/index.js';
import type { RecordedLoads, RecordedPlacement } from '../../../formats/browser.js';

/** What is known of loads once they are read, and of the placement now, where one was given. */
export interface LoadsFacts {
  readonly format: RecordedLoads['format'];
  readonly windows: number;
  /** `[windows]`: their names, where they have any. */
  readonly windowNames: readonly string[] | undefined;
  readonly layers: number;
  readonly experts: number;
  /** Tokens an expert got, all layers and windows together. */
  readonly tokens: number;
  /** Whether the file counts only the layers with experts. */
  readonly countsExpertLayers: boolean;
  /** Whether it begins with what looks like an engine's warm-up, left out or not. */
  readonly hasWarmup: boolean;
  /** Slots of the placement that the file itself holds. */
  readonly recordedSlots: number | undefined;
  readonly current: CurrentFacts | undefined;
  readonly notes: readonly string[];
}

/** What is known of the placement now. */
export interface CurrentFacts {
  readonly format: string;
  readonly layers: number;
  readonly slots: number;
  readonly gpus: number | undefined;
  /** Whether the file counts only the layers with experts. */
  readonly countsExpertLayers: boolean;
}

/** The facts of loads, and of a placement now, that were read. */
export function findFacts(recorded: RecordedLoads, current: RecordedPlacement | undefined): LoadsFacts {
  const { loads, format, windowNames, layerNumbering, placement, notes } = recorded;
  return {
    format,
    windows: loads.windows,
    windowNames,
    layers: loads.layers,
    experts: loads.experts,
    tokens: loads.counts.reduce((sum, count) => sum + count, 0),
    countsExpertLayers: layerNumbering === 'moe',
    // Readers say it in a note alone, to a person.
    hasWarmup: notes.some((note) => /--trim-warmup|left out as warm-up/.test(note)),
    recordedSlots: placement?.slots,
    current: current && {
      format: current.format,
      layers: current.placement.layers,
      slots: current.placement.slots,
      gpus: current.slotStarts === undefined ? undefined : current.slotStarts.length - 1,
      countsExpertLayers: current.layerNumbering === 'moe',
    },
    notes,
  };
}

const formatWords: Readonly<Record<RecordedLoads['format'], string>> = {
  sglang: 'SGLang',
  'tensorrt-llm': 'TensorRT-LLM statistics',
  vllm: 'vLLM',
  adrs: 'ADRS',
  routes: 'Route log',
  domains: 'JSON by domain',
  table: 'Table',
};

/** What was read, in a line: `SGLang: 60 windows, 2 layers × 16 experts, 1.2 M tokens`. */
export function describeLoads({ format, windows, windowNames, layers, experts, tokens }: LoadsFacts): string {
  const shown = windowNames === undefined || windowNames.length > 8 ? '' : ` (${windowNames.join(', ')})`;
  const parts = [
    ...(windows === 1 && windowNames === undefined
      ? []
      : [`${count(windows, windowNames ? 'domain' : 'window')}${shown}`]),
    `${count(layers, 'layer')} × ${count(experts, 'expert')}`,
    `${formatCount(Math.round(tokens))} tokens`,
  ];
  return `${formatWords[format]}: ${parts.join(', ')}`;
}

/** What the placement now is, in a line. */
export function describeCurrent({ format, layers, slots, gpus }: CurrentFacts): string {
  const on = gpus === undefined ? '' : ` on ${count(gpus, 'GPU')}`;
  return `${format}: ${count(layers, 'layer')}, ${count(slots, 'slot')}${on}`;
}

/** `1 layer`, `3 layers`. */
function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
