import { InputError } from '../base/index.js';
import { bytesOfNumber, decodeNumbers, type NumberTensor, type NumberType } from './number-tensor.js';
import { type PickleGlobal, readPickle } from './pickle.js';
import { collectionGlobals } from './pickle-collections.js';
import { readStoredZip } from './zip.js';

/** Where a tensor lies in its storage, checked to lie within it; sizes are in numbers, not bytes. */
interface StorageView {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly spend: (numbers: number) => void;
}

interface Storage {
  readonly type: NumberType;
  readonly bytes: Uint8Array;
  readonly numbers: number;
}

/** By the name that pickles use, `torch.IntStorage`. */
const storageTypes: Readonly<Record<string, NumberType>> = {
  ByteStorage: 'uint8',
  CharStorage: 'int8',
  BoolStorage: 'bool',
  ShortStorage: 'int16',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  IntStorage: 'int32',
  FloatStorage: 'float32',
  LongStorage: 'int64',
  DoubleStorage: 'float64',
};

/** By the name of the dtype: PyTorch has no storages for them. */
const untypedDtypes: Readonly<Record<string, NumberType>> = { uint16: 'uint16', uint32: 'uint32', uint64: 'uint64' };

const mostDims = 8;

/**
 * As many numbers as all tensors of a file may have when they are read; one small file could name one tensor a million
 * times.
 */
const mostNumbers = 2 ** 27;

/**
 * What `torch.save` wrote: dicts are `Map`s, lists and tuples are arrays, tensors and parameters are `NumberTensor`s,
 * which throw `InputError` if what was read of the file's tensors so far has more numbers than a real file can. The
 * pickle in it may ask for nothing but tensors, their storages and Python's own dicts. Throws `InputError` for anything
 * else, as `readStoredZip` and `readPickle`.
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
  const { globals, types, untyped } = listGlobals(spend, refuse);
  const resolvePersistent = (id: unknown): Storage => {
    const [kind, type, key, , numbers] = Array.isArray(id) ? (id as unknown[]) : [];
    const named = typeof type === 'function' ? (type as PickleGlobal) : undefined;
    const known = named === untyped ? 'uint8' : named && types.get(named);
    if (kind !== 'storage' || known === undefined || typeof key !== 'string' || !isSize(numbers))
      return refuse('it refers to something that is no storage');
    const data = entries.get(`${folder}data/${key}`);
    if (data === undefined) return refuse(`it has no storage ${JSON.stringify(key.slice(0, 20))}`);
    const width = bytesOfNumber(known);
    if (numbers * width > data.length)
      return refuse(`storage ${key} has ${data.length} bytes, not ${numbers} x ${width}`);
    return { type: known, bytes: data, numbers };
  };
  return readPickle(entries.get(pickleName[0]!)!, where, { globals, resolvePersistent });
}

interface TorchGlobals {
  readonly globals: ReadonlyMap<string, PickleGlobal>;
  /** The types of numbers by what stands for the storages, and for the dtypes of untyped ones. */
  readonly types: ReadonlyMap<PickleGlobal, NumberType>;
  /** What stands for a storage of bytes. */
  readonly untyped: PickleGlobal;
}

function listGlobals(spend: StorageView['spend'], refuse: Refuse): TorchGlobals {
  const types = new Map<PickleGlobal, NumberType>();
  const untyped = (): never => refuse('it calls torch.storage.UntypedStorage');
  const rebuild = (...parts: readonly unknown[]) => makeTensor(checkView(parts, spend, refuse));
  const rebuildUntyped = (...[storage, offset, shape, stride, , , dtype]: readonly unknown[]) => {
    const type = typeof dtype === 'function' ? types.get(dtype as PickleGlobal) : undefined;
    if (type === undefined || !isStorage(storage)) return refuse('a tensor has no storage, or no dtype that is known');
    const numbers = Math.floor(storage.numbers / bytesOfNumber(type));
    return makeTensor(checkView([{ ...storage, type, numbers }, offset, shape, stride], spend, refuse));
  };
  const globals = new Map<string, PickleGlobal>([
    ...collectionGlobals(refuse),
    ['torch._utils._rebuild_tensor_v2', rebuild],
    ['torch._utils._rebuild_tensor_v3', rebuildUntyped],
    ['torch._utils._rebuild_parameter', (tensor) => tensor],
    ['torch.storage.UntypedStorage', untyped],
  ]);
  for (const [name, type] of [...Object.entries(storageTypes), ...Object.entries(untypedDtypes)]) {
    const global = (): never => refuse(`it calls torch.${name}`);
    types.set(global, type);
    globals.set(`torch.${name}`, global);
  }
  return { globals, types, untyped };
}

function isText(bytes: Uint8Array, text: string): boolean {
  return bytes.length === text.length && bytes.every((byte, index) => byte === text.charCodeAt(index));
}

function makeTensor(view: StorageView): NumberTensor {
  return { shape: view.shape, read: () => readView(view) };
}

type Refuse = (what: string) => never;

function makeRefuse(where: string): Refuse {
  return (what) => {
    throw new InputError({ what: `bad .pt file: ${what}`, where, mend: 'the file is damaged; save it again' });
  };
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
  const width = bytesOfNumber(type);
  if (isContiguous(shape, stride)) {
    spend(elements);
    return decodeNumbers(bytes.subarray(offset * width, (offset + elements) * width), type);
  }
  const last = shape.reduce((position, size, dim) => position + (size - 1) * stride[dim]!, offset);
  spend(last - offset + 1);
  const all = decodeNumbers(bytes.subarray(offset * width, (last + 1) * width), type);
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
