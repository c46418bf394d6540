import type { PlanningModel } from '../config/index.js';
import { type PartKind, partParameters, type RankParameters, sumParameters } from './parameters.js';
import type { ChunkSize, Recomputation } from './work.js';

/** Memory of a rank in bytes. */
export interface RankMemory {
  readonly parameters: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly activations: number;
  /** What is there only while a chunk of it is at work: logits of the head, a layer that is computed again. */
  readonly working: number;
}

/** How many ranks share what is sharded (ZeRO-1). */
export interface Sharing {
  /** Ranks with the same layers, without their routed experts. */
  readonly layers: number;
  /** Ranks with the same routed experts. */
  readonly experts: number;
}

const bf16Bytes = 2;
const fp32Bytes = 4;
/** Master weights in FP32, both moments in BF16 (DeepSeek-V3 report, section 3.3.2). */
export const optimizerBytes = fp32Bytes + 2 * bf16Bytes;
/** Gradients are summed in FP32 (the same section). */
export const gradientBytes = fp32Bytes;

/** Bytes of a weight that a rank computes with: quantized matrices are kept in FP8, the vocabulary's in BF16. */
export function weightBytes(
  { experts, layers, vocabulary }: RankParameters,
  precision: PlanningModel['precision'],
): number {
  return (experts + layers) * (precision === 'fp8' ? 1 : bf16Bytes) + vocabulary * bf16Bytes;
}

/** Memory of a rank without activations. */
export function stateMemory(
  parameters: RankParameters,
  precision: PlanningModel['precision'],
  sharing: Sharing,
): Pick<RankMemory, 'parameters' | 'gradients' | 'optimizer'> {
  const { experts, layers, vocabulary } = parameters;
  return {
    parameters: weightBytes(parameters, precision),
    gradients: gradientBytes * (experts + layers + vocabulary),
    optimizer: optimizerBytes * (experts / sharing.experts + (layers + vocabulary) / sharing.layers),
  };
}

/** Numbers that a layer keeps of a token for its backward, by what they are kept in. */
function layerNumbers({ sizes }: PlanningModel, kind: PartKind, recomputation: Recomputation) {
  const { hiddenSize, numAttentionHeads, qLoraRank, kvLoraRank, qkRopeHeadDim, qkNopeHeadDim, vHeadDim } = sizes;
  const rows = kind === 'dense' ? 0 : sizes.numExpertsPerTok;
  const width = kind === 'dense' ? sizes.intermediateSize : sizes.moeIntermediateSize;
  const sharedWidth = kind === 'dense' ? 0 : sizes.nSharedExperts * width;
  const inner = (kind === 'dense' ? width : rows * width) + sharedWidth;
  // Both residual inputs, compressed queries and keys, the output of attention.
  const exact = 2 * hiddenSize + qLoraRank + kvLoraRank + qkRopeHeadDim + numAttentionHeads * vHeadDim;
  // Inputs of the experts and both halves of what goes into SwiGLU.
  const matrixInputs = rows * hiddenSize + 2 * inner;
  if (recomputation !== 'none') return { exact, matrixInputs };
  const heads = numAttentionHeads * (2 * (qkNopeHeadDim + qkRopeHeadDim) + vHeadDim);
  return { exact: exact + heads, matrixInputs: matrixInputs + 2 * hiddenSize + inner };
}

/** Bytes of activations that a chunk of a stage keeps from its forward to its weight gradients. */
export function chunkActivations(
  model: PlanningModel,
  stage: readonly PartKind[],
  { tokens }: ChunkSize,
  recomputation: Recomputation,
): number {
  const bytes = stage.reduce((sum, kind) => sum + partActivations(model, kind, recomputation), 0);
  return bytes * tokens;
}

/** Bytes a token. What goes into quantized matrices is kept as they take it. */
function partActivations(model: PlanningModel, kind: PartKind, recomputation: Recomputation): number {
  const { hiddenSize } = model.sizes;
  if (kind === 'embedding') return 0;
  if (kind === 'head') return bf16Bytes * hiddenSize;
  const join = kind === 'prediction' ? bf16Bytes * 2 * hiddenSize : 0;
  if (recomputation === 'full') return join + bf16Bytes * hiddenSize;
  const { exact, matrixInputs } = layerNumbers(model, kind, recomputation);
  return join + bf16Bytes * exact + (model.precision === 'fp8' ? 1 : bf16Bytes) * matrixInputs;
}

/** Bytes that the stages of a rank need while one chunk computes: logits and their gradient in FP32 and BF16, and with full recomputation one layer. */
export function workingMemory(
  model: PlanningModel,
  stages: readonly (readonly PartKind[])[],
  { tokens }: ChunkSize,
  recomputation: Recomputation,
): number {
  const kinds = stages.flat();
  const logits = kinds.includes('head') ? (fp32Bytes + bf16Bytes) * model.sizes.vocabSize : 0;
  const layers = kinds.filter((kind) => kind !== 'embedding' && kind !== 'head');
  const again =
    recomputation === 'full' ? Math.max(0, ...layers.map((kind) => partActivations(model, kind, 'none'))) : 0;
  return tokens * Math.max(logits, again);
}

/** Parameters of a rank that holds these stages. A vocabulary matrix that two of them need (the embedding of a prediction module) is there once. */
export function rankParameters(
  model: PlanningModel,
  stages: readonly (readonly PartKind[])[],
  expert: number,
): RankParameters {
  const kinds = stages.flat();
  const list = kinds.map((kind) => partParameters(model, kind, expert));
  const needsEmbedding = kinds.includes('prediction') && !kinds.includes('embedding');
  const needsHead = kinds.includes('prediction') && !kinds.includes('head');
  const table = model.sizes.vocabSize * model.sizes.hiddenSize;
  const shared = (Number(needsEmbedding) + Number(needsHead)) * table;
  return sumParameters([...list, { experts: 0, layers: 0, vocabulary: shared }]);
}
