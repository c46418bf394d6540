import type { ModelConfig } from './model-config.js';

/** What a model weighs and what a token costs. */
export interface ModelFlops {
  /** All parameters, without the selection biases of the routers. */
  readonly totalParameters: number;
  /** Weights of the matrix products that one token passes, without the embedding. */
  readonly activeMatrixParameters: number;
  /** Floating point operations of training (forward and backward) for a token. */
  readonly trainingFlopsPerToken: number;
}

/**
 * Model FLOPs as PaLM counts them (Chowdhery et al. 2022, appendix B): 6 for each active weight, and attention's scores and values three times (forward and
 * twice backward), of which the causal mask leaves (sequenceLength + 1) / 2 keys to a token.
 */
export function modelFlops(model: ModelConfig, sequenceLength: number): ModelFlops {
  const { hiddenSize, numHiddenLayers, firstKDenseReplace, moeIntermediateSize } = model;
  const moeLayers = numHiddenLayers - firstKDenseReplace;
  const attention = attentionWeights(model);
  const dense = 3 * hiddenSize * model.intermediateSize;
  const expert = 3 * hiddenSize * moeIntermediateSize;
  const router = hiddenSize * model.nRoutedExperts;
  const vocabulary = hiddenSize * model.vocabSize;
  const moeWith = (experts: number) => router + expert * (experts + model.nSharedExperts);
  const matrices = (experts: number) =>
    numHiddenLayers * attention + firstKDenseReplace * dense + moeLayers * moeWith(experts) + vocabulary;

  const norms = numHiddenLayers * (2 * hiddenSize + model.kvLoraRank + model.qLoraRank) + hiddenSize;
  const embedding = model.tieWordEmbeddings ? 0 : vocabulary;
  const headWidth = model.qkNopeHeadDim + model.qkRopeHeadDim + model.vHeadDim;
  const scores = numHiddenLayers * 2 * model.numAttentionHeads * headWidth * ((sequenceLength + 1) / 2);
  const activeMatrixParameters = matrices(model.numExpertsPerTok);
  return {
    totalParameters: matrices(model.nRoutedExperts) + norms + embedding,
    activeMatrixParameters,
    trainingFlopsPerToken: 6 * activeMatrixParameters + 3 * scores,
  };
}

/** Weights of the matrices of one layer's attention. */
function attentionWeights(model: ModelConfig): number {
  const { hiddenSize, numAttentionHeads, kvLoraRank, qLoraRank, qkNopeHeadDim, qkRopeHeadDim, vHeadDim } = model;
  const queryWidth = numAttentionHeads * (qkNopeHeadDim + qkRopeHeadDim);
  const queries = qLoraRank === 0 ? hiddenSize * queryWidth : qLoraRank * (hiddenSize + queryWidth);
  const compressed = hiddenSize * (kvLoraRank + qkRopeHeadDim);
  const keysAndValues = kvLoraRank * numAttentionHeads * (qkNopeHeadDim + vHeadDim);
  return queries + compressed + keysAndValues + numAttentionHeads * vHeadDim * hiddenSize;
}
