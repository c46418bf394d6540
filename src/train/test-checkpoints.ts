import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dtype, decodeByteFloats, openCheckpoint, readJson, readTensor } from '../formats/index.js';

/** A checkpoint of transformers' DeepseekV3ForCausalLM, of which tests make others. */
export const tinyCheckpoint = 'test/fixtures/deepseek-v3-tiny';

/** A tensor of any type as the bytes of its file. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export function storeFloats(name: string, shape: readonly number[], numbers: Float32Array): StoredTensor {
  return { name, dtype: 'F32', shape, bytes: new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength) };
}

/** As BF16, rounded to the nearest, of two to the even one. */
export function storeBfloat16(name: string, shape: readonly number[], numbers: Float32Array): StoredTensor {
  const bits = new Uint32Array(numbers.slice().buffer);
  const halves = Uint16Array.from(bits, (word) => (word + 0x7fff + ((word >>> 16) & 1)) >>> 16);
  return { name, dtype: 'BF16', shape, bytes: new Uint8Array(halves.buffer) };
}

/** As E4M3, with a scale of largest / 448 for every block of a matrix, rounded as above: the tensor and its scales. */
export function storeFp8(
  name: string,
  [rows, columns]: readonly number[],
  numbers: Float32Array,
  block = 128,
): StoredTensor[] {
  const grid = [Math.ceil(rows / block), Math.ceil(columns / block)];
  const blockOf = (index: number) =>
    Math.floor(Math.floor(index / columns) / block) * grid[1] + Math.floor((index % columns) / block);
  const scales = new Float32Array(grid[0] * grid[1]);
  for (const [index, number] of numbers.entries())
    scales[blockOf(index)] = Math.max(scales[blockOf(index)], Math.abs(number) / 448);
  const bytes = Uint8Array.from(numbers, (number, index) => nearestE4m3(Math.fround(number / scales[blockOf(index)])));
  return [{ name, dtype: 'F8_E4M3', shape: [rows, columns], bytes }, storeFloats(`${name}_scale_inv`, grid, scales)];
}

const positiveE4m3 = decodeByteFloats(
  Uint8Array.from({ length: 127 }, (_, byte) => byte),
  'F8_E4M3',
);

function nearestE4m3(number: number): number {
  const size = Math.abs(number);
  let best = 0;
  for (const [byte, value] of positiveE4m3.entries()) {
    const nearer = Math.abs(value - size) - Math.abs(positiveE4m3[best] - size);
    if (nearer < 0 || (nearer === 0 && byte % 2 === 0)) best = byte;
  }
  return number < 0 ? best + 128 : best;
}

/** Every tensor of the tiny checkpoint, as it is or as `change` stores it. */
export function tinyTensors(change: (tensor: TinyTensor) => readonly StoredTensor[] = asFloats): StoredTensor[] {
  const index = openCheckpoint(tinyCheckpoint);
  return [...index.tensors].flatMap(([name, { shape }]) => change({ name, shape, numbers: readTensor(index, name) }));
}

interface TinyTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly numbers: Float32Array;
}

export function asFloats({ name, shape, numbers }: TinyTensor): StoredTensor[] {
  return [storeFloats(name, shape, numbers)];
}

/** Writes a folder with `config.json` (the tiny one's, with `changes`) and tensors in so many files; gives its path. */
export function writeCheckpoint(
  folder: string,
  tensors: readonly StoredTensor[],
  changes: Readonly<Record<string, unknown>> = {},
  shards = 1,
): string {
  mkdirSync(folder, { recursive: true });
  const config = readJson(join(tinyCheckpoint, 'config.json'), { maxBytes: 2 ** 20 }) as object;
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, ...changes }));
  if (shards === 1) {
    writeTensors(join(folder, 'model.safetensors'), tensors);
    return folder;
  }
  const nameOf = (shard: number) => `model-0000${shard + 1}-of-0000${shards}.safetensors`;
  const weightMap = Object.fromEntries(tensors.map(({ name }, index) => [name, nameOf(index % shards)]));
  for (let shard = 0; shard < shards; shard++)
    writeTensors(
      join(folder, nameOf(shard)),
      tensors.filter((_, index) => index % shards === shard),
    );
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: weightMap }));
  return folder;
}

/** A copy of the tiny checkpoint, for what is put beside it. */
export function copyTiny(folder: string): string {
  cpSync(tinyCheckpoint, folder, { recursive: true });
  return folder;
}

function writeTensors(path: string, tensors: readonly StoredTensor[]): void {
  let end = 0;
  const entries = tensors.map(({ name, dtype, shape, bytes }) => {
    const begin = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [begin, end] }];
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(path, Buffer.concat([length, header, ...tensors.map(({ bytes }) => bytes)]));
}
