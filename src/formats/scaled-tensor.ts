import { InputError } from '../base/index.js';
import { bytesOf } from './safetensors-header.js';
import { decodeByteFloats, decodeFloats, isByteFloatDtype, isFloatDtype } from './safetensors-numbers.js';
import { findTensor, type TensorEntry, type TensorIndex } from './safetensors-read.js';

/** Rows and columns of the block of a matrix that has one scale. */
export type ScaleBlock = readonly [rows: number, columns: number];

/** Rows of a tensor whose dims but for the last are taken as one. */
export interface RowRange {
  readonly first: number;
  readonly end: number;
}

/** Whether the numbers of a tensor mean nothing without the scales beside it. */
export function isScaled({ dtype }: TensorEntry): boolean {
  return dtype === 'F8_E4M3' || dtype === 'F8_E5M2';
}

/**
 * Rows of a tensor `[..., rows, columns]` of F32, BF16, F16, F64 or FP8, as float32. Of FP8 a number is its value times
 * the scale of its block, which tensor `NAME_scale_inv` holds as `[..., rows / block rows, columns / block columns]`,
 * rounded up, or as one number for all (DeepSeek-V3's checkpoints, `weight_block_size` in their config.json). Throws
 * `InputError` if a tensor is missing, of another type or misshapen.
 */
export function readMatrixRows(index: TensorIndex, name: string, block: ScaleBlock, range?: RowRange): Float32Array {
  const entry = findTensor(index, name);
  const columns = entry.shape.at(-1) ?? 1;
  const rows = columns === 0 ? 0 : entry.byteLength / bytesOf[entry.dtype] / columns;
  const { first, end } = range ?? { first: 0, end: rows };
  const bytesPerRow = columns * bytesOf[entry.dtype];
  const numbers = decodeNumbers(name, entry, entry.read(first * bytesPerRow, (end - first) * bytesPerRow));
  if (isScaled(entry)) scaleRows(numbers, { first, end }, columns, readScales(index, name, entry, block));
  return numbers;
}

function decodeNumbers(name: string, { dtype, path }: TensorEntry, bytes: Uint8Array<ArrayBuffer>): Float32Array {
  if (isFloatDtype(dtype)) return decodeFloats(bytes, dtype);
  if (isByteFloatDtype(dtype)) return decodeByteFloats(bytes, dtype);
  const mend = 'convert it to F32 or BF16';
  throw new InputError({ what: `tensor '${name}' is of ${dtype}, which is not read`, where: path, mend });
}

/** The scale of every block of a tensor. */
interface Scales {
  readonly values: Float32Array;
  readonly block: ScaleBlock;
  /** Rows of one matrix of the tensor. */
  readonly matrixRows: number;
  /** Rows and columns of a matrix in blocks. */
  readonly grid: readonly [rows: number, columns: number];
}

function readScales(index: TensorIndex, name: string, { shape, dtype, path }: TensorEntry, block: ScaleBlock): Scales {
  const scaleName = `${name}_scale_inv`;
  const entry = index.tensors.get(scaleName);
  if (entry === undefined) {
    const what = `tensor ${name} is of ${dtype}, but ${scaleName}, its scale, is missing`;
    const mend = index.tensors.has(`${name}_scale`)
      ? `convert the checkpoint to BF16: ${name}_scale, as compressed-tensors and ModelOpt name it, is not read`
      : 'get all files of the checkpoint again, or convert it to BF16';
    throw new InputError({ what, where: path, mend });
  }
  const values = decodeNumbers(scaleName, entry, entry.read());
  const [matrixRows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  if (values.length === 1) return { values, block: [matrixRows, columns], matrixRows, grid: [1, 1] };
  const grid = [Math.ceil(matrixRows / block[0]), Math.ceil(columns / block[1])] as const;
  const expected = [...shape.slice(0, -2), ...grid];
  if (entry.shape.join() !== expected.join()) {
    throw new InputError({
      what:
        `tensor ${scaleName} has shape [${entry.shape.join(', ')}] instead of [${expected.join(', ')}], ` +
        `a scale for every ${block.join(' x ')} block`,
      where: entry.path,
      mend: 'check weight_block_size in quantization_config of config.json',
    });
  }
  return { values, block, matrixRows, grid };
}

function scaleRows(numbers: Float32Array, { first, end }: RowRange, columns: number, scales: Scales): void {
  const { values, block, matrixRows, grid } = scales;
  for (let row = first; row < end; row++) {
    const scaleRow = Math.floor(row / matrixRows) * grid[0] + Math.floor((row % matrixRows) / block[0]);
    const start = (row - first) * columns;
    for (let column = 0; column < columns; column++)
      numbers[start + column] *= values[scaleRow * grid[1] + Math.floor(column / block[1])];
  }
}
