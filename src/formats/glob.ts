/** One piece of a part of a pattern: any letters, or a test of one letter. */
type Piece = 'any' | ((letter: string) => boolean);

/** Whether a path is a pattern: it has `*`, `?`, `[…]` or `{…,…}`. */
export function isPattern(path: string): boolean {
  return /[*?]|\[[^\]]+\]|\{[^{}]*,[^{}]*\}/.test(path);
}

/** `a,b` as `a` and `b`; commas in braces and brackets stay. */
export function splitAtCommas(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const letter of text) {
    if (letter === '{' || letter === '[') depth++;
    if (letter === '}' || letter === ']') depth = Math.max(0, depth - 1);
    if (letter === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

const mostAlternatives = 256;

/** `a.{md,txt}` as `a.md` and `a.txt`; undefined if that gives more than 256 patterns. */
export function expandBraces(pattern: string): string[] | undefined {
  let open = [pattern];
  const done: string[] = [];
  while (open.length > 0) {
    const next: string[] = [];
    for (const one of open) {
      const match = /^(.*?)\{([^{}]*,[^{}]*)\}(.*)$/s.exec(one);
      if (match === null) done.push(one);
      else for (const choice of match[2].split(',')) next.push(`${match[1]}${choice}${match[3]}`);
    }
    if (done.length + next.length > mostAlternatives) return undefined;
    open = next;
  }
  return done;
}

/**
 * A test for names, of one part of a pattern: `*` is any letters, `?` one letter, `[a-c]` and `[!a-c]` one of some.
 * Names that begin with a dot are hidden: only a part that does so too matches them. Takes at most letters x pieces of
 * time.
 */
export function matcherOf(part: string): (name: string) => boolean {
  const pieces = readPieces(part);
  return (name) => (!name.startsWith('.') || part.startsWith('.')) && matches(pieces, [...name]);
}

function readPieces(part: string): Piece[] {
  const words = part.match(/\*+|\?|\[!?\]?[^\]]*\]|./gsu) ?? [];
  return words.map((word) => {
    if (word.startsWith('*')) return 'any';
    if (word === '?') return () => true;
    return word.length > 2 && word.startsWith('[') ? readClass(word.slice(1, -1)) : (letter) => letter === word;
  });
}

function readClass(text: string): (letter: string) => boolean {
  const isNot = text.startsWith('!');
  const spans = (isNot ? text.slice(1) : text).match(/.-.|./gsu) ?? [];
  const isIn = (letter: string) =>
    spans.some((span) => {
      const [from, , to] = [...span];
      return to === undefined ? letter === span : from <= letter && letter <= to;
    });
  return (letter) => isIn(letter) !== isNot;
}

/** After a letter that does not fit, the last `*` takes one letter more. */
function matches(pieces: readonly Piece[], letters: readonly string[]): boolean {
  let [piece, at] = [0, 0];
  let retry: { readonly piece: number; at: number } | undefined;
  while (at < letters.length) {
    const current = pieces[piece];
    if (current === 'any') {
      retry = { piece, at };
      piece++;
    } else if (current?.(letters[at]) === true) {
      piece++;
      at++;
    } else {
      if (retry === undefined) return false;
      retry.at++;
      [piece, at] = [retry.piece + 1, retry.at];
    }
  }
  return pieces.slice(piece).every((rest) => rest === 'any');
}
