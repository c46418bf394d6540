import { InputError } from '../base/index.js';

const deepest = 100;
/** Values are a byte of a text and many of memory, and an engine ends the whole program where a list gets too long for it. */
const mostValues = 2 ** 25;

/** The value of a JSON text; throws `InputError` if it is none, is nested deeper than `maxDepth`, or has more than 33,554,432 values. */
export function parseJson(text: string, where: string, maxDepth = deepest): unknown {
  const excess = findExcess(text, maxDepth);
  if (excess === 'depth')
    throw new InputError({ what: `the JSON is nested deeper than ${maxDepth}`, where, mend: 'check the file' });
  if (excess === 'values')
    throw new InputError({ what: `the JSON has more than ${mostValues} values`, where, mend: 'give a smaller file' });
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 120) : '';
    throw new InputError({ what: `it is no valid JSON: ${reason}`, where, mend: 'correct the file' }, { cause: error });
  }
}

/** What there is too much of outside of strings; the text need not be valid. */
function findExcess(text: string, maxDepth: number): 'depth' | 'values' | undefined {
  let depth = 0;
  let values = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text[i];
    if (unit === '"') {
      i = endOfString(text, i);
    } else if (unit === ',') {
      values += 1;
    } else if (unit === '{' || unit === '[') {
      depth += 1;
      values += 1;
      if (depth > maxDepth) return 'depth';
    } else if (unit === '}' || unit === ']') {
      depth -= 1;
    }
    if (values > mostValues) return 'values';
  }
  return undefined;
}

/** Position of the quote that ends the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i;
}

const mostControls = 2 ** 20;

/**
 * The text with control characters within its strings escaped, so that JSON takes them, as Python's `strict=False`
 * does. Throws `InputError` for more than 1,048,576 of them.
 */
export function escapeControls(text: string, where: string): string {
  const pieces: string[] = [];
  let controls = 0;
  let done = 0;
  for (let start = text.indexOf('"'); start !== -1; start = text.indexOf('"', done)) {
    const end = endOfString(text, start);
    pieces.push(text.slice(done, start));
    pieces.push(
      text.slice(start, end).replaceAll(/[^\u0020-\uffff]/g, (sign) => {
        if (++controls > mostControls) throw tooManyControls(where);
        return `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
      }),
    );
    pieces.push(text.slice(end, end + 1));
    done = end + 1;
  }
  return controls === 0 ? text : pieces.join('') + text.slice(done);
}

function tooManyControls(where: string): InputError {
  return new InputError({
    what: `the JSON has more than ${mostControls} control characters in its strings`,
    where,
    mend: 'check the file',
  });
}
