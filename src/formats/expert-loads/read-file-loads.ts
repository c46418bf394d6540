import { describeBytes, describeText, isPickle, isPrinted } from '../file-kind.js';
import { describeGunzip, type FileTree, isGzip } from '../file-tree.js';
import { isNpy, readNpy, readNpz } from '../npy.js';
import { readPickle } from '../pickle.js';
import { collectionGlobals } from '../pickle-collections.js';
import { asNumberTensor, readSafetensorsFrom } from '../safetensors-read.js';
import { readTorchFile } from '../torch-file.js';
import { isZip, listZip } from '../zip.js';
import { readCsv } from './csv-loads.js';
import { readJsonText } from './json-loads.js';
import { selectPart } from './json-text.js';
import { type ReadLoads, type ReadOptions, refuseLoads } from './recorded-loads.js';
import { findLogicalCount, readSglangTensor } from './sglang.js';
import { hasRecords } from './sglang-recorder.js';
import { readShaped, refuseKind } from './shaped-loads.js';

/** Of a file. */
export const mostBytes = 300 * 2 ** 20;

/** A file, or with `part` what its keys lead to in it. */
export interface FileSource {
  readonly path: string;
  readonly part: readonly string[];
}

/** What reading takes from, and how. */
export interface Reading {
  readonly files: FileTree;
  readonly options: ReadOptions;
}

/** What a file is: loads, or a rank's part of a recording of SGLang. */
export type FileLoads = { readonly read: ReadLoads } | { readonly isRecording: true };

/** The loads of a file, whatever its format, told by its content. Throws `InputError`. */
export function readFileLoads({ files, options }: Reading, { path, part }: FileSource): FileLoads {
  // A checkpoint may be of any size.
  if (path.endsWith('.safetensors')) return { read: readSafetensors(files, { path, part }, options) };
  const { bytes, isCut } = unpack(files, files.read(path, { maxBytes: mostBytes }), path);
  const where = part.length === 0 ? path : `${path}#${part.join('/')}`;
  const readAny = (value: unknown): ReadLoads =>
    readShaped(selectPart(value, part, path), { where, options, isAnyName: true });
  if (isNpy(bytes)) return { read: readAny(readNpy(bytes, path)) };
  if (isZip(bytes)) return readZipped(bytes, { path, part }, options, readAny);
  if (isPickle(bytes)) return { read: readAny(readPlainPickle(bytes, path)) };
  const { text, notes } = decodeText(bytes, path);
  const read = readText(text, { path, part }, options);
  const cut = isCut ? ['the gzip was cut: what is missing at its end is not read'] : [];
  return { read: { ...read, notes: [...cut, ...notes, ...read.notes] } };
}

function readZipped(
  bytes: Uint8Array,
  { path, part }: FileSource,
  options: ReadOptions,
  readAny: (value: unknown) => ReadLoads,
): FileLoads {
  const names = listZip(bytes);
  if (names?.some((name) => name.endsWith('.npy')))
    return { read: readAny(readNpz(bytes, path, { maxBytes: mostBytes })) };
  if (names !== undefined && !names.some((name) => name.endsWith('/data.pkl')))
    return refuseKind(describeBytes(bytes), path);
  const value = readTorchFile(bytes, path);
  const counts = part.length === 0 ? findLogicalCount(value) : undefined;
  if (counts !== undefined) return { read: readSglangTensor(counts.tensor, counts.layout, path, options) };
  return part.length === 0 && hasRecords(value) ? { isRecording: true } : { read: readAny(value) };
}

function readSafetensors(files: FileTree, { path, part }: FileSource, options: ReadOptions): ReadLoads {
  const { tensors } = readSafetensorsFrom(files, path);
  const names = [...tensors.keys()];
  if (names.length > 0 && names.every((name) => /^\d+_\d+$/.test(name))) {
    const mend = `give the folder that it lies in: ${files.split(path).folder}`;
    return refuseKind({ what: "one rank's file of TensorRT-LLM's statistics", mend }, path);
  }
  const values = new Map([...tensors].map(([name, entry]) => [name, asNumberTensor(entry)]));
  const where = part.length === 0 ? path : `${path}#${part.join('/')}`;
  return readShaped(selectPart(values, part, path), { where, options, isAnyName: true });
}

/** What torch.save wrote before 1.6 is a pickle of this number. */
const oldTorch = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20];

function readPlainPickle(bytes: Uint8Array, where: string): unknown {
  if (oldTorch.every((byte, place) => bytes[2 + place] === byte)) {
    const mend = 'load it and save it with torch.save of torch 1.6 or newer';
    return refuseKind({ what: 'an old .pt, from before torch 1.6', mend }, where);
  }
  const refuse = (what: string): never => refuseLoads(`bad pickle: ${what}`, where, 'get the file again');
  const resolvePersistent = (): never => refuse('it refers to what is not in it');
  return readPickle(bytes, where, { globals: new Map(collectionGlobals(refuse)), resolvePersistent });
}

/** The content of a gzip; other bytes as they are. Of one that was cut, lines before the cut are still whole. */
function unpack(
  files: FileTree,
  bytes: Uint8Array,
  where: string,
): { readonly bytes: Uint8Array; readonly isCut: boolean } {
  if (!isGzip(bytes)) return { bytes, isCut: false };
  const whole = files.gunzip(bytes, { maxBytes: mostBytes });
  if (typeof whole !== 'string') return { bytes: whole, isCut: false };
  const start = whole === 'cut' ? files.gunzip(bytes, { maxBytes: mostBytes, isCut: true }) : whole;
  if (typeof start !== 'string' && hasLines(start)) return { bytes: start, isCut: true };
  return refuseLoads(describeGunzip(whole, mostBytes), where, 'get the file again, or record less');
}

/** Whether bytes begin as lines of JSON: an object in one line, and another line. */
function hasLines(bytes: Uint8Array): boolean {
  const newline = bytes.indexOf(0x0a);
  return bytes[0] === 0x7b && newline > 0 && bytes[newline - 1] === 0x7d;
}

/**
 * UTF-8, UTF-16 with a byte order mark, or what spreadsheets write in the West: of that, only letters of names differ
 * in other places.
 */
function decodeText(bytes: Uint8Array, where: string): { readonly text: string; readonly notes: readonly string[] } {
  const [first, second] = bytes;
  const isWide = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (!isWide && withoutZeros(bytes).subarray(0, 512).includes(0)) return refuseKind(describeBytes(bytes), where);
  const decode = (encoding: string) => new TextDecoder(encoding, { fatal: true }).decode(bytes);
  try {
    return { text: decode(isWide ? (first === 0xff ? 'utf-16le' : 'utf-16be') : 'utf-8'), notes: [] };
  } catch {
    if (isWide || !isPlainText(bytes)) return refuseKind(describeBytes(bytes), where);
    return { text: decode('windows-1252'), notes: ['it is not UTF-8: taken as Windows-1252'] };
  }
}

/** Without the zeros at the end of a log that a file system had not yet written when the power went. */
function withoutZeros(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return bytes.subarray(0, end);
}

/** Whether bytes have no control characters but those between lines and cells, and few that are no ASCII. */
function isPlainText(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, 2 ** 16);
  let others = 0;
  for (const byte of head) {
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return false;
    if (byte >= 0x7f) others += 1;
  }
  return 4 * others < head.length;
}

function readText(text: string, { path, part }: FileSource, options: ReadOptions): ReadLoads {
  if (isPrinted(text)) return refuseKind(describeText(text), path);
  if (/^\s*[{[]/.test(text) && !isPythonText(text)) return readJsonText(text, { where: path, part, options });
  const column = part.length === 0 ? undefined : part.join('/');
  if (/^\s*[-\d]+(?:\.\d+)?\s*$/.test(text)) return refuseKind({ what: 'a single number' }, path);
  return readCsv(text, { where: path, column }, options) ?? refuseKind(describeText(text), path);
}

/** Whether a text is a dict or list as Python prints it, which JSON has other quotes for. */
function isPythonText(text: string): boolean {
  return /^\s*[{[]+\s*(?:'|\d+\s*:)/.test(text);
}
