import { readFileBytes } from '../../formats/index.js';
import { pathOf, type RunFileName } from '../view/index.js';
import { type RunFolder, resolveInside } from './run-folders.js';

/** A larger file is not shown. */
const mostBytes = 2 ** 28;

/** The bytes of a file of a run; undefined if the run has none, or a link leads out of its folder. Throws `InputError` for one that is too large. */
export function readRunFile(run: RunFolder, file: RunFileName): Uint8Array<ArrayBuffer> | undefined {
  const path = resolveInside(run.path, pathOf(file));
  return path === undefined ? undefined : new Uint8Array(readFileBytes(path, { maxBytes: mostBytes }));
}
