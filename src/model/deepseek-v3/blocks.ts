import type { ModelConfig } from '../../config/index.js';
import {
  createGraphBuilder,
  cutForTraining,
  type Graph,
  type GraphBuilder,
  type Tensor,
  type TrainingGraphs,
} from '../../graph/index.js';
import { latentAttention, normalize } from './attention.js';
import { parameterShape } from './parameters.js';
import type { BatchShape, Parameters } from './shapes.js';

/*
 * Dims: B sequences, S tokens of each, T = B S, D hidden, E experts, K choices of a token, rows = rows of one expert, F an expert's inner dim.
 */

export type BlockName = 'embed' | 'dense' | 'moe' | 'gate' | 'expert' | 'head';

/** A part of the model that is written once, forward, with its three graphs. */
export interface Block {
  readonly name: BlockName;
  readonly graphs: TrainingGraphs;
  /** Parameter ports, each the end of a Hugging Face name. */
  readonly parameters: readonly string[];
}

interface BlockDefinition {
  readonly build: (b: GraphBuilder, parameters: Parameters) => Record<string, Tensor>;
  readonly activations: readonly string[];
  readonly gradientOutputs: readonly string[];
}

export interface BlockOptions {
  /** Adds the sequence-wise balance loss to the router's gradient. */
  readonly balanceLoss: boolean;
}

/** All blocks of a model for microbatches of `batch`. */
export function buildBlocks(
  model: ModelConfig,
  batch: BatchShape,
  options: BlockOptions,
): ReadonlyMap<BlockName, Block> {
  const definitions: Record<BlockName, BlockDefinition> = {
    embed: embedBlock(batch),
    dense: denseBlock(model, batch),
    moe: moeBlock(model, batch),
    gate: gateBlock(model, batch, options),
    expert: expertBlock(model),
    head: headBlock(model, batch),
  };
  const names = Object.keys(definitions) as BlockName[];
  const hasMoe = model.firstKDenseReplace < model.numHiddenLayers;
  const used = names.filter((name) => hasMoe || !['moe', 'gate', 'expert'].includes(name));
  return new Map(used.map((name) => [name, buildBlock(name, definitions[name], model)]));
}

function buildBlock(name: BlockName, definition: BlockDefinition, model: ModelConfig): Block {
  const b = createGraphBuilder();
  const parameters: string[] = [];
  const outputs = definition.build(b, (parameter) => {
    if (!parameters.includes(parameter)) parameters.push(parameter);
    return b.input(parameter, parameterShape(model, parameter));
  });
  const { activations, gradientOutputs } = definition;
  return { name, graphs: cutForTraining(b.build(outputs), { activations, parameters, gradientOutputs }), parameters };
}

/** tokens int32 `[T]` -> x `[T, D]`. */
function embedBlock({ sequences, sequenceLength }: BatchShape): BlockDefinition {
  return {
    build: (b, parameters) => {
      const tokens = b.input('tokens', [sequences * sequenceLength], 'int32');
      return { y: b.gatherRows(parameters('model.embed_tokens.weight'), tokens) };
    },
    activations: [],
    gradientOutputs: ['y'],
  };
}

/** x `[T, D]` plus attention. */
function attend(b: GraphBuilder, model: ModelConfig, batch: BatchShape, parameters: Parameters): Tensor {
  const x = b.input('x', [batch.sequences * batch.sequenceLength, model.hiddenSize]);
  const normal = normalize(b, x, model, parameters('input_layernorm.weight'));
  return b.add(x, latentAttention(b, normal, model, batch, parameters));
}

/** down(silu(gate x) * up x), with the inner activations scaled by `rowWeights` where given. */
function gatedUnit(b: GraphBuilder, x: Tensor, parameters: Parameters, prefix: string, rowWeights?: Tensor): Tensor {
  const gate = b.matmul(x, parameters(`${prefix}gate_proj.weight`), { transposeB: true });
  const up = b.matmul(x, parameters(`${prefix}up_proj.weight`), { transposeB: true });
  const inner = b.multiply(b.silu(gate), up);
  const weighted = rowWeights === undefined ? inner : b.multiply(inner, rowWeights);
  return b.matmul(weighted, parameters(`${prefix}down_proj.weight`), { transposeB: true });
}

/** A dense layer: x `[T, D]` -> y `[T, D]`. */
function denseBlock(model: ModelConfig, batch: BatchShape): BlockDefinition {
  return {
    build: (b, parameters) => {
      const attended = attend(b, model, batch, parameters);
      const normal = normalize(b, attended, model, parameters('post_attention_layernorm.weight'));
      return { y: b.add(attended, gatedUnit(b, normal, parameters, 'mlp.')) };
    },
    activations: ['x'],
    gradientOutputs: ['y'],
  };
}

/**
 * A Mixture-of-Experts layer up to the dispatch: x -> base `[T, D]` (residual, attention and shared experts), hidden `[T, D]` (what the
 * routed experts get) and scores `[T, E]` (the router's sigmoid).
 */
function moeBlock(model: ModelConfig, batch: BatchShape): BlockDefinition {
  return {
    build: (b, parameters) => {
      const attended = attend(b, model, batch, parameters);
      const hidden = normalize(b, attended, model, parameters('post_attention_layernorm.weight'));
      const scores = b.sigmoid(b.matmul(hidden, parameters('mlp.gate.weight'), { transposeB: true }));
      const shared = model.nSharedExperts > 0;
      const base = shared ? b.add(attended, gatedUnit(b, hidden, parameters, 'mlp.shared_experts.')) : attended;
      return { base, hidden, scores };
    },
    activations: ['x'],
    gradientOutputs: ['base', 'hidden', 'scores'],
  };
}

/**
 * The weight of each row from the router's scores: scores `[T, E]`, choiceToScore `[T, K]`, rowToChoice `[T K]`, choiceToRow `[T, K]`
 * -> rowWeights `[T K, 1]`, and the sequence-wise balance loss from loadFractions `[B, E]`.
 * Source: DeepSeek-V3 report (arXiv 2412.19437) section 2.1.2, equations 13 and 17-20.
 */
function gateBlock(model: ModelConfig, batch: BatchShape, { balanceLoss }: BlockOptions): BlockDefinition {
  const { nRoutedExperts: experts, numExpertsPerTok: choices } = model;
  const { sequences, sequenceLength } = batch;
  const tokens = sequences * sequenceLength;
  return {
    build: (b) => {
      const scores = b.input('scores', [tokens, experts]);
      const choiceToScore = b.input('choiceToScore', [tokens * choices], 'int32');
      const rowToChoice = b.input('rowToChoice', [tokens * choices], 'int32');
      const choiceToRow = b.reshape(b.input('choiceToRow', [tokens, choices], 'int32'), [tokens * choices, 1]);
      const chosen = b.reshape(b.gatherRows(b.reshape(scores, [tokens * experts, 1]), choiceToScore), [
        tokens,
        choices,
      ]);
      const shares = model.normTopkProb ? b.divide(chosen, b.add(b.sum(chosen, [1], true), 1e-20)) : chosen;
      const weights = b.multiply(shares, model.routedScalingFactor);
      const rowWeights = b.expandRows(b.reshape(weights, [tokens * choices, 1]), rowToChoice, choiceToRow);
      if (!balanceLoss) return { rowWeights };
      const loadFractions = b.input('loadFractions', [sequences, experts]);
      const affinities = b.divide(scores, b.sum(scores, [1], true));
      const means = b.sum(b.reshape(affinities, [sequences, sequenceLength, experts]), [1], false);
      const total = b.sum(b.multiply(means, loadFractions), [0, 1], false);
      return { rowWeights, balanceLoss: b.multiply(total, 1 / tokens) };
    },
    activations: ['scores'],
    gradientOutputs: balanceLoss ? ['rowWeights', 'balanceLoss'] : ['rowWeights'],
  };
}

/** One routed expert on its rows: x `[rows, D]`, rowWeights `[rows, 1]` -> y `[rows, D]`, weighted. */
function expertBlock(model: ModelConfig): BlockDefinition {
  return {
    build: (b, parameters) => {
      const x = b.input('x', ['rows', model.hiddenSize]);
      const rowWeights = b.input('rowWeights', ['rows', 1]);
      // Weighting the inner activations gives the same output as weighting the result, and the weights' gradient without saving the result.
      return { y: gatedUnit(b, x, (name) => parameters(`expert.${name}`), '', rowWeights) };
    },
    activations: ['x', 'rowWeights'],
    gradientOutputs: ['y'],
  };
}

/**
 * Final norm, head and loss: x `[T, D]`, targets int32 `[T]`, tokenWeights `[T, 1]` -> logits `[T, vocabulary]` and
 * loss = sum of tokenWeights x cross-entropy (nats).
 */
function headBlock(model: ModelConfig, { sequences, sequenceLength }: BatchShape): BlockDefinition {
  const tokens = sequences * sequenceLength;
  return {
    build: (b, parameters) => {
      const x = b.input('x', [tokens, model.hiddenSize]);
      const normal = normalize(b, x, model, parameters('model.norm.weight'));
      const logits = b.matmul(normal, parameters('lm_head.weight'), { transposeB: true });
      const targets = b.oneHot(b.input('targets', [tokens], 'int32'), model.vocabSize);
      const shifted = b.subtract(logits, b.max(logits));
      const logSum = b.log(b.sum(b.exp(shifted), [1], true));
      const nats = b.subtract(logSum, b.sum(b.multiply(shifted, targets), [1], true));
      const weighted = b.multiply(nats, b.input('tokenWeights', [tokens, 1]));
      return { logits, loss: b.sum(weighted, [0, 1], false) };
    },
    activations: ['x'],
    gradientOutputs: ['loss'],
  };
}

/** Kernels of the local dispatch: `expand` hidden to rows, `combine` rows onto the base, `collect` rows to tokens. */
export function dispatchGraphs(
  model: ModelConfig,
  { sequences, sequenceLength }: BatchShape,
): ReadonlyMap<string, Graph> {
  const tokens = sequences * sequenceLength;
  const { hiddenSize, numExpertsPerTok: choices } = model;
  const graph = (build: (b: GraphBuilder, indices: [Tensor, Tensor]) => Tensor): Graph => {
    const b = createGraphBuilder();
    const rowToToken = b.input('rowToToken', [tokens * choices], 'int32');
    const tokenToRows = b.input('tokenToRows', [tokens, choices], 'int32');
    return b.build({ y: build(b, [rowToToken, tokenToRows]) });
  };
  const x = (b: GraphBuilder) => b.input('x', [tokens, hiddenSize]);
  const rows = (b: GraphBuilder) => b.input('rows', [tokens * choices, hiddenSize]);
  return new Map([
    ['dispatch.expand', graph((b, indices) => b.expandRows(x(b), ...indices))],
    ['dispatch.combine', graph((b, indices) => b.add(x(b), b.sumRows(rows(b), ...indices)))],
    ['dispatch.collect', graph((b, indices) => b.sumRows(rows(b), ...indices))],
  ]);
}
