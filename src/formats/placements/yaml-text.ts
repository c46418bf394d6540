import { type Document, isScalar, parseDocument, visit, type YAMLMap } from 'yaml';
import { formatBytes, InputError } from '../../base/index.js';
import { refuse, show } from './check.js';
import { refuseText } from './refuse-file.js';

/** Ten times the file of a large model: the YAML library needs some 500 bytes of memory for each byte of text. */
const maxBytes = 2 ** 21;
/** A list may be repeated by name, as Python's writer does; names within names soon stand for more than this. */
const mostNames = 1000;

/** YAML as plain data, its tables as `Map`, so that 3 and "3" are two keys. Throws `InputError`. */
export function parseYaml(text: string, where: string): unknown {
  if (text.length > maxBytes) throw refuse(`it is longer than ${formatBytes(maxBytes)}`, where, 'use a smaller file');
  try {
    // The library would compare each key with each other; `checkNodes` does it in linear time.
    const document: Document = parseDocument(text, { schema: 'core', uniqueKeys: false, prettyErrors: false });
    // A tag that is not known is only a warning to the library.
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw problem;
    checkNodes(document, where);
    return document.toJS({ mapAsMap: true, maxAliasCount: mostNames });
  } catch (error) {
    if (error instanceof InputError) throw error;
    if (!/initial_global_assignments|num_slots/.test(text)) throw refuseText(text, where);
    // Also the library's own failures: a text nested so deep that the stack ends.
    const reason = error instanceof Error ? error.message.slice(0, 120) : '';
    const mend = 'write it again with a YAML library';
    throw new InputError({ what: `it is no valid YAML: ${reason}`, where, mend }, { cause: error });
  }
}

/** Throws `InputError` for a key that comes twice, and for more names than `mostNames`. */
function checkNodes(document: Document, where: string): void {
  let names = 0;
  const countName = (_: unknown, { anchor }: { anchor?: string }) => {
    if (anchor !== undefined) names += 1;
  };
  const checkMap = (_: unknown, map: YAMLMap) => {
    countName(_, map);
    const seen = new Set<unknown>();
    for (const { key } of map.items) {
      const value = isScalar(key) ? key.value : undefined;
      if (value === undefined || seen.has(value)) {
        const what = value === undefined ? 'a key is no plain value' : `the key ${show(value)} comes twice`;
        throw refuse(what, where, 'name each key once, as plain text or a number');
      }
      seen.add(value);
    }
  };
  const countAlias = () => {
    names += 1;
  };
  visit(document, { Scalar: countName, Seq: countName, Map: checkMap, Alias: countAlias });
  if (names > mostNames) throw refuse(`it has ${names} anchors and aliases`, where, `use at most ${mostNames}`);
}
