import { diskTree } from '../disk-tree.js';
import { readPlacementFrom } from './read-from.js';
import type { RecordedPlacement } from './types.js';

/** As `readPlacementFrom`, on the disk. */
export function readPlacement(path: string, { experts }: { readonly experts: number }): RecordedPlacement {
  return readPlacementFrom(diskTree, path, { experts });
}
