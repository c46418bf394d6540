import type { GpuConfig, ModelConfig, PlanningModel } from '../config/index.js';
import { layerParameters } from './parameters.js';

/** What the backward of a chunk computes again instead of keeping it: nothing; norms, up-projections and SwiGLU (as DeepSeek-V3 does); everything. */
export const recomputations = ['none', 'selective', 'full'] as const;
export type Recomputation = (typeof recomputations)[number];

/** Floating point operations by what they are computed in, and bytes that go through memory where that is what takes the time. */
export interface Work {
  /** Products of the layers' matrices, in the model's precision. */
  readonly matrixFlops: number;
  /** Scores and values of attention, always in BF16. */
  readonly attentionFlops: number;
  /** The vocabulary's matrices and other products that run in BF16. */
  readonly vocabularyFlops: number;
  readonly memoryBytes: number;
}

/** Work of forward, input gradient and weight gradient. */
export interface PhaseWork {
  readonly forward: Work;
  readonly backwardInput: Work;
  readonly backwardWeight: Work;
}

/** What a chunk is about. */
export interface ChunkSize {
  readonly tokens: number;
  readonly sequenceLength: number;
}

const noWork: Work = { matrixFlops: 0, attentionFlops: 0, vocabularyFlops: 0, memoryBytes: 0 };

/** Work of one layer's attention. Scores are causal; their backward is five products where the forward is two (FlashAttention-2). */
export function attentionWork(
  model: PlanningModel,
  { tokens, sequenceLength }: ChunkSize,
  recomputation: Recomputation,
): PhaseWork {
  const { sizes } = model;
  const { attention, upProjection } = layerParameters(sizes, 'moe');
  const headWidth = sizes.qkNopeHeadDim + sizes.qkRopeHeadDim + sizes.vHeadDim;
  const scores = 2 * sizes.numAttentionHeads * headWidth * ((sequenceLength + 1) / 2) * tokens;
  const matrices = 2 * attention * tokens;
  const again = recomputation === 'selective' ? 2 * upProjection * tokens : 0;
  return {
    forward: { ...noWork, matrixFlops: matrices, attentionFlops: scores },
    backwardInput: { ...noWork, matrixFlops: matrices + again, attentionFlops: 2.5 * scores },
    backwardWeight: { ...noWork, matrixFlops: matrices },
  };
}

/** Work of one layer's experts (with the shared ones and the router), of a dense MLP, or of a prediction module's experts and projection. */
export function mlpWork({ sizes }: PlanningModel, { tokens }: ChunkSize, kind: 'dense' | 'moe'): PhaseWork {
  const { expert, shared, router } = layerParameters(sizes, kind);
  const matrices = 2 * tokens * (expert * sizes.numExpertsPerTok + shared + router);
  const each: Work = { ...noWork, matrixFlops: matrices };
  return { forward: each, backwardInput: each, backwardWeight: each };
}

/** Work of the projection of a prediction module. */
export function projectionWork({ sizes }: PlanningModel, { tokens }: ChunkSize): PhaseWork {
  const each: Work = { ...noWork, vocabularyFlops: 4 * tokens * sizes.hiddenSize ** 2 };
  return { forward: each, backwardInput: each, backwardWeight: each };
}

/**
 * Work of the head, `uses` times (once for each token that is predicted). The loss reads and writes the logits, in FP32, about twice in forward and
 * once in backward.
 */
export function headWork({ sizes }: PlanningModel, { tokens }: ChunkSize, uses: number): PhaseWork {
  const flops = 2 * tokens * sizes.hiddenSize * sizes.vocabSize * uses;
  const logitBytes = 4 * tokens * sizes.vocabSize * uses;
  return {
    forward: { ...noWork, vocabularyFlops: flops, memoryBytes: 4 * logitBytes },
    backwardInput: { ...noWork, vocabularyFlops: flops, memoryBytes: 2 * logitBytes },
    backwardWeight: { ...noWork, vocabularyFlops: flops },
  };
}

/** Work of the embedding: rows are copied, and their gradients added. */
export function embeddingWork({ sizes }: PlanningModel, { tokens }: ChunkSize): PhaseWork {
  const bytes = 4 * tokens * sizes.hiddenSize;
  return {
    forward: { ...noWork, memoryBytes: bytes },
    backwardInput: noWork,
    backwardWeight: { ...noWork, memoryBytes: 2 * bytes },
  };
}

/** Seconds that work takes on a whole GPU at its peak. */
export function peakSeconds(work: Work, { bf16Tflops, fp8Tflops }: GpuConfig, precision: 'fp8' | 'bf16'): number {
  const matrixTflops = precision === 'fp8' ? fp8Tflops : bf16Tflops;
  return (work.matrixFlops / matrixTflops + (work.attentionFlops + work.vocabularyFlops) / bf16Tflops) / 1e12;
}

/** Different nodes that a token's experts lie on: of `nodes`, the groups that it may choose from reach only a part. */
export function nodesOfToken(sizes: ModelConfig, nodes: number): number {
  const reachable = Math.max(1, Math.min(nodes, Math.ceil((nodes * sizes.topkGroup) / sizes.nGroup)));
  return reachable * (1 - (1 - 1 / reachable) ** sizes.numExpertsPerTok);
}
