// Graphs and helpers that several tests use.
import type { GraphBuilder } from './builder.js';
import { createGraphBuilder } from './builder.js';
import { differentiate } from './differentiate.js';
import type { Graph, Shape } from './op.js';
import { interpret } from './reference.js';
import type { ReferenceTensor } from './reference-kernels.js';
import type { Tensor } from './tensor-type.js';

export type Feeds = Record<string, ReferenceTensor>;

export const ints = (data: readonly number[], shape: readonly number[] = [data.length]): ReferenceTensor => ({
  shape,
  data: Int32Array.from(data),
});

export const floats = (data: readonly number[], shape: readonly number[] = [data.length]): ReferenceTensor => ({
  shape,
  data: Float64Array.from(data),
});

/** The same numbers for the same seed, in 0 to 1: mulberry32. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function randomTensor(
  shape: Shape,
  dims: Readonly<Record<string, number>>,
  random: () => number,
  smallest = -1,
): ReferenceTensor {
  const counts = shape.map((dim) => (typeof dim === 'string' ? dims[dim] : dim));
  const size = counts.reduce((total, dim) => total * dim, 1);
  return { shape: counts, data: Float64Array.from({ length: size }, () => smallest + 2 * random()) };
}

/** Random numbers for the float32 inputs that `fixed` does not feed: -1 to 1, or 0.5 to 2.5 where the name begins with `positive`. */
export function randomFeeds(
  graph: Graph,
  dims: Readonly<Record<string, number>> = {},
  fixed: Feeds = {},
  seed = 1,
): Feeds {
  const random = createRandom(seed);
  const feeds: Feeds = {};
  for (const [name, id] of graph.inputs) {
    const smallest = name.startsWith('positive') ? 0.5 : -1;
    feeds[name] = fixed[name] ?? randomTensor(graph.nodes[id].shape, dims, random, smallest);
  }
  return feeds;
}

/** Random gradients for `outputs`, as `grad:NAME`. */
export function randomGradients(graph: Graph, feeds: Feeds, outputs: readonly string[], seed = 2): Feeds {
  const values = interpret(graph, feeds);
  const random = createRandom(seed);
  return Object.fromEntries(outputs.map((name) => [`grad:${name}`, randomTensor(values[name].shape, {}, random)]));
}

const STEP = 1e-5;

/** The largest difference between the gradients of `wrt` and central finite differences, relative where these are above 1. */
export function largestGradientError(
  graph: Graph,
  feeds: Feeds,
  wrt: readonly string[],
  outputs: readonly string[] = [...graph.outputs.keys()],
): number {
  const gradients = randomGradients(graph, feeds, outputs);
  const results = interpret(differentiate(graph, { outputs, wrt }), { ...feeds, ...gradients });
  const loss = (changed: Feeds) => {
    const values = interpret(graph, changed);
    return outputs.reduce((total, name) => total + dot(values[name], gradients[`grad:${name}`]), 0);
  };
  let largest = 0;
  for (const name of wrt) {
    for (const [i, value] of feeds[name].data.entries()) {
      const slope = (loss(moved(feeds, name, i, STEP)) - loss(moved(feeds, name, i, -STEP))) / (2 * STEP);
      const found = results[`grad:${name}`].data[i];
      if (!Number.isFinite(value) || !Number.isFinite(found)) return Number.POSITIVE_INFINITY;
      largest = Math.max(largest, Math.abs(found - slope) / Math.max(1, Math.abs(slope)));
    }
  }
  return largest;
}

function dot(a: ReferenceTensor, b: ReferenceTensor): number {
  return Float64Array.from(a.data).reduce((total, value, i) => total + value * b.data[i], 0);
}

function moved(feeds: Feeds, name: string, position: number, by: number): Feeds {
  const data = Float64Array.from(feeds[name].data);
  data[position] += by;
  return { ...feeds, [name]: { shape: feeds[name].shape, data } };
}

/** The float32 inputs of `graph`. */
export function floatInputs(graph: Graph): string[] {
  return [...graph.inputs].filter(([, id]) => graph.nodes[id].type === 'float32').map(([name]) => name);
}

/** A SwiGLU expert on a number of rows that is known when it runs: `x` [rows, 4], a weight for each row, `y` [rows, 4]. */
export function swigluExpert(): Graph {
  const b = createGraphBuilder();
  const x = b.input('x', ['rows', 4]);
  const rowWeights = b.input('rowWeights', ['rows', 1]);
  const gate = b.matmul(x, b.input('gate', [6, 4]), { transposeB: true });
  const up = b.matmul(x, b.input('up', [6, 4]), { transposeB: true });
  const hidden = b.multiply(b.silu(gate), up);
  const y = b.matmul(hidden, b.input('down', [4, 6]), { transposeB: true });
  return b.build({ y: b.multiply(y, rowWeights) });
}

const TOKENS = 4;
const HEADS = 2;
const NOPE = 2;
const ROPE = 2;
const HEAD = NOPE + ROPE;
const LATENT = 3;

/** Attention with a latent for keys and values and one rotated key for all heads, in two blocks of queries: `x` [4, 5] to `y` [4, 5]. */
export function latentAttention(): Graph {
  const b = createGraphBuilder();
  const x = b.input('x', [TOKENS, 5]);
  const cos = b.input('cos', [TOKENS, ROPE / 2]);
  const sin = b.input('sin', [TOKENS, ROPE / 2]);
  const normal = b.multiply(b.rmsNormalize(x, 1e-6), b.input('norm', [5]));
  const heads = (value: Tensor, dim: number) => b.transpose(b.reshape(value, [1, TOKENS, HEADS, dim]), [0, 2, 1, 3]);
  const rotated = (value: Tensor) => b.rotate(value, cos, sin, { interleaved: true });

  const query = heads(b.matmul(normal, b.input('query', [5, HEADS * HEAD])), HEAD);
  const q = b.concat([b.slice(query, -1, 0, NOPE), rotated(b.slice(query, -1, NOPE, HEAD))], -1);
  const down = b.matmul(normal, b.input('down', [5, LATENT + ROPE]));
  const latent = b.multiply(b.rmsNormalize(b.slice(down, -1, 0, LATENT), 1e-6), b.input('latentNorm', [LATENT]));
  const keyRope = rotated(b.reshape(b.slice(down, -1, LATENT, LATENT + ROPE), [1, 1, TOKENS, ROPE]));
  const both = heads(b.matmul(latent, b.input('keyValue', [LATENT, HEADS * 2 * NOPE])), 2 * NOPE);
  const keyParts = [b.slice(both, -1, 0, NOPE), b.broadcast(keyRope, [1, HEADS, TOKENS, ROPE])];
  const attended = attendInBlocks(b, q, b.concat(keyParts, -1), b.slice(both, -1, NOPE, 2 * NOPE));
  const merged = b.reshape(b.transpose(attended, [0, 2, 1, 3]), [TOKENS, HEADS * NOPE]);
  return b.build({ y: b.add(x, b.matmul(merged, b.input('output', [HEADS * NOPE, 5]))) });
}

/** Causal: a block of queries sees the keys up to its own end, so the blocks' slices of the keys overlap. */
function attendInBlocks(b: GraphBuilder, q: Tensor, keys: Tensor, values: Tensor): Tensor {
  const size = TOKENS / 2;
  const blocks = [0, size].map((start) => {
    const end = start + size;
    const future = Float32Array.from({ length: size * end }, (_, i) =>
      i % end > start + Math.floor(i / end) ? -1e9 : 0,
    );
    const scores = b.matmul(b.slice(q, 2, start, end), b.slice(keys, 2, 0, end), { transposeB: true, scale: 0.5 });
    return b.matmul(b.softmax(b.add(scores, b.constant(future, [size, end]))), b.slice(values, 2, 0, end));
  });
  return b.concat(blocks, 2);
}
