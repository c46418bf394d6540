import { type FileStream, streamFile } from '../../formats/index.js';
import { pathOf, type RunFileName } from '../view/index.js';
import { type RunFolder, resolveInside } from './run-folders.js';

/** A larger file is not shown. */
const mostBytes = 2 ** 26;

/** A file of a run; undefined if the run has none, or a link leads out of its folder. Throws as `streamFile`. */
export function openRunFile(run: RunFolder, file: RunFileName): FileStream | undefined {
  const path = resolveInside(run.path, pathOf(file));
  return path === undefined ? undefined : streamFile(path, { maxBytes: mostBytes });
}
