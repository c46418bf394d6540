import { InputError } from '../base/index.js';
import { type PickleGlobal, readPickle } from './pickle.js';
import { decodeFloat16 } from './safetensors-numbers.js';
import { readStoredZip } from './zip.js';

/** A tensor of a file that `torch.save` wrote. */
export interface TorchTensor {
  readonly shape: readonly number[];
  /**
   * The numbers in row-major order, whatever their type; every call makes them anew. Throws `InputError` if what was read of the file's tensors so far has
   * more numbers than a real file can.
   */
  readonly read: () => Float64Array;
}

/** Whether a value that `readTorchFile` gave is a tensor; a pickle of other things has no plain objects. */
export function isTorchTensor(value: unknown): value is TorchTensor {
  return typeof value === 'object' && value !== null && 'shape' in value && 'read' in value;
}

/** Where a tensor lies in its storage, checked to lie within it; sizes are in numbers, not bytes. */
interface StorageView {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly spend: (numbers: number) => void;
}

interface Storage {
  readonly type: StorageType;
  readonly bytes: Uint8Array;
  readonly numbers: number;
}

interface StorageType {
  readonly name: string;
  readonly bytes: number;
  readonly decode: (bytes: Uint8Array) => Float64Array;
}

/** By the name that pickles use, `torch.IntStorage`. */
const storageTypes: readonly StorageType[] = [
  { name: 'ByteStorage', bytes: 1, decode: (bytes) => new Float64Array(bytes) },
  { name: 'CharStorage', bytes: 1, decode: (bytes) => new Float64Array(new Int8Array(copy(bytes))) },
  { name: 'BoolStorage', bytes: 1, decode: (bytes) => new Float64Array(bytes.map((byte) => (byte === 0 ? 0 : 1))) },
  { name: 'ShortStorage', bytes: 2, decode: (bytes) => new Float64Array(new Int16Array(copy(bytes))) },
  {
    name: 'HalfStorage',
    bytes: 2,
    decode: (bytes) => new Float64Array(new Uint16Array(copy(bytes))).map(decodeFloat16),
  },
  { name: 'BFloat16Storage', bytes: 2, decode: decodeBfloat16 },
  { name: 'IntStorage', bytes: 4, decode: (bytes) => new Float64Array(new Int32Array(copy(bytes))) },
  { name: 'FloatStorage', bytes: 4, decode: (bytes) => new Float64Array(new Float32Array(copy(bytes))) },
  { name: 'LongStorage', bytes: 8, decode: decodeInt64 },
  { name: 'DoubleStorage', bytes: 8, decode: (bytes) => new Float64Array(copy(bytes)) },
];

const mostDims = 8;

/** As many numbers as all tensors of a file may have when they are read; one small file could name one tensor a million times. */
const mostNumbers = 2 ** 27;

/** Whether bytes begin as a zip, which `torch.save` writes. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

/**
 * What `torch.save` wrote: dicts are `Map`s, lists and tuples are arrays, tensors are `TorchTensor`s. The pickle in it may ask for nothing but tensors, their
 * storages and `OrderedDict`. Throws `InputError` for anything else, as `readStoredZip` and `readPickle`.
 */
export function readTorchFile(bytes: Uint8Array, where: string): unknown {
  const refuse = makeRefuse(where);
  const entries = readStoredZip(bytes, where, (name) => /^[^/]+\/(data\.pkl|byteorder|data\/\d+)$/.test(name));
  const pickleName = [...entries.keys()].filter((name) => name.endsWith('/data.pkl'));
  if (pickleName.length !== 1) return refuse(`it has ${pickleName.length} entries data.pkl`);
  const folder = pickleName[0]!.slice(0, -'data.pkl'.length);
  const order = entries.get(`${folder}byteorder`);
  if (order !== undefined && !isText(order, 'little')) return refuse('its numbers are not little-endian');
  let spent = 0;
  const spend = (numbers: number): void => {
    spent += numbers;
    if (spent > mostNumbers) refuse(`its tensors have more than ${mostNumbers} numbers`);
  };
  const types = new Map<PickleGlobal, StorageType>();
  const globals = new Map<string, PickleGlobal>([
    ['collections.OrderedDict', (pairs) => makeOrderedDict(pairs, refuse)],
    ['torch._utils._rebuild_tensor_v2', (...parts) => makeTensor(checkView(parts, spend, refuse))],
  ]);
  for (const type of storageTypes) {
    const global = (): never => refuse(`it calls torch.${type.name}`);
    types.set(global, type);
    globals.set(`torch.${type.name}`, global);
  }
  const resolvePersistent = (id: unknown): Storage => {
    const [kind, type, key, , numbers] = Array.isArray(id) ? (id as unknown[]) : [];
    const known = typeof type === 'function' ? types.get(type as PickleGlobal) : undefined;
    if (kind !== 'storage' || known === undefined || typeof key !== 'string' || !isSize(numbers))
      return refuse('it refers to something that is no storage');
    const data = entries.get(`${folder}data/${key}`);
    if (data === undefined) return refuse(`it has no storage ${JSON.stringify(key.slice(0, 20))}`);
    if (numbers * known.bytes > data.length)
      return refuse(`storage ${key} has ${data.length} bytes, not ${numbers} x ${known.bytes}`);
    return { type: known, bytes: data, numbers };
  };
  return readPickle(entries.get(pickleName[0]!)!, where, { globals, resolvePersistent });
}

function isText(bytes: Uint8Array, text: string): boolean {
  return bytes.length === text.length && bytes.every((byte, index) => byte === text.charCodeAt(index));
}

function makeTensor(view: StorageView): TorchTensor {
  return { shape: view.shape, read: () => readView(view) };
}

type Refuse = (what: string) => never;

function makeRefuse(where: string): Refuse {
  return (what) => {
    throw new InputError({ what: `bad .pt file: ${what}`, where, mend: 'the file is damaged; save it again' });
  };
}

function makeOrderedDict(pairs: unknown, refuse: Refuse): Map<unknown, unknown> {
  const dict = new Map<unknown, unknown>();
  if (pairs === undefined) return dict;
  if (!Array.isArray(pairs)) return refuse('an OrderedDict is made from no pairs');
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) return refuse('an OrderedDict is made from no pairs');
    dict.set(pair[0], pair[1]);
  }
  return dict;
}

/** The arguments of `_rebuild_tensor_v2`: storage, offset, size, stride, and what training needs. */
function checkView(
  [storage, offset, shape, stride]: readonly unknown[],
  spend: StorageView['spend'],
  refuse: Refuse,
): StorageView {
  if (!isStorage(storage)) return refuse('a tensor has no storage');
  if (!isSize(offset) || !isSizes(shape) || !isSizes(stride) || shape.length !== stride.length)
    return refuse('a tensor has no offset, shape and stride of whole numbers');
  const elements = shape.reduce((product, size) => product * size, 1);
  const last = shape.reduce((position, size, dim) => position + (size - 1) * stride[dim]!, offset);
  if (elements === 0) return { storage, offset, shape, stride, spend };
  // An expanded tensor (stride 0) would be larger than what it is made from.
  if (elements > storage.numbers || last >= storage.numbers)
    return refuse(`a tensor of shape [${shape}] goes beyond its storage of ${storage.numbers} numbers`);
  return { storage, offset, shape, stride, spend };
}

function readView({ storage, offset, shape, stride, spend }: StorageView): Float64Array {
  const elements = shape.reduce((product, size) => product * size, 1);
  if (elements === 0) return new Float64Array(0);
  const { type, bytes } = storage;
  if (isContiguous(shape, stride)) {
    spend(elements);
    return type.decode(bytes.subarray(offset * type.bytes, (offset + elements) * type.bytes));
  }
  const first = offset * type.bytes;
  const last = shape.reduce((position, size, dim) => position + (size - 1) * stride[dim]!, offset);
  spend(last - offset + 1);
  const all = type.decode(bytes.subarray(first, (last + 1) * type.bytes));
  const numbers = new Float64Array(elements);
  let next = 0;
  const copyDim = (dim: number, start: number): void => {
    if (dim === shape.length) {
      numbers[next++] = all[start]!;
      return;
    }
    for (let index = 0; index < shape[dim]!; index++) copyDim(dim + 1, start + index * stride[dim]!);
  };
  copyDim(0, 0);
  return numbers;
}

function isContiguous(shape: readonly number[], stride: readonly number[]): boolean {
  let expected = 1;
  for (let dim = shape.length - 1; dim >= 0; dim--) {
    if (shape[dim] !== 1 && stride[dim] !== expected) return false;
    expected *= shape[dim]!;
  }
  return true;
}

function isStorage(value: unknown): value is Storage {
  return typeof value === 'object' && value !== null && 'type' in value && 'numbers' in value;
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= mostDims && value.every(isSize);
}

/** Typed arrays of wider numbers must begin at a multiple of their size, which a part of a file need not. */
function copy(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function decodeBfloat16(bytes: Uint8Array): Float64Array {
  const bits = new Uint32Array(new Uint16Array(copy(bytes))).map((half) => half << 16);
  return new Float64Array(new Float32Array(bits.buffer));
}

/** Exact up to 2^53; a BigInt64Array would be some ten times slower. */
function decodeInt64(bytes: Uint8Array): Float64Array {
  const halves = copy(bytes);
  const low = new Uint32Array(halves);
  const high = new Int32Array(halves);
  const numbers = new Float64Array(low.length / 2);
  for (let next = 0; next < numbers.length; next++) numbers[next] = low[2 * next]! + 2 ** 32 * high[2 * next + 1]!;
  return numbers;
}
