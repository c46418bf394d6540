import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../base/index.js';
import { readJson } from './read-text.js';
import { readSafetensors } from './safetensors.js';
import type { TensorEntry, TensorIndex } from './safetensors-read.js';

const single = 'model.safetensors';
const shardList = 'model.safetensors.index.json';

/**
 * The tensors of a Hugging Face checkpoint folder: `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
 * Throws `InputError` if there is neither, if the list names a file outside of the folder, or if a shard lacks a tensor that it should have.
 */
export function openCheckpoint(folder: string): TensorIndex {
  const path = join(folder, single);
  if (existsSync(path)) return readSafetensors(path);
  const list = join(folder, shardList);
  if (!existsSync(list)) {
    throw new InputError({
      what: `there is no ${single} and no ${shardList}`,
      where: folder,
      mend: 'name the folder of a checkpoint',
    });
  }
  return openShards(folder, list);
}

function openShards(folder: string, list: string): TensorIndex {
  const shards = new Map<string, TensorIndex>();
  const tensors = new Map<string, TensorEntry>();
  for (const [name, file] of readWeightMap(list)) {
    const shard = shards.get(file) ?? readSafetensors(join(folder, file));
    shards.set(file, shard);
    const entry = shard.tensors.get(name);
    if (entry === undefined) {
      throw new InputError({
        what: `${file} has no tensor '${name}'`,
        where: list,
        mend: 'get all files of the checkpoint again',
      });
    }
    tensors.set(name, entry);
  }
  return { where: folder, tensors, metadata: new Map([...shards.values()].flatMap(({ metadata }) => [...metadata])) };
}

/** Tensor name -> name of a file in the same folder. */
function readWeightMap(list: string): [string, string][] {
  const index = readJson(list, { maxBytes: 100_000_000 });
  const map = typeof index === 'object' && index !== null && 'weight_map' in index ? index.weight_map : undefined;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new InputError({ what: 'it has no weight_map', where: list, mend: 'get the file again' });
  }
  return Object.entries(map).map(([name, file]) => {
    if (typeof file !== 'string' || !/^[\w-][\w.-]*\.safetensors$/.test(file)) {
      const what = `weight_map puts '${name.slice(0, 80)}' into ${JSON.stringify(file).slice(0, 80)}`;
      throw new InputError({ what, where: list, mend: 'use names of .safetensors files in the same folder' });
    }
    return [name, file];
  });
}
