import { dirname, resolve } from 'node:path';
import { formatTrainingConfig, parseTrainingConfig, type TrainingConfig } from '../config/index.js';
import { readJson, readToml } from './read-text.js';
import { writeFileWhole } from './write-whole.js';

/**
 * Reads a training config (`undefined`: the defaults) and applies overrides. Paths in the file are relative to it, paths in overrides to the working directory;
 * those in the config are absolute. Throws `InputError`.
 */
export function readTrainingConfig(path: string | undefined, overrides: readonly string[] = []): TrainingConfig {
  const folders = { file: path === undefined ? '.' : dirname(path), override: '.' };
  return parseTrainingConfig({
    tables: path === undefined ? {} : readToml(path),
    where: path ?? 'the defaults',
    overrides,
    resolvePath: (name, writtenIn) => resolve(folders[writtenIn], name),
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
