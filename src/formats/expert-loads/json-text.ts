import { InputError, suggestWord } from '../../base/index.js';
import { parseJson } from '../json.js';
import { isRecord, refuseLoads } from './recorded-loads.js';
import { entriesOf } from './table-values.js';

/** A list is two bytes of a text, and some sixty of memory; a row of loads is one. So is a key of a dict. */
const mostLists = 2 ** 23;
const mostKeys = 2 ** 23;

function hasMore(text: string, mark: string, most: number): boolean {
  let count = 0;
  for (let position = text.indexOf(mark); position >= 0; position = text.indexOf(mark, position + 1)) {
    count += 1;
    if (count > most) return true;
  }
  return false;
}

/**
 * As `parseJson`, but NaN and Infinity, which Python writes and JSON does not know, become texts: beside the loads they
 * do not matter, and in the loads the error then says where they are.
 */
export function parsePythonJson(text: string, where: string): unknown {
  if (hasMore(text, '[', mostLists))
    return refuseLoads(`it has more than ${mostLists} lists`, where, 'record fewer steps');
  if (hasMore(text, '":', mostKeys))
    return refuseLoads(`it has more than ${mostKeys} keys`, where, 'record fewer steps');
  try {
    return parseJson(text, where);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const replaced = text.replace(/-?(?:NaN|Infinity)(?<=[[,:]\s*-?(?:NaN|Infinity))(?=\s*[\],}])/g, '"$&"');
    if (replaced !== text) return parseJson(replaced, where);
    if (isCut(text)) return refuseLoads('the JSON was cut: it ends within a list or dict', where, 'get the file again');
    throw new InputError({ ...error.problem, mend: 'write the file again, such as with json.dump' }, { cause: error });
  }
}

/** Whether a text ends within a list, dict or string, as if the rest were missing. */
function isCut(text: string): boolean {
  let depth = 0;
  for (let place = 0; place < text.length; place++) {
    const unit = text[place];
    if (unit === '"') {
      place += 1;
      while (place < text.length && text[place] !== '"') place += text[place] === '\\' ? 2 : 1;
      if (place >= text.length) return true;
    } else if (unit === '[' || unit === '{') depth += 1;
    else if (unit === ']' || unit === '}') depth -= 1;
    if (depth < 0) return false;
  }
  return depth > 0;
}

/** A line of a JSONL file that is not blank. */
export interface JsonLine {
  readonly value: unknown;
  /** The file and the line's number, from 1, for errors. */
  readonly where: string;
}

/**
 * The lines of a JSONL file, one at a time; throws `InputError` with the line's number where one is no JSON. A last
 * line that was cut, as in the log of a server that was killed, is left out where others are before it: `isLastCut`
 * says so beforehand.
 */
export function* parseJsonLines(text: string, where: string): Generator<JsonLine> {
  const last = isLastCut(text) ? startOfLast(text) : text.length;
  let start = 0;
  for (let number = 1; start < last; number++) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end);
    const place = `${where}, line ${number}`;
    if (line.trim() !== '') yield { value: parsePythonJson(line, place), where: place };
    start = end + 1;
  }
}

/** Whether the last line of a JSONL text was cut, and is not the only one. */
export function isLastCut(text: string): boolean {
  const start = startOfLast(text);
  if (text.slice(0, start).trim() === '') return false;
  const line = text.slice(start);
  // What a file system had not yet written when the power went is zeros.
  return /^\s*\0/.test(line) || (/^\s*[{[]/.test(line) && isCut(line));
}

/** Where the last line that is not blank begins. */
function startOfLast(text: string): number {
  return text.lastIndexOf('\n', text.trimEnd().length - 1) + 1;
}

/**
 * The first line of a JSONL file, undefined where the text is none: its first line is an object, and another follows.
 */
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

/**
 * What the keys `path` lead to in a value of JSON or a `.pt`; throws `InputError` that names a key that is not there. A
 * key may have a / of its own.
 */
export function selectPart(value: unknown, path: readonly string[], where: string): unknown {
  let part = value;
  for (const [depth, key] of path.entries()) {
    const whole = path.slice(depth).join('/');
    const entries = Array.isArray(part) ? entryOfList(part, key) : entriesOf(part);
    const found = entries?.find(([name]) => name === whole) ?? entries?.find(([name]) => name === key);
    if (found === undefined) {
      const above = depth === 0 ? 'the file' : path.slice(0, depth).join('/');
      const names = Array.isArray(part) ? [] : (entries ?? []).map(([name]) => name.slice(0, 80));
      const mend = names.length === 0 ? 'leave it out' : suggestWord(key, names.slice(0, 50));
      return refuseLoads(`${above} has no key '${key.slice(0, 80)}'`, where, mend);
    }
    part = found[1];
    if (found[0] === whole) break;
  }
  return part;
}

function entryOfList(list: readonly unknown[], key: string): readonly (readonly [string, unknown])[] {
  return /^\d{1,9}$/.test(key) && Number(key) < list.length ? [[key, list[Number(key)]]] : [];
}
