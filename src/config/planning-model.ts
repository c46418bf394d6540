import { InputError } from '../base/index.js';
import { readPlainTable, showValue } from './fields.js';
import { readModelSizes } from './hugging-face.js';
import type { ModelConfig } from './model-config.js';

/** What planning needs to know of a model: its sizes and what its matrices are computed in, not how it is computed. */
export interface PlanningModel {
  readonly sizes: ModelConfig;
  /** Modules of multi-token prediction: each a layer of experts with a projection before it and the model's own head after it. */
  readonly predictionModules: number;
  /** What the matrix products of the layers are computed in. */
  readonly precision: 'fp8' | 'bf16';
}

const mostPredictionModules = 16;

/**
 * As `parseHuggingFaceConfig`, for a model that is only planned: RoPE may be stretched (YaRN), for that costs nothing, and matrices may be quantized to FP8.
 * Throws `InputError` for other quantizations, and for all else that `parseHuggingFaceConfig` refuses.
 */
export function parsePlanningModel(json: unknown, where = 'config.json'): PlanningModel {
  const { rope_scaling: _, rope_parameters, quantization_config, ...table } = readPlainTable(json, 'the file', where);
  const rope = readPlainTable(rope_parameters ?? {}, 'rope_parameters', where);
  const sizes = readModelSizes('rope_theta' in rope ? { ...table, rope_theta: rope.rope_theta } : table, where);
  return {
    sizes,
    predictionModules: readPredictionModules(table.num_nextn_predict_layers ?? 0, where),
    precision: readPrecision(quantization_config ?? undefined, where),
  };
}

function readPredictionModules(value: unknown, where: string): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= mostPredictionModules)
    return value as number;
  throw new InputError({
    what: `num_nextn_predict_layers is ${showValue(value)}`,
    where,
    mend: `use an integer from 0 to ${mostPredictionModules}`,
  });
}

function readPrecision(quantization: unknown, where: string): PlanningModel['precision'] {
  if (quantization === undefined) return 'bf16';
  const { quant_method: method } = readPlainTable(quantization, 'quantization_config', where);
  if (method === 'fp8') return 'fp8';
  throw new InputError({
    what: `quant_method is ${showValue(method)}, which is not supported`,
    where: `${where}, quantization_config`,
    mend: 'use "fp8", or leave quantization_config out for BF16',
  });
}
