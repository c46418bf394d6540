import { diskTree } from '../disk-tree.js';
import { type LoadsOptions, readExpertLoadsFrom } from './read-from.js';
import type { RecordedLoads } from './recorded-loads.js';

/** As `readExpertLoadsFrom`, on the disk. */
export async function readExpertLoads(
  paths: string | readonly string[],
  options: LoadsOptions = {},
): Promise<RecordedLoads> {
  return await Promise.resolve(readExpertLoadsFrom(diskTree, paths, options));
}
