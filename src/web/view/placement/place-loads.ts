import { type BalanceSolution, createMachine, joinNodes, solveBalance, sumWindows } from '../../../balance/index.js';
import { type Problem, problemOf } from '../../../base/index.js';
import {
  type FileTree,
  fitPlacement,
  formatSolution,
  type LoadsInput,
  type PlacementFormat,
  placementFormats,
  prepareLoads,
  type RecordedLoads,
  type RecordedPlacement,
  readExpertLoadsFrom,
  type SolutionFile,
} from '../../../formats/browser.js';
import type { PlacementSettings, ReadSettings } from './settings.js';

/** An engine's file of a placement, or why its format cannot hold it. */
type EngineFile = SolutionFile | { readonly problem: Problem };

/** What each engine's file is called when it is downloaded. */
export const engineFileNames: Readonly<Record<PlacementFormat, string>> = {
  sglang: 'placement-sglang.json',
  vllm: 'placement-vllm.jsonl',
  'tensorrt-llm': 'placement-tensorrt-llm.yaml',
  'vllm-ascend': 'placement-vllm-ascend.json',
  json: 'placement.json',
};

/** What placing loads gives. Plain data, which threads can post. */
export interface PlacedLoads {
  readonly solution: BalanceSolution;
  /** `[layers]`: number of each row's layer in the model. */
  readonly layerNumbers: readonly number[];
  /** `[layers, experts]`: tokens, all windows together. */
  readonly expertLoad: Float64Array;
  readonly files: Readonly<Record<PlacementFormat, EngineFile>>;
  /** What became of the settings, and what a person should know about the placement now, one line each. */
  readonly notes: readonly string[];
}

/** Reads the loads that a candidate names. Throws as `readExpertLoadsFrom`. */
export function readLoadsAt(tree: FileTree, path: string, { part, trimWarmup, experts }: ReadSettings): RecordedLoads {
  const whole = part === '' ? path : `${path}#${part}`;
  return readExpertLoadsFrom(tree, whole, { trimWarmup, ...(experts === undefined ? {} : { experts }) });
}

/** The placement now, and the name of its file. */
export interface CurrentPlacement {
  readonly name: string;
  readonly read: RecordedPlacement;
}

/**
 * Places recorded loads as `doubletrack balance` does with the same settings, and writes the placement in all formats. Throws `InputError` or `WorkError` where settings, loads and
 * the placement now do not go together.
 */
export function placeLoads(
  recorded: RecordedLoads,
  current: CurrentPlacement | undefined,
  settings: PlacementSettings,
  watch: Parameters<typeof solveBalance>[1],
): PlacedLoads {
  const { layerOffset, normalize, gpus, slots, excludedGpus } = settings;
  const input = prepareLoads(recorded, { normalize, layerOffset });
  const { nodes, groups, notes } = joinNodes(settings);
  const machine = createMachine({ gpus, slots, nodes, excludedGpus });
  const fitted = current && fitPlacement(current.read, input, machine, { where: current.name });
  const solution = solveBalance(
    {
      loads: input.loads,
      machine,
      traffic: recorded.routes && { routes: recorded.routes },
      current: fitted?.placement,
      recorded: recorded.placement,
      policy: settings.policy,
      strategy: settings.strategy,
      groups,
      objective: settings.objective,
      isTimed: input.isTimed,
      seed: 0,
      mostMoves: settings.mostMoves,
      cost: settings.cost,
    },
    watch,
  );
  const placed = [...(current?.read.notes ?? []), ...(fitted?.notes ?? [])];
  return {
    solution,
    layerNumbers: input.layerNumbers,
    expertLoad: sumWindows(input.loads).counts,
    files: formatAll(solution, { ...input, recorded: { ...recorded, notes: [...recorded.notes, ...placed] } }),
    notes: [...notes, ...placed],
  };
}

function formatAll(solution: BalanceSolution, input: LoadsInput): PlacedLoads['files'] {
  const formatOne = (format: PlacementFormat): EngineFile => {
    try {
      return formatSolution(solution, input, format, engineFileNames[format]);
    } catch (error) {
      return { problem: problemOf(error) };
    }
  };
  return Object.fromEntries(placementFormats.map((format) => [format, formatOne(format)])) as PlacedLoads['files'];
}
