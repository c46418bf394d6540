import { InputError } from '../base/index.js';

const deepest = 100;

/** The value of a JSON text; throws `InputError` if it is none, or is nested deeper than `maxDepth`. */
export function parseJson(text: string, where: string, maxDepth = deepest): unknown {
  if (isDeeperThan(text, maxDepth))
    throw new InputError({ what: `the JSON is nested deeper than ${maxDepth}`, where, mend: 'check the file' });
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 120) : '';
    throw new InputError({ what: `it is no valid JSON: ${reason}`, where, mend: 'correct the file' }, { cause: error });
  }
}

/** Whether brackets outside of strings are nested deeper than `limit`; the text need not be valid. */
function isDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text[i];
    if (unit === '"') {
      i = endOfString(text, i);
    } else if (unit === '{' || unit === '[') {
      depth += 1;
      if (depth > limit) return true;
    } else if (unit === '}' || unit === ']') {
      depth -= 1;
    }
  }
  return false;
}

/** Position of the quote that ends the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i;
}
