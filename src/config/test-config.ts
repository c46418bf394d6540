import { parse } from 'smol-toml';
import { InputError } from '../base/index.js';
import { parseTrainingConfig, type TrainingConfigSource } from './training-config.js';
import type { TrainingConfig } from './training-fields.js';

/** The config of a TOML text, with overrides. */
export function readToml(
  toml: string,
  overrides: readonly string[] = [],
  rest: Partial<TrainingConfigSource> = {},
): TrainingConfig {
  return parseTrainingConfig({ tables: parse(toml), where: 'config.toml', overrides, ...rest });
}

/** The message of the `InputError` that `work` must throw. */
export function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
}
