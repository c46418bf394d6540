import { createRandom } from '../base/index.js';
import type { Transport } from '../comm/index.js';
import type { OptimizerKernels } from '../device/index.js';
import { selectionBiasName } from '../model/index.js';
import { partnerOf, type RunSpec } from './spec.js';
import type { StateLayout } from './state-layout.js';

/** Fills parameters and buffers for the first step: matrices normal with the model's deviation, norms one, the rest zero. */
export function initializeState(state: SharedArrayBuffer, layout: StateLayout, spec: RunSpec, seed: number): void {
  const deviation = spec.model.initializerRange;
  for (const { name, position, count, initializer } of layout.tensors.values()) {
    const parameter = new Float32Array(state, layout.byteOffsets.parameters + 4 * position, count);
    if (initializer !== 'normal') parameter.fill(initializer === 'ones' ? 1 : 0);
    else {
      const random = createRandom(seed, 'parameter', name);
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
  readonly layout: StateLayout;
  readonly kernels: OptimizerKernels;
  readonly state: SharedArrayBuffer;
  readonly expertCounts: ReadonlyMap<number, Float64Array>;
}

export interface Update {
  /** Sums gradients and expert counts over the copies of the stages; gives the norm over all ranks. */
  reduce(): number;
  apply(step: number, learningRate: number): void;
  clearGradients(): void;
}

/** The optimizer's part of a step. */
export function createUpdate(options: UpdateOptions): Update {
  const { spec, transport, layout, kernels, state } = options;
  const { schedule, optimizer } = spec;
  const partner = partnerOf(schedule, transport.rank);
  let gradientNorm = 0;
  return {
    reduce() {
      if (partner !== undefined) transport.sumWithPartner(partner, layout.byteOffsets.gradients, layout.count);
      // Of two copies one counts.
      const counts = partner === undefined || transport.rank < partner;
      const squares = counts ? kernels.sumOfSquares(layout.byteOffsets.gradients, layout.count) : 0;
      gradientNorm = Math.sqrt(transport.gather([squares]).reduce((sum, value) => sum + value, 0));
      sumExpertCounts(options, partner);
      return gradientNorm;
    },
    apply(step, learningRate) {
      const { clipNorm, beta1, beta2, epsilon, weightDecay } = optimizer;
      const gradientScale = clipNorm > 0 && gradientNorm > clipNorm ? clipNorm / gradientNorm : 1;
      const common = { learningRate, beta1, beta2, epsilon, step, gradientScale };
      kernels.adamw(region(layout, 0, layout.decayedCount), { ...common, weightDecay });
      kernels.adamw(region(layout, layout.decayedCount, layout.count), { ...common, weightDecay: 0 });
      moveSelectionBiases(options);
    },
    clearGradients() {
      new Float32Array(state, layout.byteOffsets.gradients, layout.count).fill(0);
    },
  };
}

function region({ byteOffsets }: StateLayout, first: number, end: number) {
  return {
    parameters: byteOffsets.parameters + 4 * first,
    gradients: byteOffsets.gradients + 4 * first,
    firstMoments: byteOffsets.firstMoments + 4 * first,
    secondMoments: byteOffsets.secondMoments + 4 * first,
    count: end - first,
  };
}

/** Values that a rank can give to one `gather`. */
const GATHERED_AT_ONCE = 64;

/** The two copies of a stage each saw half of the microbatches. */
function sumExpertCounts({ transport, expertCounts, spec }: UpdateOptions, partner: number | undefined): void {
  if (partner === undefined) return;
  const layers = Array.from({ length: spec.model.numHiddenLayers }, (_, layer) => expertCounts.get(layer));
  for (const counts of layers) {
    // Ranks without the layer take part with zeros, so that all of them gather equally often.
    for (let first = 0; first < spec.model.nRoutedExperts; first += GATHERED_AT_ONCE) {
      const end = Math.min(first + GATHERED_AT_ONCE, spec.model.nRoutedExperts);
      const mine = Array.from({ length: end - first }, (_, index) => counts?.[first + index] ?? 0);
      const all = transport.gather(mine);
      if (counts === undefined) continue;
      for (let index = 0; index < mine.length; index++) counts[first + index] += all[partner * mine.length + index];
    }
  }
}

/**
 * Loss-free balancing: the bias of an expert with more tokens than the mean falls by the update speed, of one with fewer it rises.
 * Source: DeepSeek-V3 report (arXiv 2412.19437) section 2.1.2.
 */
function moveSelectionBiases({ layout, state, expertCounts, spec }: UpdateOptions): void {
  for (const [layer, counts] of expertCounts) {
    const buffer = layout.buffers.get(selectionBiasName(layer));
    if (buffer === undefined) continue;
    const bias = new Float32Array(state, buffer.byteOffset, counts.length);
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    for (let expert = 0; expert < counts.length; expert++)
      bias[expert] += spec.optimizer.biasUpdateSpeed * Math.sign(mean - counts[expert]);
  }
}
