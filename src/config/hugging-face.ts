import { InputError } from '../base/index.js';
import { readFields, readPlainTable, showValue, toSnakeCase, type Values } from './fields.js';
import { checkModel, type ModelConfig, modelFields } from './model-config.js';

/** What a `config.json` may leave out, with the value that transformers takes then. */
const optionalValues: Partial<ModelConfig> = {
  qLoraRank: 0,
  normTopkProb: true,
  rmsNormEps: 1e-6,
  ropeTheta: 10_000,
  ropeInterleave: true,
  tieWordEmbeddings: false,
  initializerRange: 0.02,
  maxPositionEmbeddings: 4096,
};

/** Keys with one value that this program computes with; any other would change the model's answers. */
const fixedValues: Readonly<Record<string, readonly unknown[]>> = {
  model_type: ['deepseek_v3'],
  hidden_act: ['silu'],
  topk_method: ['noaux_tc'],
  scoring_func: ['sigmoid'],
  attention_bias: [false],
  rope_scaling: [null],
  moe_layer_freq: [1],
};

/**
 * The model that a Hugging Face `config.json` (parsed) describes. RoPE may be spelt as `rope_parameters: {rope_theta, rope_type}` or as `rope_theta` and
 * `rope_scaling` at the top. Keys that do not change the model are ignored, and so are the layers of
 * `num_nextn_predict_layers` and how weights are stored.
 * Throws `InputError` for a size that is missing or bad, and for what is not computed here (stretched RoPE, biases,
 * other routers).
 */
export function parseHuggingFaceConfig(json: unknown, where = 'config.json'): ModelConfig {
  const table = readPlainTable(json, 'the file', where);
  return readModelSizes({ ...table, ...readRopeTheta(table, where) }, where);
}

/**
 * The sizes in a `config.json` whose `rope_parameters` are read already. Throws `InputError` as `parseHuggingFaceConfig`.
 */
export function readModelSizes(given: Readonly<Record<string, unknown>>, where: string): ModelConfig {
  refuseOtherModels(given, where);
  refuseGroupedHeads(given, where);
  const missing: string[] = [];
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(modelFields)) {
    const key = toSnakeCase(name);
    const value = given[key];
    if (value !== undefined && value !== null) values[key] = value;
    else if (!(name in optionalValues)) missing.push(key);
  }
  if (missing.length > 0) {
    throw new InputError({
      what: `no ${missing.join(', ')}`,
      where,
      mend: 'take the config.json of a DeepSeek-V3 model',
    });
  }
  // Complete: what the optional values leave out is in `values`, as no key is missing.
  const base = optionalValues as Values<typeof modelFields>;
  const model = readFields(modelFields, values, base, { where, resolve: (path) => path });
  checkModel(model, where);
  return model;
}

/** Throws `InputError` if a key that `[model]` or a `config.json` may hold asks for what is not computed here. */
function refuseOtherModels(table: Readonly<Record<string, unknown>>, where: string): void {
  for (const [key, allowed] of Object.entries(fixedValues)) {
    const value = table[key];
    if (value === undefined || allowed.includes(value) || (key === 'rope_scaling' && isPlainRope(value))) continue;
    if (key === 'rope_scaling') throw stretchedRope(key, value, where);
    throw new InputError({
      what: `${key} is ${showValue(value)}, which is not supported`,
      where,
      mend: describeAllowed(allowed[0]),
    });
  }
}

/** Keys of a `config.json` that change nothing of the model, nor of how it is trained here. */
const silentKeys = new Set([
  'architectures',
  'attention_dropout',
  'auto_map',
  'aux_loss_alpha',
  'bos_token_id',
  'dtype',
  'eos_token_id',
  'ep_size',
  'output_router_logits',
  'pad_token_id',
  'pretraining_tp',
  'quantization_config',
  'seq_aux',
  'torch_dtype',
  'transformers_version',
  'use_cache',
]);

/** Keys that say again what others say, with what they may be. */
const repeatingKeys: Readonly<Record<string, (model: ModelConfig) => readonly number[]>> = {
  num_key_value_heads: ({ numAttentionHeads }) => [numAttentionHeads],
  qk_head_dim: ({ qkNopeHeadDim, qkRopeHeadDim }) => [qkNopeHeadDim + qkRopeHeadDim],
  head_dim: ({ qkNopeHeadDim, qkRopeHeadDim }) => [qkRopeHeadDim, qkNopeHeadDim + qkRopeHeadDim],
  num_nextn_predict_layers: () => [0],
};

/**
 * What a table `[model]` says of the model, without keys of a `config.json` that say nothing new.
 * Throws `InputError` for one that asks for what is not computed here.
 */
export function readModelTable(
  table: Readonly<Record<string, unknown>>,
  where: string,
): Readonly<Record<string, unknown>> {
  refuseOtherModels(table, where);
  const { rope_parameters: _, ...rest } = table;
  const isSilent = (key: string) =>
    Object.hasOwn(fixedValues, key) || silentKeys.has(key) || Object.hasOwn(repeatingKeys, key);
  const own = Object.entries(rest).filter(([key]) => !isSilent(key));
  return { ...Object.fromEntries(own), ...readRopeTheta(table, where) };
}

/** Throws `InputError` if a key of a table `[model]` that says again what others say says something else. */
export function checkRepeatingKeys(table: Readonly<Record<string, unknown>>, model: ModelConfig, where: string): void {
  for (const [key, valuesOf] of Object.entries(repeatingKeys)) {
    const value = table[key];
    const allowed = valuesOf(model);
    if (value === undefined || allowed.some((one) => one === value)) continue;
    throw new InputError({
      what: `${key} is ${showValue(value)}, which is not supported with the other sizes`,
      where,
      mend: `use ${allowed.join(' or ')}, or leave it out`,
    });
  }
}

/** The text of the `config.json` of a model, with the keys that transformers 5 writes. */
export function formatHuggingFaceConfig(model: ModelConfig): string {
  const { ropeTheta, qLoraRank, ...plain } = model;
  const config: Record<string, unknown> = {
    architectures: ['DeepseekV3ForCausalLM'],
    attention_bias: false,
    attention_dropout: 0,
    bos_token_id: null,
    dtype: 'float32',
    eos_token_id: null,
    head_dim: model.qkRopeHeadDim,
    hidden_act: 'silu',
    model_type: 'deepseek_v3',
    num_key_value_heads: model.numAttentionHeads,
    num_nextn_predict_layers: 0,
    output_router_logits: false,
    pad_token_id: null,
    pretraining_tp: 1,
    q_lora_rank: qLoraRank === 0 ? null : qLoraRank,
    qk_head_dim: model.qkNopeHeadDim + model.qkRopeHeadDim,
    rope_parameters: { rope_theta: ropeTheta, rope_type: 'default' },
    use_cache: false,
  };
  for (const [name, value] of Object.entries(plain)) config[toSnakeCase(name)] = value;
  const sorted = Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));
  // transformers takes no integer for a float: a whole one is written as 1.0.
  const markFloats = (key: string, value: unknown) =>
    floatKeys.has(key) && Number.isInteger(value) ? `float ${value}` : value;
  return `${JSON.stringify(sorted, markFloats, 2).replace(/"float (\d+)"/g, '$1.0')}\n`;
}

const floatKeys = new Set(['attention_dropout']);
for (const [name, field] of Object.entries(modelFields)) if (field.kind === 'number') floatKeys.add(toSnakeCase(name));

/** The base of the rotation from either spelling; `rope_parameters` wins, as in transformers. */
function readRopeTheta(table: Readonly<Record<string, unknown>>, where: string): { rope_theta?: unknown } {
  const parameters = table.rope_parameters ?? undefined;
  if (parameters === undefined) return {};
  const rope = readPlainTable(parameters, 'rope_parameters', where);
  if (!isPlainRope(rope)) throw stretchedRope('rope_parameters', rope, where);
  return 'rope_theta' in rope ? { rope_theta: rope.rope_theta } : {};
}

/** What says how positions are stretched; either name of the type. */
interface Rope {
  readonly rope_type?: unknown;
  readonly type?: unknown;
  readonly factor?: unknown;
  readonly attention_factor?: unknown;
}

/** Ways to stretch positions that leave them as they are with a factor of 1. */
const stretches: readonly unknown[] = ['yarn', 'linear', 'dynamic', 'llama3'];

/**
 * Whether the rotation is that of RoPE itself: not stretched, or by 1, for which YaRN's factors on scores and on the
 * rotation are 1 too.
 */
function isPlainRope(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { rope_type, type, factor, attention_factor }: Rope = value;
  const kind = rope_type ?? type ?? 'default';
  if ((attention_factor ?? 1) !== 1) return false;
  return kind === 'default' ? (factor ?? 1) === 1 : stretches.includes(kind) && factor === 1;
}

function stretchedRope(key: string, value: unknown, where: string): InputError {
  const { rope_type, type, factor, attention_factor }: Rope = typeof value === 'object' && value !== null ? value : {};
  const kind = rope_type ?? type;
  const by = factor === undefined ? '' : ` with a factor of ${showValue(factor)}`;
  const scaled = (attention_factor ?? 1) === 1 ? '' : ` and an attention_factor of ${showValue(attention_factor)}`;
  const shown = kind === undefined ? showValue(value) : `${showValue(kind)}${by}${scaled}`;
  return new InputError({
    what: `${key} is ${shown}, which is not supported`,
    where,
    mend: 'take a model whose positions are not stretched: rope_type "default", or "yarn" with a factor of 1',
  });
}

function describeAllowed(value: unknown): string {
  return value === null ? 'take a model without it' : `take a model with ${showValue(value)}`;
}

function refuseGroupedHeads(table: Readonly<Record<string, unknown>>, where: string): void {
  const heads = table.num_attention_heads;
  const keyValueHeads = table.num_key_value_heads ?? heads;
  if (keyValueHeads !== heads) {
    throw new InputError({
      what: `num_key_value_heads is ${showValue(keyValueHeads)} with ${showValue(heads)} attention heads, which is not supported`,
      where,
      mend: 'make them equal',
    });
  }
}
