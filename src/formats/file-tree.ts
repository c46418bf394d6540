import { formatBytes, InputError } from '../base/index.js';

/** Where readers get bytes from: the disk, or files in memory. All methods throw `InputError` that names the path where they cannot do what is asked. */
export interface FileTree {
  /** Whether there is a file or folder of this name. */
  readonly has: (path: string) => boolean;
  /** False also for what cannot be looked at. */
  readonly isFolder: (path: string) => boolean;
  /** The names in a folder, in any order. */
  readonly list: (folder: string) => readonly string[];
  /** The path of what has this name in a folder. */
  readonly join: (folder: string, name: string) => string;
  /** The folder of a path, and the name in it. */
  readonly split: (path: string) => { readonly folder: string; readonly name: string };
  /** Bytes of a file. */
  readonly sizeOf: (path: string) => number;
  /** The bytes of a file, of which no more than `maxBytes` are ever held. */
  readonly read: (path: string, options: { readonly maxBytes: number }) => Uint8Array;
  /** What `use` gives, which may read parts of the file until it returns. */
  readonly open: <T>(path: string, use: (file: OpenFile) => T) => T;
  /** The content of a gzip of one or several members, or why there is none; little more than `maxBytes` are ever held of it. */
  readonly gunzip: (bytes: Uint8Array, options: GunzipOptions) => Uint8Array | GunzipProblem;
}

/** A file that is open for reading. */
interface OpenFile {
  readonly size: number;
  /** So many bytes from `start` on, in a buffer of their own. Throws `InputError` where the file ends before. */
  readonly read: (start: number, length: number) => Uint8Array<ArrayBuffer>;
}

/** How much of a gzip is unpacked. */
export interface GunzipOptions {
  readonly maxBytes: number;
  /** Give what comes before the end of a gzip that was cut; nothing says whether it is whole. */
  readonly isCut?: boolean;
}

/** What may be wrong with a gzip. */
export type GunzipProblem = 'too long' | 'cut' | 'damaged';

/** Whether bytes begin as a gzip. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** A problem with a gzip of which `maxBytes` may be read, for a person. */
export function describeGunzip(problem: GunzipProblem, maxBytes: number): string {
  return problem === 'too long' ? `the gzip holds more than ${formatBytes(maxBytes)}` : gunzipWords[problem];
}

const gunzipWords = { cut: 'the gzip was cut', damaged: 'the gzip is damaged' } as const;

/** The problem of a path at which there is nothing. */
export const nothingThere = { what: 'no such file or folder', mend: 'check the path' } as const;

/** The problem of a folder that is read as a file. */
export const folderNotFile = { what: 'it is a folder', mend: 'name a file' } as const;

/** The problem of a file that is looked into as a folder. */
export const fileNotFolder = { what: 'a part of the path is no folder', mend: 'check the path' } as const;

/** The error of a file that is longer than its reader takes. */
export function tooLong(path: string, maxBytes: number): InputError {
  return new InputError({
    what: `it is longer than ${formatBytes(maxBytes)}`,
    where: path,
    mend: 'use a smaller file',
  });
}

/** The error of a file that ends before what is to be read of it. */
export function endsBefore(path: string, end: number): InputError {
  return new InputError({ what: `it ends at byte ${end}`, where: path, mend: 'do not change it while it is read' });
}
