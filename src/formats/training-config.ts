import { dirname, resolve } from 'node:path';
import {
  type FlagValue,
  formatTrainingConfig,
  type TracedConfig,
  type TrainingConfig,
  traceTrainingConfig,
} from '../config/index.js';
import { findTextFiles } from './find-texts.js';
import { readJson, readToml } from './read-text.js';
import { writeFileWhole } from './write-whole.js';

/**
 * Reads a training config (`undefined`: the defaults) and applies overrides. Paths in the file are relative to it, paths in overrides to the working directory;
 * those in the config are absolute; folders and patterns of `text` are the files that they stand for now. Throws
 * `InputError`.
 */
export function readTrainingConfig(
  path: string | undefined,
  overrides: readonly (string | FlagValue)[] = [],
): TrainingConfig {
  return readTracedConfig(path, overrides).config;
}

/** As `readTrainingConfig`, and says where the values were written. */
export function readTracedConfig(
  path: string | undefined,
  overrides: readonly (string | FlagValue)[] = [],
): TracedConfig {
  const folders = { file: path === undefined ? '.' : dirname(path), override: '.' };
  return traceTrainingConfig({
    tables: path === undefined ? {} : readToml(path),
    where: path ?? 'the defaults',
    overrides,
    resolvePath: (name, writtenIn) => resolve(folders[writtenIn], name),
    findTexts: (entries, writtenIn) => findTextFiles(entries, folders[writtenIn]),
    readModelFile: (file) => readJson(file, { maxBytes: 2 ** 20 }),
  });
}

/** Writes a config with all its values, below lines of comment, whole or not at all. Throws as `writeFileWhole`. */
export async function writeTrainingConfig(
  path: string,
  config: TrainingConfig,
  comments: readonly string[] = [],
): Promise<void> {
  const heading = comments.map((line) => `# ${line}\n`).join('');
  await writeFileWhole(path, `${heading}${formatTrainingConfig(config)}`);
}
