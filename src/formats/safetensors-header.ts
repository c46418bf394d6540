import { InputError } from '../base/index.js';
import { parseJson } from './json.js';

/** Bytes of one number of each type that a file may hold. */
export const bytesOf = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  F8_E8M0: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

export type Dtype = keyof typeof bytesOf;

/** Where a tensor lies; offsets count from the beginning of the data. */
interface HeaderEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  /** In the order of the data. */
  readonly entries: readonly HeaderEntry[];
  readonly metadata: ReadonlyMap<string, string>;
}

type Refuse = (what: string) => never;

/**
 * Reads the JSON header of a safetensors file whose data has `dataBytes` bytes, and checks that the tensors fill the data without gap or overlap, as the
 * format demands (https://huggingface.co/docs/safetensors). Throws `InputError`.
 */
export function parseHeader(text: string, dataBytes: number, where: string): Header {
  const refuse: Refuse = (what) => {
    throw new InputError({
      what: `bad safetensors header: ${what}`,
      where,
      mend: 'the file is damaged or of another format; get it again',
    });
  };
  // {"name": {"shape": [
  const table = parseJson(text, where, 3);
  if (!isTable(table)) return refuse('it is no table of tensors');
  const { __metadata__: metadata, ...tensors } = table;
  const entries = Object.entries(tensors).map(([name, entry]) => parseEntry(name, entry, refuse));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  for (const entry of entries) {
    if (entry.begin !== end) refuse(`tensor '${entry.name}' begins at ${entry.begin} where ${end} is expected`);
    end = entry.end;
  }
  if (end !== dataBytes) refuse(`the tensors end at ${end}, the data at ${dataBytes}`);
  return { entries, metadata: parseMetadata(metadata, refuse) };
}

/** The header's JSON, padded with spaces to a multiple of 8 bytes. Written by hand, as an object would move names like `0` to the front. */
export function formatHeader({ entries, metadata }: Header): Uint8Array {
  const parts = entries.map(({ name, dtype, shape, begin, end }) => {
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`;
  });
  if (metadata.size > 0) {
    const pairs = [...metadata].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    parts.unshift(`"__metadata__":{${pairs.join(',')}}`);
  }
  const bytes = new TextEncoder().encode(`{${parts.join(',')}}`);
  const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8).fill(0x20);
  padded.set(bytes);
  return padded;
}

/** The product of the dims, or NaN where it is no exact integer. */
export function elementsOf(shape: readonly number[]): number {
  const product = shape.reduce((elements, dim) => elements * dim, 1);
  return Number.isSafeInteger(product) ? product : Number.NaN;
}

function parseEntry(name: string, entry: unknown, refuse: Refuse): HeaderEntry {
  const shown = `tensor '${name.slice(0, 80)}'`;
  if (!isTable(entry)) return refuse(`${shown} is no table`);
  const { dtype, shape, data_offsets: offsets, ...rest } = entry;
  if (Object.keys(rest).length > 0) return refuse(`${shown} has keys that the format does not know`);
  if (typeof dtype !== 'string' || !Object.hasOwn(bytesOf, dtype))
    return refuse(`${shown} has a dtype that is not known`);
  if (!isSizes(shape)) return refuse(`${shown} has no shape of whole numbers`);
  if (!isSizes(offsets) || offsets.length !== 2) return refuse(`${shown} has no two data_offsets`);
  const [begin, end] = offsets as [number, number];
  const bytes = elementsOf(shape) * bytesOf[dtype as Dtype];
  if (end - begin !== bytes)
    return refuse(`${shown} of ${dtype} [${shape.slice(0, 8)}] does not fill its ${end - begin} bytes`);
  return { name, dtype: dtype as Dtype, shape, begin, end };
}

function parseMetadata(value: unknown, refuse: Refuse): ReadonlyMap<string, string> {
  if (value === undefined) return new Map();
  if (!isTable(value)) return refuse('__metadata__ is no table');
  return new Map(
    Object.entries(value).map(([key, text]) => [
      key,
      typeof text === 'string' ? text : refuse('__metadata__ holds more than text'),
    ]),
  );
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= 64 && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
