import { createRandom } from '../base/index.js';
import type { Gather, Transport } from '../comm/index.js';
import type { OptimizerKernels } from '../device/index.js';
import { selectionBiasName } from '../model/index.js';
import type { Migration } from './migration.js';
import type { OperationPlan, Summation } from './operations.js';
import { cutOutReplicas, listReplicas, listTensors, setPlacement } from './slots.js';
import type { RunSpec } from './spec.js';
import type { StateLayout, StateSpan } from './state-layout.js';

/** Fills parameters and buffers for the first step: matrices normal with the model's deviation, norms one, the rest zero. */
export function initializeState(state: SharedArrayBuffer, layout: StateLayout, spec: RunSpec, seed: number): void {
  const deviation = spec.model.initializerRange;
  setPlacement([{ layout, state }], spec.placement, spec.model.firstKDenseReplace);
  // By the name in the checkpoint: the same numbers wherever an expert lies, and in all of its replicas.
  for (const { checkpointName, position, count, initializer } of listTensors({ layout, state })) {
    const parameter = new Float32Array(state, layout.byteOffsets.parameters + 4 * position, count);
    if (initializer !== 'normal') parameter.fill(initializer === 'ones' ? 1 : 0);
    else {
      const random = createRandom(seed, 'parameter', checkpointName);
      for (let index = 0; index < count; index++) parameter[index] = deviation * random.normal();
    }
  }
  setBuffers(state, layout, spec);
}

/** Sets the buffers that are constants of the run: the gradients of the losses. */
function setBuffers(state: SharedArrayBuffer, layout: StateLayout, spec: RunSpec): void {
  const set = (name: string, value: number) => {
    const buffer = layout.buffers.get(name);
    if (buffer !== undefined) new Float32Array(state, buffer.byteOffset, 1)[0] = value;
  };
  set('lossGradient', 1);
  set('balanceLossGradient', spec.optimizer.sequenceBalanceWeight / spec.batchMemory.rows);
}

export interface UpdateOptions {
  readonly spec: RunSpec;
  readonly transport: Transport;
  readonly gather: Gather;
  readonly plan: OperationPlan;
  readonly layout: StateLayout;
  readonly kernels: OptimizerKernels;
  readonly state: SharedArrayBuffer;
  readonly migration: Migration;
}

export interface Update {
  /** A stage's gradients are complete on this rank: starts to sum what all of its ranks have. */
  reduceStage(stage: number): void;
  /** Sums what is not under way yet, and waits for all; gives the gradient's norm over all ranks. */
  reduce(): number;
  /** Gives the seconds that experts on their way to other slots took. */
  apply(step: number, learningRate: number): number;
  clearGradients(): void;
}

/** The optimizer's part of a step. */
export function createUpdate(options: UpdateOptions): Update {
  const { spec, transport, gather, plan, layout, kernels, state, migration } = options;
  const { byteOffsets, spans } = layout;
  const summations = createSummations(transport, plan.summations, migration);
  const clearGradients = () => void new Float32Array(state, byteOffsets.gradients, layout.count).fill(0);
  let gradientNorm = 0;
  return {
    reduceStage: summations.startStage,
    reduce() {
      summations.finish();
      // Of all ranks that hold a number one counts it, and of all replicas of an expert the first.
      const replicas = listReplicas({ layout, state });
      const counted = spans.flatMap(({ position, owned }) =>
        cutOutReplicas({ first: position + owned.first, end: position + owned.end }, replicas),
      );
      const squares = counted.reduce(
        (sum, { first, end }) => sum + kernels.sumOfSquares(byteOffsets.gradients + 4 * first, end - first),
        0,
      );
      // Rounded, so that it does not show in which order the ranks' parts were added, nor where experts lie.
      gradientNorm = Math.fround(Math.sqrt(gather([squares]).reduce((sum, value) => sum + value, 0)));
      return gradientNorm;
    },
    apply(step, learningRate) {
      const { clipNorm, beta1, beta2, epsilon, weightDecay } = spec.optimizer;
      const gradientScale = clipNorm > 0 && gradientNorm > clipNorm ? clipNorm / gradientNorm : 1;
      const common = { learningRate, beta1, beta2, epsilon, step, gradientScale };
      for (const span of spans)
        kernels.adamw(steppedRegion(layout, span), { ...common, weightDecay: span.decays ? weightDecay : 0 });
      const migrationSeconds = migration.apply(common);
      for (const operation of plan.parameterGathers) transport.post(operation);
      for (const operation of plan.parameterGathers) transport.wait(operation);
      moveSelectionBiases(options);
      // Stepping zeroes what it steps; of a sharded optimizer's gradients that is a part.
      if (spec.shardsOptimizer) clearGradients();
      return migrationSeconds;
    },
    clearGradients,
  };
}

/** What of a span this rank steps: the part whose moments it has. */
function steppedRegion({ byteOffsets }: StateLayout, { position, moments, momentPosition }: StateSpan) {
  const first = 4 * (position + moments.first);
  return {
    parameters: byteOffsets.parameters + first,
    gradients: byteOffsets.gradients + first,
    firstMoments: byteOffsets.firstMoments + 4 * momentPosition,
    secondMoments: byteOffsets.secondMoments + 4 * momentPosition,
    count: moments.end - moments.first,
  };
}

/**
 * Sums over ranks: those among ranks with one program as soon as their stages are done, the others, whose ranks come to them in different orders,
 * at the end.
 */
function createSummations(transport: Transport, summations: readonly Summation[], migration: Migration) {
  const done = new Set<number>();
  const started = new Set<Summation>();
  const start = (summation: Summation) => {
    if (started.has(summation)) return;
    started.add(summation);
    for (const operation of summation.operations) transport.post(operation);
  };
  const isSummed = (stages: readonly number[]) =>
    stages.every((stage) => done.has(stage)) &&
    summations.every((one) => started.has(one) || !one.stages.some((stage) => stages.includes(stage)));
  return {
    startStage(stage: number) {
      done.add(stage);
      for (const summation of summations)
        if (summation.isEarly && summation.stages.every((one) => done.has(one))) start(summation);
      migration.moveGradients(isSummed);
    },
    finish() {
      for (const summation of summations) start(summation);
      migration.moveGradients(isSummed);
      for (const { operations } of summations) for (const operation of operations) transport.wait(operation);
      done.clear();
      started.clear();
    },
  };
}

/**
 * Loss-free balancing: the bias of an expert with more tokens than the mean falls by the update speed, of one with fewer it rises.
 * Source: DeepSeek-V3 report (arXiv 2412.19437) section 2.1.2.
 */
function moveSelectionBiases({ layout, state, spec }: UpdateOptions): void {
  for (const { layer, byteOffset, count } of layout.loads) {
    const buffer = layout.buffers.get(selectionBiasName(layer));
    if (buffer === undefined) continue;
    const counts = new Float32Array(state, byteOffset, count);
    const bias = new Float32Array(state, buffer.byteOffset, count);
    const mean = counts.reduce((sum, value) => sum + value, 0) / count;
    for (let expert = 0; expert < count; expert++)
      bias[expert] += spec.optimizer.biasUpdateSpeed * Math.sign(mean - counts[expert]);
  }
}
