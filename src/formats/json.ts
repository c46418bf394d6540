import { parseJson } from './parse-json.js';
import { readFileText } from './read-file.js';

/**
 * The content of a JSON file. Throws `InputError` if it cannot be read, is longer than `maxBytes`, is no JSON, or is nested deeper than 100.
 */
export function readJson(path: string, { maxBytes }: { readonly maxBytes: number }): unknown {
  return parseJson(readFileText(path, { maxBytes }), path);
}
