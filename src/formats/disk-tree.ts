import { existsSync, fstatSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { errorCode } from '../base/index.js';
import { endsBefore, type FileTree, type GunzipOptions, type GunzipProblem } from './file-tree.js';
import { gunzip } from './gunzip.js';
import { fileError, readFileBytes, withOpenFile } from './read-file.js';

/** The disk, from the working directory. */
export const diskTree: FileTree = {
  has: existsSync,
  isFolder: (path) => {
    try {
      return statSync(path).isDirectory();
    } catch {
      return false;
    }
  },
  list: (folder) => ofDisk(folder, () => readdirSync(folder)),
  join,
  split: (path) => ({ folder: dirname(path), name: basename(path) }),
  sizeOf: (path) => ofDisk(path, () => statSync(path).size),
  read: readFileBytes,
  open: (path, use) =>
    withOpenFile(path, (file) =>
      use({ size: fstatSync(file).size, read: (start, length) => readRange(file, start, length, path) }),
    ),
  gunzip: unpack,
};

function ofDisk<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw fileError(error, path, 'read');
  }
}

/** Throws `InputError` if the file ends before: it changed since its size was asked. */
function readRange(file: number, start: number, length: number, path: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const read = readSync(file, bytes, done, Math.min(length - done, 2 ** 30), start + done);
    if (read === 0) throw endsBefore(path, start + done);
    done += read;
  }
  return bytes;
}

function unpack(bytes: Uint8Array, { maxBytes, isCut }: GunzipOptions): Uint8Array | GunzipProblem {
  // As in memory, so that the same comes of a gzip that was cut.
  if (isCut === true) return gunzip(bytes, maxBytes, true);
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ERR_BUFFER_TOO_LARGE') return 'too long';
    return code === 'Z_BUF_ERROR' ? 'cut' : 'damaged';
  }
}
