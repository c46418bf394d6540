import { randomBytes } from 'node:crypto';
import { existsSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode, InputError } from '../base/index.js';
import { fileError } from './read-file.js';
import { withTemporary } from './temporary.js';

type Chunk = Uint8Array | string;

/**
 * Writes a file whole or not at all: beside it under another name, on the disk, then renamed. Whoever opens `path` sees the old content or all of the new.
 * Throws `InputError` if the place cannot be written, `WorkError` if the disk fails; nothing is left behind then.
 */
export async function writeFileWhole(
  path: string,
  content: string | Iterable<Chunk> | AsyncIterable<Chunk>,
): Promise<void> {
  try {
    const target = await findTarget(path, 'file');
    const temporary = nameBeside(target);
    await withTemporary(temporary, async () => {
      const file = await open(temporary, 'wx');
      try {
        for await (const chunk of typeof content === 'string' ? [content] : content) await writeAll(file, chunk);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, target);
    });
    await syncFolder(dirname(target));
  } catch (error) {
    throw fileError(error, path, 'write');
  }
}

/**
 * As `writeFileWhole` for a short text, at once and without a wait for the disk: for what is soon written anew. Whoever opens `path` sees the old content or all of the new; only if the machine
 * itself crashes may what was written last be damaged.
 */
export function replaceFile(path: string, text: string): void {
  try {
    const target = existsSync(path) ? realpathSync(path) : path;
    const temporary = nameBeside(target);
    try {
      writeFileSync(temporary, text, { flag: 'wx' });
      renameSync(temporary, target);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  } catch (error) {
    throw fileError(error, path, 'write');
  }
}

/**
 * Writes a folder whole or not at all: `fill` writes into an empty folder beside it, which then takes the place of `path` and of everything in it.
 * Throws what `fill` throws, and as `writeFileWhole`; `path` is then as it was.
 */
export async function writeFolderWhole(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  try {
    const target = await findTarget(path, 'folder');
    const temporary = nameBeside(target);
    await withTemporary(temporary, async () => {
      await mkdir(temporary);
      await fill(temporary);
      await syncTree(temporary);
      await replaceFolder(target, temporary);
    });
    await syncFolder(dirname(target));
  } catch (error) {
    throw fileError(error, path, 'write');
  }
}

/** A folder cannot be renamed over one that is not empty: the old one steps aside, and comes back if the new one does not get its place. */
async function replaceFolder(target: string, temporary: string): Promise<void> {
  if (!(await exists(target))) {
    await rename(temporary, target);
    return;
  }
  const aside = nameBeside(target);
  await rename(target, aside);
  try {
    await rename(temporary, target);
  } catch (error) {
    await rename(aside, target);
    throw error;
  }
  await rm(aside, { recursive: true, force: true });
}

/** What a link leads to is written, not the link; what is there already must be of the same kind. */
async function findTarget(path: string, kind: 'file' | 'folder'): Promise<string> {
  if (!(await exists(path))) return path;
  const target = await realpath(path);
  const found = await stat(target);
  const fits = kind === 'file' ? found.isFile() : found.isDirectory();
  if (!fits) throw new InputError({ what: `it is there and no ${kind}`, where: path, mend: 'choose another name' });
  return target;
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** A name in the same folder, so that renaming does not copy; `isLeftover` knows it. */
export function nameBeside(path: string): string {
  return join(dirname(path), `.${basename(path).slice(0, 100)}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`);
}

/**
 * Whether a name is one under which something was being written whole; what has it after its writer has ended is left
 * over of one that was killed.
 */
export function isLeftover(name: string): boolean {
  return /^\..+\.\d+-[0-9a-f]{12}\.tmp$/s.test(name);
}

async function writeAll(file: FileHandle, chunk: Chunk): Promise<void> {
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  let written = 0;
  while (written < bytes.length) {
    // Node writes at most 2 GiB at once.
    const length = Math.min(bytes.length - written, 2 ** 30);
    written += (await file.write(bytes, written, length)).bytesWritten;
  }
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) await syncPath(path);
  }
  await syncFolder(folder);
}

/** So that the names in the folder survive a crash; Windows cannot open folders. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform !== 'win32') await syncPath(folder);
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
