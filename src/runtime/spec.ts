import { type Placement, placeInOrder } from '../balance/index.js';
import type { BalanceConfig, ModelConfig, OptimizerConfig, ParallelConfig } from '../config/index.js';
import {
  type BatchShape,
  type BuiltModel,
  buildModel,
  createExchangeDispatcher,
  createLocalDispatcher,
  type LayerRange,
} from '../model/index.js';
import type { Action, Schedule } from '../schedule/index.js';
import type { BatchMemory } from './bind.js';
import { type Layout, locateRank, slotsOfRank } from './layout.js';

/** What all ranks of a run know: plain data. */
export interface RunSpec extends Layout {
  readonly model: ModelConfig;
  readonly batch: BatchShape;
  /** Forward only, over the first pipeline, for validation. */
  readonly evaluation: Schedule;
  /** Whether the segments of an overlapped pair are merged; otherwise its forward runs first, then its backward. */
  readonly overlap: boolean;
  /** Ranks that hold the same parameters share the optimizer's moments and its work: ZeRO-1 (arXiv 1910.02054). */
  readonly shardsOptimizer: boolean;
  /** The expert in each slot at the start, of the layers that have routed experts; every expert is in some slot, and every slot holds one. */
  readonly placement: Placement;
  /** How tokens are shared out over the replicas of an expert. */
  readonly replicaShares: BalanceConfig['shares'];
  /** Whether layers switch to other placements during the run. */
  readonly movesExperts: boolean;
  /** Layers of each stage of a pipeline, first to last. */
  readonly layers: readonly LayerRange[];
  readonly optimizer: OptimizerConfig;
  readonly batchMemory: BatchMemory;
  /** Bytes a second of an emulated link between ranks of one process. */
  readonly emulatedBytesPerSecond?: number;
  /** Values that evaluation copies out, such as `logits`. */
  readonly exports: readonly string[];
  /** Threads that a rank computes with, and whether they keep to cores of their own. */
  readonly computeThreads: number;
  readonly affinity: ParallelConfig['affinity'];
}

/** A placement for a run's start: the experts of every layer in order in `slots` slots of all ranks together. */
export function placeAtStart(model: ModelConfig, slots: number): Placement {
  return placeInOrder({
    layers: model.numHiddenLayers - model.firstKDenseReplace,
    experts: model.nRoutedExperts,
    slots,
  });
}

/** The layers with routed experts that a rank of the schedule holds, ascending. */
export function heldMoeLayers({ schedule, layers, model }: RunSpec, pipelineRank: number): number[] {
  const ranges = schedule.pipelines.flatMap((pipeline) =>
    pipeline.flatMap((stage, position) => (schedule.stageToRank[stage] === pipelineRank ? [layers[position]] : [])),
  );
  const held = new Set(
    ranges.flatMap(({ first, end }) => Array.from({ length: end - first }, (_, index) => first + index)),
  );
  return [...held].filter((layer) => layer >= model.firstKDenseReplace).sort((a, b) => a - b);
}

/** Model stages of a rank, by the schedule's stage number: the copies of a stage share its program. */
export function buildRankModel(spec: RunSpec, rank: number): BuiltModel {
  const { schedule, layers, model, batch, optimizer, expert } = spec;
  const { pipelineRank, expertRank: index } = locateRank(spec, rank);
  const slots = slotsOfRank(spec);
  const stages = new Map<number, LayerRange>();
  for (const pipeline of schedule.pipelines) {
    for (const [position, stage] of pipeline.entries()) {
      if (schedule.stageToRank[stage] === pipelineRank) stages.set(stage, layers[position]);
    }
  }
  const balanceLoss = optimizer.sequenceBalanceWeight > 0;
  const dispatcher =
    expert === 1 ? createLocalDispatcher(slots) : createExchangeDispatcher({ ranks: expert, index, slots });
  return buildModel({ model, batch, dispatcher, stages, balanceLoss });
}

/**
 * Forward only, for `microbatches` microbatches over the first pipeline of a schedule. Each rank takes its chunks in the order of
 * microbatch + position of the stage, so that all ranks work at once and none waits for itself.
 */
export function forwardSchedule(schedule: Schedule, microbatches: number): Schedule {
  const pipeline = schedule.pipelines[0];
  const actions: Action[][] = Array.from({ length: schedule.ranks }, () => []);
  for (let wave = 0; wave < microbatches + pipeline.length - 1; wave++) {
    for (let position = pipeline.length - 1; position >= 0; position--) {
      const microbatch = wave - position;
      const stage = pipeline[position];
      if (microbatch < 0 || microbatch >= microbatches) continue;
      actions[schedule.stageToRank[stage]].push({ kind: 'forward', stage, microbatch });
    }
  }
  return { ...schedule, name: 'forward', microbatches, pipelines: [pipeline], actions };
}
