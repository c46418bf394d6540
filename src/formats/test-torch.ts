import { zipSync } from 'fflate';

/** What `writeTorch` writes as a tensor. */
export interface TensorToWrite {
  readonly storage: string;
  readonly data: Int32Array | BigInt64Array | Float32Array | Float64Array | Int16Array | Uint16Array | Uint8Array;
  readonly shape: readonly number[];
  readonly stride?: readonly number[];
  readonly offset?: number;
  /** Where another number of elements is to be claimed. */
  readonly numbers?: number;
}

/** Plain data and tensors as a pickle of protocol 2, with the storages it refers to, as `torch.save` writes them. */
export type Pickled = TensorToWrite | Map<string, Pickled> | readonly Pickled[] | string | number | boolean | null;

/** A `.pt` file of the zip kind. */
export function writeTorch(value: Pickled): Uint8Array {
  const storages: Uint8Array[] = [];
  const pickle = Buffer.concat([Buffer.from([0x80, 2]), write(value, storages), Buffer.from('.')]);
  return writeTorchZip(pickle, storages);
}

/** The zip of a pickle that is made elsewhere. */
export function writeTorchZip(pickle: Uint8Array, storages: readonly Uint8Array[] = []): Uint8Array {
  const text = (content: string) => new TextEncoder().encode(content);
  const data = storages.map((bytes, key): [string, Uint8Array] => [`archive/data/${key}`, bytes]);
  const entries = { 'archive/data.pkl': new Uint8Array(pickle), 'archive/byteorder': text('little') };
  return zipSync({ ...entries, ...Object.fromEntries(data), 'archive/version': text('3\n') }, { level: 0 });
}

function write(value: Pickled, storages: Uint8Array[]): Buffer {
  if (value === null) return Buffer.from('N');
  if (typeof value === 'boolean') return Buffer.from([value ? 0x88 : 0x89]);
  if (typeof value === 'number') return writeNumber(value);
  if (typeof value === 'string') return writeText(value);
  if (value instanceof Map) {
    const items = [...value].flatMap(([key, item]) => [writeText(key), write(item, storages)]);
    return Buffer.concat([Buffer.from('}('), ...items, Buffer.from('u')]);
  }
  if ('storage' in value) return writeTensor(value, storages);
  return Buffer.concat([Buffer.from(']('), ...value.map((item) => write(item, storages)), Buffer.from('e')]);
}

function writeNumber(value: number): Buffer {
  const bytes = Buffer.alloc(9);
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 31) {
    bytes.write('J', 'latin1');
    bytes.writeInt32LE(value, 1);
    return bytes.subarray(0, 5);
  }
  bytes.write('G', 'latin1');
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function writeText(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(text));
  return Buffer.concat([Buffer.from('X'), length, Buffer.from(text)]);
}

function writeTensor({ storage, data, shape, stride, offset = 0, numbers }: TensorToWrite, storages: Uint8Array[]) {
  const key = storages.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) - 1;
  const tuple = (items: readonly number[]) =>
    Buffer.concat([Buffer.from('('), ...items.map(writeNumber), Buffer.from('t')]);
  const rowMajor = shape.map((_, dim) => shape.slice(dim + 1).reduce((product, size) => product * size, 1));
  return Buffer.concat([
    Buffer.from('ctorch._utils\n_rebuild_tensor_v2\n(('),
    writeText('storage'),
    Buffer.from(`ctorch\n${storage}\n`),
    writeText(String(key)),
    writeText('cuda:0'),
    writeNumber(numbers ?? data.length),
    Buffer.from('tQ'),
    writeNumber(offset),
    tuple(shape),
    tuple(stride ?? rowMajor),
    Buffer.from([0x89]),
    Buffer.from('ccollections\nOrderedDict\n)RtR'),
  ]);
}
