import { InputError } from '../base/index.js';
import { readPlainTable, showValue } from './fields.js';

/** How the weights of a checkpoint are stored, by `quantization_config` in its `config.json`. */
export interface Quantization {
  /** `quant_method`, or undefined where nothing is quantized. */
  readonly method: string | undefined;
  /** Rows and columns of a weight that share one scale. */
  readonly block: readonly [rows: number, columns: number];
}

/** What DeepSeek-V3's checkpoints have; also taken where no size is named. */
const usualBlock = [128, 128] as const;

/**
 * Reads `quantization_config` of a `config.json` (parsed). Throws `InputError` for a `weight_block_size` that is no two
 * sizes; which methods can be read is for the reader of the weights to say.
 */
export function parseQuantization(json: unknown, where = 'config.json'): Quantization {
  const given = readPlainTable(json, 'the file', where).quantization_config ?? undefined;
  if (given === undefined) return { method: undefined, block: usualBlock };
  const { quant_method, weight_block_size } = readPlainTable(given, 'quantization_config', where);
  const method = typeof quant_method === 'string' ? quant_method : 'unknown';
  return { method, block: readBlock(weight_block_size ?? usualBlock, where) };
}

function readBlock(value: unknown, where: string): Quantization['block'] {
  const isSize = (size: unknown): size is number => Number.isSafeInteger(size) && Number(size) > 0;
  if (Array.isArray(value) && value.length === 2 && isSize(value[0]) && isSize(value[1])) return [value[0], value[1]];
  throw new InputError({
    what: `weight_block_size is ${showValue(value)}`,
    where: `${where}, quantization_config`,
    mend: 'use rows and columns of a block, such as [128, 128]',
  });
}
