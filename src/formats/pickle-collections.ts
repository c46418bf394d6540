import type { PickleGlobal } from './pickle.js';

/**
 * Types that a `defaultdict` may name as what makes its values; Python 2's names are those of pickles of protocol 2.
 */
const factories = ['int', 'long', 'float', 'list', 'dict', 'set'].flatMap((name) => [
  `builtins.${name}`,
  `__builtin__.${name}`,
]);

/**
 * The dicts of Python's standard library, as `Map`s: `OrderedDict`, `Counter` and `defaultdict`. What a `defaultdict`
 * would make its missing values with is never called. `refuse` throws the error that a pickle is bad.
 */
export function collectionGlobals(refuse: (what: string) => never): readonly (readonly [string, PickleGlobal])[] {
  const makeCounter: PickleGlobal = (counts = new Map()) =>
    counts instanceof Map ? counts : refuse('a Counter is made from no dict');
  return [
    ['collections.OrderedDict', (pairs) => makeOrderedDict(pairs, refuse)],
    ['collections.Counter', makeCounter],
    ['collections.defaultdict', () => new Map()],
    ...factories.map((name): [string, PickleGlobal] => [name, () => refuse(`it calls ${name}`)]),
  ];
}

function makeOrderedDict(pairs: unknown, refuse: (what: string) => never): Map<unknown, unknown> {
  const dict = new Map<unknown, unknown>();
  if (pairs === undefined) return dict;
  if (!Array.isArray(pairs)) return refuse('an OrderedDict is made from no pairs');
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) return refuse('an OrderedDict is made from no pairs');
    dict.set(pair[0], pair[1]);
  }
  return dict;
}
