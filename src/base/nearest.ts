/**
 * The known word that `word` was probably meant to be (the least edits, at most a third of its letters and at least two), or undefined.
 * Case and `-` against `_` do not count.
 */
export function nearestWord(word: string, known: Iterable<string>): string | undefined {
  const wanted = normalize(word);
  let nearest: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const other = normalize(candidate);
    const limit = Math.max(2, Math.floor(other.length / 3));
    if (Math.abs(other.length - wanted.length) > limit) continue;
    const distance = editDistance(wanted, other);
    if (distance <= limit && distance < least && distance < other.length) {
      nearest = candidate;
      least = distance;
    }
  }
  return nearest;
}

/** `did you mean 'x'?`, or the known words where none is near. */
export function suggestWord(word: string, known: readonly string[]): string {
  const nearest = nearestWord(word, known);
  return nearest === undefined ? `use one of ${known.join(', ')}` : `did you mean '${nearest}'?`;
}

function normalize(word: string): string {
  return word.toLowerCase().replaceAll('-', '_');
}

/** Inserted, deleted, replaced and swapped neighbouring letters that lead from `a` to `b` (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = last[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      let cost = Math.min(replaced, last[column]! + 1, current[column - 1]! + 1);
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}
