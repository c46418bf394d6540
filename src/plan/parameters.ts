import type { ModelConfig, PlanningModel } from '../config/index.js';

/** Weights of one layer, in numbers. */
export interface LayerParameters {
  /** Matrices of attention. */
  readonly attention: number;
  /** Of them, those that bring compressed queries, keys and values up: what selective recomputation computes again. */
  readonly upProjection: number;
  /** One routed expert; 0 in a dense layer. */
  readonly expert: number;
  /** The shared experts together, or the dense MLP. */
  readonly shared: number;
  readonly router: number;
  readonly norms: number;
}

/** What a stage is cut from, in the order of the model. */
export type PartKind = 'embedding' | 'dense' | 'moe' | 'prediction' | 'head';

/** The parts of a model from its embedding to its head. Modules of multi-token prediction stand before the head that they share. */
export function listParts({ sizes, predictionModules }: PlanningModel): PartKind[] {
  const dense = sizes.firstKDenseReplace;
  return [
    'embedding',
    ...new Array<PartKind>(dense).fill('dense'),
    ...new Array<PartKind>(sizes.numHiddenLayers - dense).fill('moe'),
    ...new Array<PartKind>(predictionModules).fill('prediction'),
    'head',
  ];
}

/** How many parameters one layer has, by where they count. */
export function layerParameters(sizes: ModelConfig, kind: 'dense' | 'moe'): LayerParameters {
  const { hiddenSize, numAttentionHeads, kvLoraRank, qLoraRank, qkRopeHeadDim, qkNopeHeadDim, vHeadDim } = sizes;
  const queryWidth = numAttentionHeads * (qkNopeHeadDim + qkRopeHeadDim);
  const queriesDown = qLoraRank * hiddenSize;
  const queriesUp = (qLoraRank === 0 ? hiddenSize : qLoraRank) * queryWidth;
  const valuesUp = kvLoraRank * numAttentionHeads * (qkNopeHeadDim + vHeadDim);
  const rest = hiddenSize * (kvLoraRank + qkRopeHeadDim) + numAttentionHeads * vHeadDim * hiddenSize;
  const expert = 3 * hiddenSize * sizes.moeIntermediateSize;
  const isDense = kind === 'dense';
  return {
    attention: queriesDown + queriesUp + valuesUp + rest,
    upProjection: (qLoraRank === 0 ? 0 : queriesUp) + valuesUp,
    expert: isDense ? 0 : expert,
    shared: isDense ? 3 * hiddenSize * sizes.intermediateSize : sizes.nSharedExperts * expert,
    router: isDense ? 0 : hiddenSize * sizes.nRoutedExperts,
    norms: 2 * hiddenSize + kvLoraRank + qLoraRank,
  };
}

/** Parameters of a rank, by how they are held and shared. */
export interface RankParameters {
  /** Of routed experts, which only ranks with the same experts share. */
  readonly experts: number;
  /** Of layers, but for the routed experts: every data rank has them. */
  readonly layers: number;
  /** Embedding and head. */
  readonly vocabulary: number;
}

/** Parameters of a part on a rank that holds 1 / `expert` of the routed experts. */
export function partParameters(model: PlanningModel, kind: PartKind, expert: number): RankParameters {
  const { sizes } = model;
  const vocabulary = sizes.vocabSize * sizes.hiddenSize;
  switch (kind) {
    case 'embedding':
      return { experts: 0, layers: 0, vocabulary };
    case 'head':
      return { experts: 0, layers: sizes.hiddenSize, vocabulary: sizes.tieWordEmbeddings ? 0 : vocabulary };
    case 'dense':
    case 'moe':
    case 'prediction': {
      const layer = layerParameters(sizes, kind === 'dense' ? 'dense' : 'moe');
      // Before its layer the module joins the state and the embedding of the next token: two norms, a projection, and a norm after the layer.
      const join = kind === 'prediction' ? 2 * sizes.hiddenSize ** 2 + 3 * sizes.hiddenSize : 0;
      return {
        experts: (layer.expert * sizes.nRoutedExperts) / expert,
        layers: layer.attention + layer.shared + layer.router + layer.norms + join,
        vocabulary: 0,
      };
    }
    default:
      return kind satisfies never;
  }
}

/** All parameters of a model: those that are used after training, and those of its modules of multi-token prediction. */
export function countParameters(model: PlanningModel): { readonly main: number; readonly prediction: number } {
  const count = (kind: PartKind) => {
    const { experts, layers, vocabulary } = partParameters(model, kind, 1);
    return experts + layers + vocabulary;
  };
  const parts = listParts(model);
  const sum = (kinds: readonly PartKind[]) => kinds.reduce((total, kind) => total + count(kind), 0);
  return {
    main: sum(parts.filter((kind) => kind !== 'prediction')),
    prediction: sum(parts.filter((kind) => kind === 'prediction')),
  };
}

/** Parameters of several parts together. */
export function sumParameters(list: readonly RankParameters[]): RankParameters {
  return list.reduce(
    (sum, { experts, layers, vocabulary }) => ({
      experts: sum.experts + experts,
      layers: sum.layers + layers,
      vocabulary: sum.vocabulary + vocabulary,
    }),
    { experts: 0, layers: 0, vocabulary: 0 },
  );
}
