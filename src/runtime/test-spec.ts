import type { Placement } from '../balance/index.js';
import { createRandom } from '../base/index.js';
import { defaultTrainingConfig, type ModelConfig } from '../config/index.js';
import { splitLayers } from '../model/index.js';
import { generateSchedule, type ScheduleName } from '../schedule/index.js';
import { createBatchMemory } from './bind.js';
import { forwardSchedule, placeAtStart, type RunSpec } from './spec.js';

/** A model that trains a step in milliseconds; 8 layers, so that 4 ranks can hold 8 stages. */
export const tinyModel: ModelConfig = {
  ...defaultTrainingConfig.model,
  vocabSize: 32,
  hiddenSize: 16,
  intermediateSize: 24,
  moeIntermediateSize: 8,
  numHiddenLayers: 8,
  numAttentionHeads: 2,
  nRoutedExperts: 4,
  numExpertsPerTok: 2,
  kvLoraRank: 8,
  qkRopeHeadDim: 4,
  qkNopeHeadDim: 4,
  vHeadDim: 4,
  initializerRange: 0.1,
};

export interface TestRun {
  readonly schedule: ScheduleName;
  readonly ranks: number;
  readonly microbatches: number;
  readonly stagesPerRank?: number;
  readonly model?: ModelConfig;
  readonly exports?: readonly string[];
  readonly overlap?: boolean;
  readonly expert?: number;
  readonly shardsOptimizer?: boolean;
  /** Otherwise every expert is in one slot. */
  readonly placement?: Placement;
  readonly replicaShares?: RunSpec['replicaShares'];
  readonly movesExperts?: boolean;
  readonly computeThreads?: number;
  readonly affinity?: RunSpec['affinity'];
}

/** A run of the tiny model on random tokens. */
export function createTestSpec(run: TestRun): RunSpec {
  const { schedule: name, ranks, microbatches, model = tinyModel, exports = [], overlap = true } = run;
  const { expert = 1, shardsOptimizer = false, stagesPerRank } = run;
  const { computeThreads = 1, affinity = 'none' } = run;
  const schedule = generateSchedule({
    name,
    ranks,
    microbatches,
    ...(stagesPerRank !== undefined && { stagesPerRank }),
  });
  const batch = { sequences: 2, sequenceLength: 12 };
  const stageToRank = schedule.pipelines[0].map((stage) => schedule.stageToRank[stage]);
  const spec: RunSpec = {
    model,
    batch,
    schedule,
    expert,
    overlap,
    shardsOptimizer,
    placement: run.placement ?? placeAtStart(model, model.nRoutedExperts),
    replicaShares: run.replicaShares ?? 'even',
    movesExperts: run.movesExperts ?? false,
    evaluation: forwardSchedule(schedule, microbatches),
    layers: splitLayers(model, stageToRank, batch.sequenceLength),
    optimizer: { ...defaultTrainingConfig.optimizer, learningRate: 1e-2, sequenceBalanceWeight: 0.01 },
    batchMemory: createBatchMemory(expert * microbatches, batch.sequences * batch.sequenceLength),
    exports,
    computeThreads,
    affinity,
  };
  return spec;
}

/** Fills the batch of a step; the same numbers for every layout. */
export function fillTestBatch({ batchMemory, model }: RunSpec, step: number): void {
  const { rows, tokens, buffers } = batchMemory;
  const random = createRandom(1, 'batch', step);
  const [inputs, targets] = [new Int32Array(buffers.tokens), new Int32Array(buffers.targets)];
  for (let index = 0; index < rows * tokens; index++) {
    inputs[index] = random.integer(model.vocabSize);
    targets[index] = (inputs[index] * 7 + 3) % model.vocabSize;
  }
  new Float32Array(buffers.tokenWeights).fill(1 / (rows * tokens));
}
