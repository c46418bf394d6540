import type { TokenRoutes } from '../../balance/index.js';
import type { JsonLine } from './json-text.js';
import { isRecord, makeLoads, plural, type ReadOptions, type RecordedLoads, refuseLoads } from './recorded-loads.js';
import { countWarmupTokens, type RoutedToken } from './warm-up.js';

/** Beyond what any model has; a line could claim a table of any size otherwise. */
const mostExperts = 2 ** 16;
const mostLayer = 2 ** 16;
const mostTopK = 1024;
const mostLoads = 2 ** 24;

/**
 * A log of what single tokens chose, a JSONL line `{"type": "route", "layer", "topk_ids": [...], "topk_weights": [...]}` a token and layer; lines of other types are left
 * out. Its loads are one window, and its routes hold the tokens of each layer in the order of the lines. Ids of -1 are no choice. Without
 * `experts` there are as many as the largest id says. Throws `InputError` that names the line.
 */
export function readRouteLines(lines: Iterable<JsonLine>, path: string, options: ReadOptions): RecordedLoads {
  const layers = new Map<number, RoutedToken[]>();
  const size = { experts: 0, topK: 0 };
  for (const { value, where } of lines) {
    if (!isRecord(value) || value.type !== 'route') continue;
    const { layer } = value;
    if (typeof layer !== 'number' || !Number.isInteger(layer) || layer < 0 || layer > mostLayer)
      return refuseLoads('layer is no whole number from 0', where);
    const token = parseToken(value, options.experts, where);
    const tokens = layers.get(layer);
    if (tokens === undefined) layers.set(layer, [token]);
    else tokens.push(token);
    size.topK = Math.max(size.topK, token.experts.length);
    for (const expert of token.experts) size.experts = Math.max(size.experts, expert + 1);
  }
  const experts = options.experts ?? size.experts;
  if (experts === 0) return refuseLoads('no line of type route chooses an expert', path);
  if (layers.size * experts > mostLoads)
    return refuseLoads(`${layers.size} layers of ${experts} experts are too many`, path);
  return describeRoutes(layers, { experts, topK: size.topK }, path, options);
}

function parseToken(line: Readonly<Record<string, unknown>>, experts: number | undefined, where: string): RoutedToken {
  const { topk_ids: ids, topk_weights: weights } = line;
  if (!Array.isArray(ids) || ids.length > mostTopK) return refuseLoads('topk_ids is no list of experts', where);
  for (const id of ids as unknown[]) {
    if (typeof id === 'number' && Number.isInteger(id) && id >= -1 && id < (experts ?? mostExperts)) continue;
    const shown = typeof id === 'number' ? id : `a ${typeof id}`;
    return refuseLoads(`topk_ids holds ${shown}, which is no expert below ${experts ?? mostExperts}`, where);
  }
  const isUniform = Array.isArray(weights) && weights.length > 1 && weights.every((weight) => weight === weights[0]);
  return { experts: ids as number[], isUniform };
}

function describeRoutes(
  layers: ReadonlyMap<number, readonly RoutedToken[]>,
  { experts, topK }: { readonly experts: number; readonly topK: number },
  path: string,
  { trimWarmup }: ReadOptions,
): RecordedLoads {
  const layerNumbers = [...layers.keys()].sort((a, b) => a - b);
  const counts = new Float64Array(layerNumbers.length * experts);
  const notes: string[] = [];
  const chosen = layerNumbers.map((layer, row) => {
    const tokens = layers.get(layer)!;
    const warmup = countWarmupTokens(tokens);
    notes.push(...describeWarmup(layer, warmup, tokens.length, trimWarmup));
    const kept = trimWarmup && warmup < tokens.length ? tokens.slice(warmup) : tokens;
    for (const token of kept) for (const expert of token.experts) if (expert >= 0) counts[row * experts + expert]! += 1;
    return packTokens(kept, topK);
  });
  const routes: TokenRoutes = { layers: layerNumbers.length, topK, chosen };
  const loads = makeLoads(counts, { layers: layerNumbers.length, experts }, path);
  return { format: 'routes', loads, layerNumbers, layerNumbering: 'absolute', routes, notes };
}

function describeWarmup(layer: number, warmup: number, tokens: number, trimWarmup: boolean): readonly string[] {
  // A log in which all is alike was made so, by a router with equal weights or by hand.
  if (warmup === 0 || warmup === tokens) return [];
  const found = `layer ${layer}: the first ${plural(warmup, 'token')} of ${tokens} are dummies, the same or with equal weights`;
  return [trimWarmup ? `${found}: left out as warm-up` : `${found}: warm-up? --trim-warmup leaves them out`];
}

/** `[tokens, topK]`, with -1 where a token chose fewer. */
function packTokens(tokens: readonly RoutedToken[], topK: number): Int32Array {
  const packed = new Int32Array(tokens.length * topK).fill(-1);
  for (const [token, { experts }] of tokens.entries()) packed.set(experts, token * topK);
  return packed;
}
