import { checkPlacementFile } from './layout.js';
import { formatOwnJson } from './own-json.js';
import { formatSglang } from './sglang.js';
import { formatTensorrtLlm } from './tensorrt-llm.js';
import type { FormattedPlacement, PlacementFile, PlacementFormat } from './types.js';
import { formatVllm } from './vllm.js';
import { formatVllmAscend } from './vllm-ascend.js';

const formatters: Readonly<Record<PlacementFormat, (file: PlacementFile) => FormattedPlacement>> = {
  sglang: formatSglang,
  vllm: formatVllm,
  'tensorrt-llm': formatTensorrtLlm,
  'vllm-ascend': formatVllmAscend,
  json: formatOwnJson,
};

/**
 * A placement as the text of a file for an engine, or as our own JSON, with notes on what the engine's format cannot say. The engines have as many slots on
 * each GPU. A GPU without experts keeps its slots in SGLang's file, under expert 0; in the files of vLLM, TensorRT-LLM and vLLM-Ascend it has none. Throws
 * `InputError` that names layer, slot or GPU where the placement is none, or the format cannot hold it.
 */
export function formatPlacement(file: PlacementFile, format: PlacementFormat): FormattedPlacement {
  checkPlacementFile(file);
  return formatters[format](file);
}
