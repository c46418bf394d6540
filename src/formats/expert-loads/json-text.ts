import { InputError, suggestWord } from '../../base/index.js';
import { parseJson } from '../json.js';
import { isRecord, refuseLoads } from './recorded-loads.js';

/** A list is two bytes of a text, and some sixty of memory; a row of loads is one. */
const mostLists = 2 ** 23;

function hasMoreLists(text: string, most: number): boolean {
  let lists = 0;
  for (let position = text.indexOf('['); position >= 0; position = text.indexOf('[', position + 1)) {
    lists += 1;
    if (lists > most) return true;
  }
  return false;
}

/**
 * As `parseJson`, but NaN and Infinity, which Python writes and JSON does not know, become texts: beside the loads they do not matter, and in the loads the error
 * then says where they are.
 */
export function parsePythonJson(text: string, where: string): unknown {
  if (hasMoreLists(text, mostLists))
    throw new InputError({
      what: `it has more than ${mostLists} lists`,
      where,
      mend: 'record fewer steps',
    });
  try {
    return parseJson(text, where);
  } catch (error) {
    const replaced = text.replace(/-?(?:NaN|Infinity)(?<=[[,:]\s*-?(?:NaN|Infinity))(?=\s*[\],}])/g, '"$&"');
    if (!(error instanceof InputError) || replaced === text) throw error;
    return parseJson(replaced, where);
  }
}

/** A line of a JSONL file that is not blank. */
export interface JsonLine {
  readonly value: unknown;
  /** The file and the line's number, from 1, for errors. */
  readonly where: string;
}

/** The lines of a JSONL file, one at a time; throws `InputError` with the line's number where one is no JSON. */
export function* parseJsonLines(text: string, where: string): Generator<JsonLine> {
  let start = 0;
  for (let number = 1; start < text.length; number++) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end);
    const place = `${where}, line ${number}`;
    if (line.trim() !== '') yield { value: parsePythonJson(line, place), where: place };
    start = end + 1;
  }
}

/** The first line of a JSONL file, undefined where the text is none: its first line is an object, and another follows. */
export function firstOfLines(text: string): Readonly<Record<string, unknown>> | undefined {
  const start = text.search(/\S/);
  const newline = text.indexOf('\n', start);
  if (text[start] !== '{' || newline < 0 || text.slice(newline).trim() === '') return undefined;
  try {
    const value = JSON.parse(text.slice(start, newline)) as unknown;
    return isRecord(value) ? value : undefined;
  } catch {
    // A JSON file with line breaks in it.
    return undefined;
  }
}

/** What the keys `path` lead to in a JSON value; throws `InputError` that names a key that is not there. */
export function selectPart(value: unknown, path: readonly string[], where: string): unknown {
  let part = value;
  for (const [depth, key] of path.entries()) {
    const isTable = isRecord(part) || Array.isArray(part);
    if (isTable && Object.hasOwn(part as object, key)) {
      part = (part as Readonly<Record<string, unknown>>)[key];
      continue;
    }
    const above = depth === 0 ? 'the file' : path.slice(0, depth).join('/');
    const mend = isRecord(part) ? suggestWord(key, Object.keys(part).slice(0, 50)) : 'leave it out';
    return refuseLoads(`${above} has no key '${key}'`, where, mend);
  }
  return part;
}
