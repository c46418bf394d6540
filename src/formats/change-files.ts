import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { errorCode } from '../base/index.js';
import { fileError } from './read-file.js';

/** Makes a folder in one that is there, unless it is there itself. Throws as `fileError`. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw fileError(error, path, 'write');
  }
}

/** Removes a file, or a folder with all that is in it, if it is there. Throws as `fileError`. */
export function removePath(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    throw fileError(error, path, 'write');
  }
}

/** Gives a file or folder another name on the same disk. Throws as `fileError`. */
export function renamePath(path: string, target: string): void {
  try {
    renameSync(path, target);
  } catch (error) {
    throw fileError(error, path, 'write');
  }
}
