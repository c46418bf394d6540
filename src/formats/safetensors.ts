import { InputError } from '../base/index.js';
import { diskTree } from './disk-tree.js';
import { bytesOf, elementsOf, formatHeader } from './safetensors-header.js';
import { readSafetensorsFrom, type TensorIndex } from './safetensors-read.js';
import { writeFileWhole } from './write-whole.js';

/** A tensor to write. */
export type TensorData = { readonly name: string; readonly shape: readonly number[] } & (
  | { readonly dtype: 'F32'; readonly data: Float32Array }
  | { readonly dtype: 'I32'; readonly data: Int32Array }
  | { readonly dtype: 'F64'; readonly data: Float64Array }
);

/** As `readSafetensorsFrom`, on the disk. */
export function readSafetensors(path: string): TensorIndex {
  return readSafetensorsFrom(diskTree, path);
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
