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
  quantization_config: [null],
  moe_layer_freq: [1],
};

/**
 * The model that a Hugging Face `config.json` (parsed) describes. RoPE may be spelt as `rope_parameters: {rope_theta, rope_type}` or as `rope_theta` and
 * `rope_scaling` at the top. Keys that do not change the model are ignored, and so are the layers of `num_nextn_predict_layers`.
 * Throws `InputError` for a size that is missing or bad, and for what is not computed here (YaRN, biases, other routers, quantization).
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
export function refuseOtherModels(table: Readonly<Record<string, unknown>>, where: string): void {
  for (const [key, allowed] of Object.entries(fixedValues)) {
    const value = table[key];
    if (value === undefined || allowed.includes(value) || (key === 'rope_scaling' && isDefaultRope(value))) continue;
    throw new InputError({
      what: `${key} is ${showValue(value)}, which is not supported`,
      where,
      mend: describeAllowed(allowed[0]),
    });
  }
}

/** Whether `[model]` may hold the key although it says nothing: its only supported value is the one that is computed with. */
export function isFixedKey(key: string): boolean {
  return Object.hasOwn(fixedValues, key);
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
  if (!isDefaultRope(rope)) {
    throw new InputError({
      what: `rope_parameters is ${showValue(rope)}, which is not supported`,
      where,
      mend: 'use rope_type "default"',
    });
  }
  return 'rope_theta' in rope ? { rope_theta: rope.rope_theta } : {};
}

function isDefaultRope(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { rope_type, type } = value as { readonly rope_type?: unknown; readonly type?: unknown };
  return (rope_type ?? type ?? 'default') === 'default' && !('factor' in value);
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
