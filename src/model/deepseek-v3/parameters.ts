import { InputError } from '../../base/index.js';
import type { ModelConfig } from '../../config/index.js';
import type { ParameterSpec } from '../program.js';

/** Whether layer `layer` has routed experts. */
export function isMoeLayer(model: ModelConfig, layer: number): boolean {
  return layer >= model.firstKDenseReplace;
}

/** Name of the router's selection bias of a layer: saved with the parameters, moved by loads instead of gradients. */
export function selectionBiasName(layer: number): string {
  return `model.layers.${layer}.mlp.gate.e_score_correction_bias`;
}

/** Start of the names of what lies in a slot of a layer. */
export function slotPrefix(layer: number, slot: number): string {
  return `model.layers.${layer}.mlp.slots.${slot}.`;
}

/** Name in Hugging Face's checkpoint of a parameter that lies in a slot which holds `expert`. */
export function nameInCheckpoint(name: string, expert: number): string {
  return name.replace(/\.mlp\.slots\.\d+\./, `.mlp.experts.${expert}.`);
}

const matrix = (name: string, ...shape: number[]): ParameterSpec => ({ name, shape, initializer: 'normal' });
const norm = (name: string, size: number): ParameterSpec => ({ name, shape: [size], initializer: 'ones' });

/** Parameters of one layer on a rank that holds the slots `first` to `end` (exclusive), matrices `[outputs, inputs]`. */
export function layerParameters(
  model: ModelConfig,
  layer: number,
  { first, end }: { readonly first: number; readonly end: number },
): readonly ParameterSpec[] {
  const prefix = `model.layers.${layer}.`;
  const isMoe = isMoeLayer(model, layer);
  const shared = [...attentionParameters(model), ...(isMoe ? moeParameters(model) : denseParameters(model))];
  const slots = isMoe ? Array.from({ length: end - first }, (_, index) => first + index) : [];
  return [
    ...shared.map((parameter) => ({ ...parameter, name: prefix + parameter.name })),
    ...slots.flatMap((slot) => slotParameters(model, layer, slot)),
  ];
}

function slotParameters({ hiddenSize, moeIntermediateSize }: ModelConfig, layer: number, index: number) {
  const parameters = gatedUnitParameters(slotPrefix(layer, index), hiddenSize, moeIntermediateSize);
  return parameters.map((parameter) => ({ ...parameter, slot: { layer, index } }));
}

function attentionParameters(model: ModelConfig): ParameterSpec[] {
  const { hiddenSize, numAttentionHeads: heads, qkNopeHeadDim: nope, qkRopeHeadDim: rope, vHeadDim: vDim } = model;
  const { kvLoraRank, qLoraRank } = model;
  const queryDim = heads * (nope + rope);
  const query =
    qLoraRank === 0
      ? [matrix('self_attn.q_proj.weight', queryDim, hiddenSize)]
      : [
          matrix('self_attn.q_a_proj.weight', qLoraRank, hiddenSize),
          norm('self_attn.q_a_layernorm.weight', qLoraRank),
          matrix('self_attn.q_b_proj.weight', queryDim, qLoraRank),
        ];
  return [
    norm('input_layernorm.weight', hiddenSize),
    ...query,
    matrix('self_attn.kv_a_proj_with_mqa.weight', kvLoraRank + rope, hiddenSize),
    norm('self_attn.kv_a_layernorm.weight', kvLoraRank),
    matrix('self_attn.kv_b_proj.weight', heads * (nope + vDim), kvLoraRank),
    matrix('self_attn.o_proj.weight', hiddenSize, heads * vDim),
    norm('post_attention_layernorm.weight', hiddenSize),
  ];
}

function gatedUnitParameters(prefix: string, hiddenSize: number, innerSize: number): ParameterSpec[] {
  return [
    matrix(`${prefix}gate_proj.weight`, innerSize, hiddenSize),
    matrix(`${prefix}up_proj.weight`, innerSize, hiddenSize),
    matrix(`${prefix}down_proj.weight`, hiddenSize, innerSize),
  ];
}

function denseParameters(model: ModelConfig): ParameterSpec[] {
  return gatedUnitParameters('mlp.', model.hiddenSize, model.intermediateSize);
}

/** Of a Mixture-of-Experts layer, without the routed experts. */
function moeParameters({ hiddenSize, moeIntermediateSize, nRoutedExperts, nSharedExperts }: ModelConfig) {
  const shared =
    nSharedExperts === 0
      ? []
      : gatedUnitParameters('mlp.shared_experts.', hiddenSize, nSharedExperts * moeIntermediateSize);
  return [matrix('mlp.gate.weight', nRoutedExperts, hiddenSize), ...shared];
}

/** Parameters before the first layer (embedding) and after the last (norm and head). */
export function edgeParameters(model: ModelConfig): {
  first: readonly ParameterSpec[];
  last: readonly ParameterSpec[];
} {
  return {
    first: [matrix('model.embed_tokens.weight', model.vocabSize, model.hiddenSize)],
    last: [norm('model.norm.weight', model.hiddenSize), matrix('lm_head.weight', model.vocabSize, model.hiddenSize)],
  };
}

/** The parameter that the head multiplies with: with tied embeddings that of the embedding. */
export function headParameterName({ tieWordEmbeddings }: ModelConfig): string {
  return tieWordEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
}

/** The edge parameters of a stage that has the first layer, the last, or both; what is tied is there once. */
export function stageEdges(
  model: ModelConfig,
  { isFirst, isLast }: { readonly isFirst: boolean; readonly isLast: boolean },
): { readonly first: readonly ParameterSpec[]; readonly last: readonly ParameterSpec[] } {
  const { first, last } = edgeParameters(model);
  if (!model.tieWordEmbeddings) return { first: isFirst ? first : [], last: isLast ? last : [] };
  const [embedding] = first.map((parameter) => ({ ...parameter, isTied: true as const }));
  const norms = last.filter(({ name }) => name !== 'lm_head.weight');
  return {
    first: isFirst ? [embedding] : [],
    last: [...(isLast ? norms : []), ...(isLast && !isFirst ? [embedding] : [])],
  };
}

/** Every name that a checkpoint of the model has for its parameters and selection biases. */
export function parameterNames(model: ModelConfig): string[] {
  const { first, last } = stageEdges(model, { isFirst: true, isLast: true });
  const layers = Array.from({ length: model.numHiddenLayers }, (_, layer) => {
    const parameters = layerParameters(model, layer, { first: 0, end: model.nRoutedExperts });
    const names = parameters.map(({ name, slot }) => (slot === undefined ? name : nameInCheckpoint(name, slot.index)));
    return isMoeLayer(model, layer) ? [...names, selectionBiasName(layer)] : names;
  });
  return [...first.map(({ name }) => name), ...layers.flat(), ...last.map(({ name }) => name)];
}

/** Shape of a block's parameter port: an edge parameter by its whole name, a layer's by its end, an expert's as `expert.gate_proj.weight`. */
export function parameterShape(model: ModelConfig, port: string): readonly number[] {
  const { first, last } = edgeParameters(model);
  const all = [
    ...first,
    ...last,
    ...attentionParameters(model),
    ...denseParameters(model),
    ...moeParameters(model),
    ...gatedUnitParameters('expert.', model.hiddenSize, model.moeIntermediateSize),
  ];
  const found = all.find((parameter) => parameter.name === port);
  if (found === undefined) throw new InputError({ what: `no parameter is called '${port}'` });
  return found.shape;
}
