import type { TokenRoutes } from '../../balance/index.js';

/** The routes with no tokens for layers that are not in them. */
export function fillUpRoutes(
  routes: TokenRoutes,
  layerNumbers: readonly number[],
  layers: readonly number[],
): TokenRoutes {
  const rowOf = new Map(layerNumbers.map((layer, row) => [layer, row]));
  const chosen = layers.map((layer) => {
    const row = rowOf.get(layer);
    return row === undefined ? new Int32Array(0) : routes.chosen[row];
  });
  return { layers: layers.length, topK: routes.topK, chosen };
}

/** The tokens of several logs of the same layers, one log after the other. */
export function joinRoutes(all: readonly TokenRoutes[]): TokenRoutes {
  const topK = Math.max(...all.map((routes) => routes.topK));
  const widened = all.map((routes) => widen(routes, topK));
  const chosen = all[0].chosen.map((_, layer) => joinTokens(widened.map((routes) => routes.chosen[layer])));
  return { layers: all[0].layers, topK, chosen };
}

/** With room for `topK` choices of each token. */
function widen(routes: TokenRoutes, topK: number): TokenRoutes {
  if (routes.topK === topK) return routes;
  const chosen = routes.chosen.map((tokens) => {
    const wide = new Int32Array((tokens.length / routes.topK) * topK).fill(-1);
    for (let token = 0; token * routes.topK < tokens.length; token++)
      wide.set(tokens.subarray(token * routes.topK, (token + 1) * routes.topK), token * topK);
    return wide;
  });
  return { layers: routes.layers, topK, chosen };
}

function joinTokens(parts: readonly Int32Array[]): Int32Array {
  const joined = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let next = 0;
  for (const part of parts) {
    joined.set(part, next);
    next += part.length;
  }
  return joined;
}
