import { formatBytes, InputError, nearestWord } from '../base/index.js';
import type { FileTree } from './file-tree.js';
import { decodeNumbers, type NumberTensor, type NumberType } from './number-tensor.js';
import { type Dtype, parseHeader } from './safetensors-header.js';
import { decodeFloats, isFloatDtype } from './safetensors-numbers.js';
import { decodeUtf8 } from './utf8.js';

/** As the reference implementation limits it. */
const maxHeaderBytes = 100_000_000;

/** A tensor of a file. */
export interface TensorEntry {
  readonly path: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** From the beginning of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Reads its bytes, or `length` of them from byte `from` on, anew with every call. */
  readonly read: (from?: number, length?: number) => Uint8Array<ArrayBuffer>;
}

/** What a file, or the files of a checkpoint, hold; the numbers are read one tensor at a time. */
export interface TensorIndex {
  /** The file or folder, for errors. */
  readonly where: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads and checks the header of a safetensors file. Throws `InputError` for whatever is wrong with it; nothing is allocated that the file only claims.
 */
export function readSafetensorsFrom(files: FileTree, path: string): TensorIndex {
  return files.open(path, ({ size, read }) => {
    const refuse = (what: string): never => {
      throw new InputError({ what, where: path, mend: 'the file is damaged or of another format; get it again' });
    };
    if (size < 8) return refuse(`it is no safetensors file: only ${size} bytes long`);
    const headerBytes = Number(new DataView(read(0, 8).buffer).getBigUint64(0, true));
    if (headerBytes > size - 8)
      return refuse(
        `it is no safetensors file, or was cut: its header would end at byte ${headerBytes + 8} of ${size}`,
      );
    if (headerBytes > maxHeaderBytes) return refuse(`its header is longer than ${formatBytes(maxHeaderBytes)}`);
    const dataStart = 8 + headerBytes;
    const { entries, metadata } = parseHeader(decodeUtf8(read(8, headerBytes), path), size - dataStart, path);
    const tensors = new Map<string, TensorEntry>();
    for (const { name, dtype, shape, begin, end } of entries) {
      const [byteOffset, byteLength] = [dataStart + begin, end - begin];
      const readBytes = (from = 0, length = byteLength - from) =>
        files.open(path, (file) => file.read(byteOffset + from, length));
      tensors.set(name, { path, dtype, shape, byteOffset, byteLength, read: readBytes });
    }
    return { where: path, tensors, metadata };
  });
}

/** The numbers of a tensor of F32, BF16, F16 or F64 as float32, in row-major order. Throws `InputError` if there is none of that name, or it holds no such numbers. */
export function readTensor(index: TensorIndex, name: string): Float32Array {
  const entry = findTensor(index, name);
  const { dtype } = entry;
  if (isFloatDtype(dtype)) return decodeFloats(entry.read(), dtype);
  throw new InputError({
    what: `tensor '${name}' is of ${dtype}`,
    where: entry.path,
    mend: 'convert it to F32 or BF16',
  });
}

/** The numbers of a tensor of I32. Throws as `readTensor`. */
export function readIntegerTensor(index: TensorIndex, name: string): Int32Array {
  const entry = findTensor(index, name);
  if (entry.dtype === 'I32') return new Int32Array(entry.read().buffer);
  throw new InputError({ what: `tensor '${name}' is of ${entry.dtype}`, where: entry.path, mend: 'convert it to I32' });
}

const numberTypes: Readonly<Partial<Record<Dtype, NumberType>>> = {
  BOOL: 'bool',
  U8: 'uint8',
  I8: 'int8',
  U16: 'uint16',
  I16: 'int16',
  F16: 'float16',
  BF16: 'bfloat16',
  U32: 'uint32',
  I32: 'int32',
  F32: 'float32',
  U64: 'uint64',
  I64: 'int64',
  F64: 'float64',
};

/** A tensor of any type of numbers but those of 8 bits with an exponent, for which reading throws `InputError`. */
export function asNumberTensor({ path, dtype, shape, read }: TensorEntry): NumberTensor {
  return {
    shape,
    read: () => {
      const type = numberTypes[dtype];
      if (type !== undefined) return decodeNumbers(read(), type);
      throw new InputError({ what: `a tensor is of ${dtype}`, where: path, mend: 'convert it to F32 or I32' });
    },
  };
}

export function findTensor(index: TensorIndex, name: string): TensorEntry {
  const entry = index.tensors.get(name);
  if (entry !== undefined) return entry;
  const nearest = nearestWord(name, index.tensors.keys());
  const mend = nearest === undefined ? 'check that it is a checkpoint of this model' : `did you mean '${nearest}'?`;
  throw new InputError({ what: `no tensor '${name}'`, where: index.where, mend });
}
