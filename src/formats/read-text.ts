import { parseJson } from './json.js';
import { readFileBytes } from './read-file.js';
import { parseToml } from './toml.js';
import { decodeUtf8 } from './utf8.js';

/** As `readFileBytes`, for text in UTF-8 (a byte order mark is left out). */
export function readFileText(path: string, { maxBytes }: { readonly maxBytes: number }): string {
  return decodeUtf8(readFileBytes(path, { maxBytes }), path);
}

/**
 * The content of a JSON file. Throws `InputError` if it cannot be read, is longer than `maxBytes`, is no JSON, or is nested deeper than 100.
 */
export function readJson(path: string, { maxBytes }: { readonly maxBytes: number }): unknown {
  return parseJson(readFileText(path, { maxBytes }), path);
}

/** The tables of a TOML file as plain data. Throws `InputError` with line and column where it is no TOML. */
export function readToml(path: string): Record<string, unknown> {
  return parseToml(readFileText(path, { maxBytes: 2 ** 20 }), path);
}
