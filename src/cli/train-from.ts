import { join } from 'node:path';
import type { FlagValue } from '../config/index.js';
import { findCheckpoint, openFolderTokenizer, readModelConfig } from '../train/index.js';
import { writeNotes } from './output.js';

/**
 * What `train --from DIR` sets, as `--set` would: the model, the weights and the tokenizer of a checkpoint's folder, or
 * of a run's last checkpoint. Throws `InputError` for a folder that is no checkpoint, or whose tokenizer is not read.
 */
export function checkpointOverrides(path: string): FlagValue[] {
  const { folder, notes } = findCheckpoint(path);
  writeNotes(notes);
  const { name: tokenizer } = openFolderTokenizer(folder, readModelConfig(folder));
  const values = {
    'model.path': join(folder, 'config.json'),
    'train.initial_checkpoint': folder,
    'data.tokenizer': tokenizer,
  };
  return Object.entries(values).map(([key, value]) => ({
    text: `${key}=${JSON.stringify(value)}`,
    where: `--from ${path}`,
  }));
}
