import { fstatSync, readSync } from 'node:fs';
import { formatBytes, InputError, nearestWord } from '../base/index.js';
import { decodeUtf8, withOpenFile } from './read-file.js';
import { bytesOf, type Dtype, elementsOf, formatHeader, parseHeader } from './safetensors-header.js';
import { decodeFloats } from './safetensors-numbers.js';
import { writeFileWhole } from './write-whole.js';

/** As the reference implementation limits it. */
const maxHeaderBytes = 100_000_000;

/** Where a tensor lies on the disk. */
export interface TensorEntry {
  readonly path: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** From the beginning of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** What a file, or the files of a checkpoint, hold; the numbers are read one tensor at a time. */
export interface TensorIndex {
  /** The file or folder, for errors. */
  readonly where: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** A tensor to write. */
export type TensorData = { readonly name: string; readonly shape: readonly number[] } & (
  | { readonly dtype: 'F32'; readonly data: Float32Array }
  | { readonly dtype: 'I32'; readonly data: Int32Array }
  | { readonly dtype: 'F64'; readonly data: Float64Array }
);

/**
 * Reads and checks the header of a safetensors file. Throws `InputError` for whatever is wrong with it; nothing is allocated that the file only claims.
 */
export function readSafetensors(path: string): TensorIndex {
  return withOpenFile(path, (file) => {
    const refuse = (what: string): never => {
      throw new InputError({ what, where: path, mend: 'the file is damaged or of another format; get it again' });
    };
    const { size } = fstatSync(file);
    if (size < 8) return refuse(`it is no safetensors file: only ${size} bytes long`);
    const headerBytes = Number(new DataView(readRange(file, 0, 8, path).buffer).getBigUint64(0, true));
    if (headerBytes > size - 8)
      return refuse(
        `it is no safetensors file, or was cut: its header would end at byte ${headerBytes + 8} of ${size}`,
      );
    if (headerBytes > maxHeaderBytes) return refuse(`its header is longer than ${formatBytes(maxHeaderBytes)}`);
    const dataStart = 8 + headerBytes;
    const { entries, metadata } = parseHeader(
      decodeUtf8(readRange(file, 8, headerBytes, path), path),
      size - dataStart,
      path,
    );
    const tensors = new Map<string, TensorEntry>();
    for (const { name, dtype, shape, begin, end } of entries) {
      tensors.set(name, { path, dtype, shape, byteOffset: dataStart + begin, byteLength: end - begin });
    }
    return { where: path, tensors, metadata };
  });
}

/** The numbers of a tensor of F32, BF16, F16 or F64 as float32, in row-major order. Throws `InputError` if there is none of that name, or it holds no such numbers. */
export function readTensor(index: TensorIndex, name: string): Float32Array {
  const entry = findTensor(index, name);
  const { dtype } = entry;
  if (dtype === 'F32' || dtype === 'BF16' || dtype === 'F16' || dtype === 'F64')
    return decodeFloats(readBytes(entry), dtype);
  throw new InputError({
    what: `tensor '${name}' is of ${dtype}`,
    where: entry.path,
    mend: 'convert it to F32 or BF16',
  });
}

/** The numbers of a tensor of I32. Throws as `readTensor`. */
export function readIntegerTensor(index: TensorIndex, name: string): Int32Array {
  const entry = findTensor(index, name);
  if (entry.dtype === 'I32') return new Int32Array(readBytes(entry).buffer);
  throw new InputError({ what: `tensor '${name}' is of ${entry.dtype}`, where: entry.path, mend: 'convert it to I32' });
}

/**
 * Writes a safetensors file, whole or not at all; wide types first and then by name, as the reference implementation, so that every tensor is aligned.
 * Throws `InputError` for a name that is given twice or a shape that does not fit its data, and as `writeFileWhole`.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<TensorData>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const order = { F64: 0, F32: 1, I32: 2 };
  const sorted = [...tensors].sort((a, b) => order[a.dtype] - order[b.dtype] || (a.name < b.name ? -1 : 1));
  const names = new Set<string>(['__metadata__']);
  let end = 0;
  const entries = sorted.map(({ name, dtype, shape, data }) => {
    if (names.has(name))
      throw new InputError({ what: `tensor '${name}' cannot be written twice`, where: path, mend: 'name each once' });
    names.add(name);
    if (elementsOf(shape) !== data.length) {
      throw new InputError({
        what: `tensor '${name}' of shape [${shape}] has ${data.length} numbers`,
        where: path,
        mend: 'correct its shape',
      });
    }
    const begin = end;
    end += data.length * bytesOf[dtype];
    return { name, dtype, shape, begin, end };
  });
  const header = formatHeader({
    entries,
    metadata: new Map(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))),
  });
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  const numbers = sorted.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  await writeFileWhole(path, [length, header, ...numbers]);
}

function findTensor(index: TensorIndex, name: string): TensorEntry {
  const entry = index.tensors.get(name);
  if (entry !== undefined) return entry;
  const nearest = nearestWord(name, index.tensors.keys());
  const mend = nearest === undefined ? 'check that it is a checkpoint of this model' : `did you mean '${nearest}'?`;
  throw new InputError({ what: `no tensor '${name}'`, where: index.where, mend });
}

function readBytes({ path, byteOffset, byteLength }: TensorEntry): Uint8Array<ArrayBuffer> {
  return withOpenFile(path, (file) => readRange(file, byteOffset, byteLength, path));
}

/** Throws `InputError` if the file ends before: it changed since its header was read. */
function readRange(file: number, start: number, length: number, path: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const read = readSync(file, bytes, done, Math.min(length - done, 2 ** 30), start + done);
    if (read === 0)
      throw new InputError({
        what: `it ends at byte ${start + done}`,
        where: path,
        mend: 'do not change it while it is read',
      });
    done += read;
  }
  return bytes;
}
