import { type Document, isScalar, parseDocument, visit, type YAMLMap } from 'yaml';
import { formatBytes, InputError } from '../../base/index.js';
import {
  checkKeys,
  checkLayerNumbers,
  createPlacement,
  isNatural,
  refuse,
  refuseFormat,
  type Source,
  show,
} from './check.js';
import { listUsedSlots } from './layout.js';
import type { FormattedPlacement, PlacementFile, RecordedPlacement } from './types.js';

/** Ten times the file of a large model: the YAML library needs some 500 bytes of memory for each byte of text. */
const maxBytes = 2 ** 21;
/** A list may be repeated by name, as Python's writer does; names within names soon stand for more than this. */
const mostNames = 1000;
const knownKeys = ['initial_global_assignments', 'num_slots', 'layer_updates_per_iter'];

/**
 * TensorRT-LLM's `moe_config.load_balancer: FILE.yaml`, static. The layers are those of the model. Source: its `MoeLoadBalancerConfig`, which refuses other
 * keys, and examples/wide_ep/ep_load_balancer.
 */
export function formatTensorrtLlm(file: PlacementFile): FormattedPlacement {
  const { rows, notes } = listUsedSlots(file, 'TensorRT-LLM');
  const lines = rows.map((gpus, row) => `  ${file.layerNumbers[row]}: [${gpus.flat().join(', ')}]`);
  const slots = rows[0]!.flat().length;
  const head = 'initial_global_assignments:';
  return { text: [head, ...lines, `num_slots: ${slots}`, 'layer_updates_per_iter: 0', ''].join('\n'), notes };
}

/** Throws `InputError` naming layer and slot, also for other keys, keys that come twice, and tags. */
export function parseTensorrtLlm(text: string, source: Source): RecordedPlacement {
  const { where } = source;
  const config = parseYaml(text, where);
  if (!(config instanceof Map) || !knownKeys.some((key) => config.has(key))) throw refuseFormat(where);
  checkKeys(config.keys(), knownKeys, where);
  const assignments: unknown = config.get('initial_global_assignments');
  if (!(assignments instanceof Map) || assignments.size === 0)
    throw refuse('initial_global_assignments holds no layers', where, 'give each layer its list of experts');
  for (const layer of assignments.keys()) {
    if (!isNatural(layer))
      throw refuse(`the layer ${show(layer)} is no whole number`, where, 'number the layers of the model');
  }
  const layers = ([...assignments] as [number, unknown][]).sort(([a], [b]) => a - b);
  const layerNumbers = checkLayerNumbers(
    layers.map(([layer]) => layer),
    where,
  );
  const placement = createPlacement(
    layers.map(([, row]) => row),
    layerNumbers,
    source,
  );
  const slots: unknown = config.get('num_slots');
  if (slots !== placement.slots)
    throw refuse(`num_slots is ${show(slots)}, each layer has ${placement.slots}`, where, 'make them equal');
  const updates: unknown = config.get('layer_updates_per_iter') ?? 0;
  if (!isNatural(updates))
    throw refuse(`layer_updates_per_iter is ${show(updates)}`, where, 'give a whole number, 0 for a static placement');
  return { format: 'tensorrt-llm', placement, layerNumbers, layerNumbering: 'absolute' };
}

/** YAML as plain data, its tables as `Map`, so that 3 and "3" are two keys. Throws `InputError`. */
function parseYaml(text: string, where: string): unknown {
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
    // Also the library's own failures: a text nested so deep that the stack ends.
    const reason = error instanceof Error ? error.message.slice(0, 120) : '';
    throw new InputError({ what: `it is no valid YAML: ${reason}`, where, mend: 'correct the file' }, { cause: error });
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
        throw refuse(what, where, 'correct the file');
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
