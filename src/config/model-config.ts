import { InputError, type Problem } from '../base/index.js';
import { flag, integer, number, type Values } from './fields.js';

const size = { from: 1, to: 2 ** 20 };
const count = { from: 1, to: 65_536 };

/** The keys of a DeepSeek-V3 `config.json` that describe the model. */
export const modelFields = {
  vocabSize: integer('Number of tokens that the model knows; 256 for bytes.', { from: 2, to: 2 ** 24 }),
  hiddenSize: integer('Width of the residual stream.', size),
  intermediateSize: integer('Width inside the dense layers.', size),
  moeIntermediateSize: integer('Width inside one expert.', size),
  numHiddenLayers: integer('Number of layers.', { from: 1, to: 4096 }),
  numAttentionHeads: integer('Number of attention heads.', count),
  nSharedExperts: integer('Experts that every token passes, as one of their joint width; 0 is none.', {
    from: 0,
    to: count.to,
  }),
  nRoutedExperts: integer('Experts that the router chooses from in each layer.', count),
  numExpertsPerTok: integer('Routed experts that a token goes to.', count),
  routedScalingFactor: number('Factor on the output of the routed experts.', { above: 0, to: 1e6 }),
  kvLoraRank: integer('Rank of the compressed keys and values.', size),
  qLoraRank: integer('Rank of the compressed queries; 0 is without compression.', { from: 0, to: size.to }),
  qkRopeHeadDim: integer('Width of the part of queries and keys that is rotated by position; even.', {
    from: 2,
    to: size.to,
  }),
  qkNopeHeadDim: integer('Width of the part of queries and keys without position.', size),
  vHeadDim: integer('Width of the values of a head.', size),
  nGroup: integer('Groups that the routed experts are divided into.', count),
  topkGroup: integer('Groups that a token may choose experts from.', count),
  firstKDenseReplace: integer('Number of first layers that are dense instead of experts.', { from: 0, to: 4096 }),
  normTopkProb: flag("Makes the weights of a token's experts sum to routed_scaling_factor."),
  rmsNormEps: number('Added to the mean square in normalizations.', { above: 0, to: 1 }),
  ropeTheta: number('Base of the wavelengths of the position rotation.', { above: 1, to: 1e12 }),
  ropeInterleave: flag('Rotates neighbouring numbers together, as DeepSeek does, instead of the two halves.'),
  tieWordEmbeddings: flag('Uses the embedding as output matrix too.'),
  initializerRange: number('Standard deviation of the initial weights.', { above: 0, to: 10 }),
  maxPositionEmbeddings: integer('Longest sequence that the model is meant for.', { from: 1, to: 2 ** 31 }),
};

/** A DeepSeek-V3 model: the keys of its `config.json` in camelCase. `qLoraRank` 0 means that queries are not compressed. */
export interface ModelConfig extends Values<typeof modelFields> {}

/** Throws `InputError` unless the sizes fit each other. */
export function checkModel(model: ModelConfig, where: string): void {
  const problem = findModelProblem(model);
  if (problem !== undefined) throw new InputError({ where, ...problem });
}

/** The first thing about the sizes that does not fit, with the keys of the training config that say so. */
export function findModelProblem(model: ModelConfig): (Problem & { readonly keys: readonly string[] }) | undefined {
  return modelRules.map((rule) => rule(model)).find((found) => found !== undefined);
}

type ModelRule = (model: ModelConfig) => ReturnType<typeof findModelProblem>;

const modelRules: readonly ModelRule[] = [
  ({ qkRopeHeadDim }) =>
    qkRopeHeadDim % 2 === 0
      ? undefined
      : {
          what: `qk_rope_head_dim is ${qkRopeHeadDim}`,
          mend: 'use an even number',
          keys: ['model.qk_rope_head_dim'],
        },
  ({ firstKDenseReplace, numHiddenLayers }) =>
    firstKDenseReplace <= numHiddenLayers
      ? undefined
      : {
          what: `first_k_dense_replace is ${firstKDenseReplace}, more than the ${numHiddenLayers} layers of num_hidden_layers`,
          mend: `use ${numHiddenLayers} or less`,
          keys: ['model.first_k_dense_replace', 'model.num_hidden_layers'],
        },
  ({ nRoutedExperts, nGroup }) =>
    nRoutedExperts % nGroup === 0
      ? undefined
      : {
          what: `n_routed_experts is ${nRoutedExperts}, no multiple of the ${nGroup} groups of n_group`,
          mend: 'make the groups equal',
          keys: ['model.n_routed_experts', 'model.n_group'],
        },
  // The score of a group is the sum of its two best experts.
  ({ nRoutedExperts, nGroup }) =>
    nGroup === 1 || nRoutedExperts >= 2 * nGroup
      ? undefined
      : {
          what: `n_group is ${nGroup} for ${nRoutedExperts} experts`,
          mend: 'leave at least 2 experts in a group',
          keys: ['model.n_group', 'model.n_routed_experts'],
        },
  ({ topkGroup, nGroup }) =>
    topkGroup <= nGroup
      ? undefined
      : {
          what: `topk_group is ${topkGroup}, more than the ${nGroup} groups of n_group`,
          mend: `use ${nGroup} or less`,
          keys: ['model.topk_group', 'model.n_group'],
        },
  ({ numExpertsPerTok, nRoutedExperts, nGroup, topkGroup }) => {
    const available = (nRoutedExperts / nGroup) * topkGroup;
    if (numExpertsPerTok <= available) return undefined;
    return {
      what: `num_experts_per_tok is ${numExpertsPerTok}, more than the ${available} experts that a token may choose from`,
      mend: `use ${available} or less`,
      keys: ['model.num_experts_per_tok', 'model.n_routed_experts', 'model.n_group', 'model.topk_group'],
    };
  },
];
