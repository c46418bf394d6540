import { closeSync, constants, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { Readable } from 'node:stream';
import { DoubletrackError, InputError, WorkError } from '../base/index.js';
import { fileNotFolder, folderNotFile, nothingThere, tooLong } from './file-tree.js';

/**
 * The bytes of a file or pipe. Throws `InputError` if it is missing, a folder or a device, not readable, or longer than `maxBytes`; no more than that
 * is ever held.
 */
export function readFileBytes(path: string, { maxBytes }: { readonly maxBytes: number }): Uint8Array {
  return withOpenFile(path, (file) => {
    const { size } = fstatSync(file);
    if (size > maxBytes) throw tooLong(path, maxBytes);
    // A pipe says that its size is 0; one byte more than the size shows that the end is reached.
    let bytes = new Uint8Array(Math.min(size, maxBytes) + 1);
    let length = 0;
    for (;;) {
      const read = readSync(file, bytes, length, bytes.length - length, null);
      if (read === 0) return bytes.subarray(0, length);
      length += read;
      if (length > maxBytes) throw tooLong(path, maxBytes);
      if (length === bytes.length) {
        const longer = new Uint8Array(Math.min(2 * length, maxBytes + 1));
        longer.set(bytes);
        bytes = longer;
      }
    }
  });
}

/** A part of a file, and what tells the file from another in its place. */
export interface FilePart {
  readonly bytes: Uint8Array;
  /** Of the whole file. */
  readonly fileBytes: number;
  readonly identity: string;
}

/** At most `maxBytes` of a file that may be growing, beginning at byte `from`. Throws as `readFileBytes`, and for a pipe, which might never give anything. */
export function readFilePart(
  path: string,
  { from, maxBytes }: { readonly from: number; readonly maxBytes: number },
): FilePart {
  const file = openStored(path);
  try {
    const { size, ino, birthtimeMs } = fstatSync(file);
    const bytes = new Uint8Array(Math.max(0, Math.min(size - from, maxBytes)));
    let length = 0;
    while (length < bytes.length) {
      const read = readSync(file, bytes, length, bytes.length - length, from + length);
      if (read === 0) break;
      length += read;
    }
    return { bytes: bytes.subarray(0, length), fileBytes: size, identity: `${ino}-${birthtimeMs}` };
  } catch (error) {
    throw fileError(error, path, 'read');
  } finally {
    closeSync(file);
  }
}

/** A file that is read piece by piece, as fast as somebody takes the pieces. It is open until all were taken or the stream is cancelled. */
export interface FileStream {
  readonly bytes: number;
  readonly stream: ReadableStream<Uint8Array>;
}

/** Opens a file to be read piece by piece, as it is now: another in its place is not seen. Throws as `readFilePart`, and if it is longer than `maxBytes`. */
export function streamFile(path: string, { maxBytes }: { readonly maxBytes: number }): FileStream {
  const file = openStored(path);
  const { size } = fstatSync(file);
  if (size > maxBytes || size === 0) closeSync(file);
  if (size > maxBytes) throw tooLong(path, maxBytes);
  const source = size === 0 ? Readable.from([]) : createReadStream(path, { fd: file, end: size - 1 });
  return { bytes: size, stream: Readable.toWeb(source) as ReadableStream<Uint8Array> };
}

/** Opens a file that lies on a disk: opening a pipe would wait for who writes into it, and all else with it. */
function openStored(path: string): number {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw fileError(error, path, 'read');
  }
  const stat = fstatSync(file);
  if (stat.isFile()) return file;
  closeSync(file);
  throw new InputError(
    stat.isDirectory()
      ? { ...folderNotFile, where: path }
      : { what: 'it is a pipe or a device', where: path, mend: 'name a file' },
  );
}

/** Throws `InputError` unless `path` is a file that lies on a disk, as `readFilePart` does. */
export function requireStored(path: string): void {
  closeSync(openStored(path));
}

/** Opens a file or pipe for reading, and closes it after `use`. */
export function withOpenFile<T>(path: string, use: (file: number) => T): T {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw fileError(error, path, 'read');
  }
  try {
    const stat = fstatSync(file);
    if (stat.isDirectory()) throw new InputError({ ...folderNotFile, where: path });
    if (!stat.isFile() && !stat.isFIFO())
      throw new InputError({ what: 'it is a device', where: path, mend: 'name a file' });
    return use(file);
  } catch (error) {
    throw fileError(error, path, 'read');
  } finally {
    closeSync(file);
  }
}

const badPaths: Readonly<Record<string, { readonly what: string; readonly mend: string }>> = {
  ENOENT: nothingThere,
  ENOTDIR: fileNotFolder,
  EISDIR: folderNotFile,
  EACCES: { what: 'permission denied', mend: 'change its permissions or choose another' },
  EPERM: { what: 'operation not permitted', mend: 'change its permissions or choose another' },
  EROFS: { what: 'it is on a read-only file system', mend: 'choose another place' },
  ELOOP: { what: 'its links lead in a circle', mend: 'check the path' },
  ENAMETOOLONG: { what: 'the name is too long', mend: 'choose a shorter one' },
};

/** An error of the file system as the error that the user sees: a bad path is bad input, a full or broken disk is not. */
export function fileError(error: unknown, path: string, doing: 'read' | 'write'): unknown {
  if (error instanceof DoubletrackError || !(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_INVALID_ARG_VALUE')
    return new InputError({ what: 'the path is not valid', where: path, mend: 'check it' }, { cause: error });
  if (code === undefined || (error as NodeJS.ErrnoException).syscall === undefined) return error;
  const known = badPaths[code];
  if (known !== undefined) return new InputError({ ...known, where: path }, { cause: error });
  const mend = code === 'ENOSPC' || code === 'EDQUOT' ? 'make room on the disk' : 'check the disk';
  return new WorkError({ what: `cannot ${doing}: ${error.message}`, where: path, mend }, { cause: error });
}
