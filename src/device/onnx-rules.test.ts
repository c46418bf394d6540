import { after, test } from 'node:test';
import {
  type ComputedOp,
  createGraphBuilder,
  type Graph,
  type GraphBuilder,
  type ReferenceTensor,
  type Shape,
  type Tensor,
} from '../graph/index.js';
import { createOnnxEngine } from './onnx-engine.js';
import { expectReference, pseudoRandom, randomIndices, randomTensor } from './test-engine.js';

/** A graph of one op, and how to feed it. */
interface Case {
  readonly title: string;
  readonly build: (builder: GraphBuilder) => Tensor;
  /** Range of the float32 inputs; [-1, 1) if absent. */
  readonly range?: readonly [number, number];
  /** Limits of int32 inputs. */
  readonly below?: number;
  /** Feeds of inputs whose numbers must fit together. */
  readonly feeds?: (counts: Readonly<Record<string, number>>) => Readonly<Record<string, ReferenceTensor>>;
}

/** Counts of the named dims: many, one, none. */
const counts = [
  { rows: 37, tokens: 5, batch: 3 },
  { rows: 1, tokens: 1, batch: 1 },
  { rows: 0, tokens: 0, batch: 0 },
];

const pairShapes: readonly (readonly [Shape, Shape])[] = [
  [
    ['rows', 8],
    ['rows', 8],
  ],
  [['rows', 8], [8]],
  [
    ['rows', 1],
    ['rows', 8],
  ],
  [[], ['rows', 8]],
  [
    [4, 1, 3],
    [2, 1],
  ],
];

function pairs(op: 'add' | 'subtract' | 'multiply' | 'divide'): Case[] {
  return pairShapes.map(([a, b]) => ({
    title: `[${a}] and [${b}]`,
    build: (builder) => builder[op](builder.input('a', a), builder.input('b', b)),
    range: [0.5, 2],
  }));
}

function unary(
  op: 'exp' | 'log' | 'sigmoid' | 'silu' | 'reciprocalSquareRoot' | 'softmax' | 'max',
  range: readonly [number, number],
): Case[] {
  const shapes: Shape[] = [['rows', 19], [2, 3, 'tokens', 4], [7]];
  return shapes.map((shape) => ({
    title: `[${shape}]`,
    build: (builder) => builder[op](builder.input('x', shape)),
    range,
  }));
}

function products(): Case[] {
  const flags = [false, true];
  const ranks: readonly { readonly batch: Shape; readonly m: Shape[number] }[] = [
    { batch: [], m: 'rows' },
    { batch: [], m: 6 },
    { batch: ['batch', 2], m: 'tokens' },
    { batch: [3], m: 4 },
  ];
  return ranks.flatMap(({ batch, m }) =>
    flags.flatMap((transposeA) =>
      flags.map((transposeB) => ({
        title: `[${batch}] x ${m}, transposeA ${transposeA}, transposeB ${transposeB}`,
        build: (builder: GraphBuilder) =>
          builder.matmul(
            builder.input('a', [...batch, ...(transposeA ? [5, m] : [m, 5])]),
            builder.input('b', [...batch, ...(transposeB ? [7, 5] : [5, 7])]),
            { transposeA, transposeB, scale: 0.25 },
          ),
      })),
    ),
  );
}

/** Two rows a token, in an order that mixes the tokens. */
function routes({ tokens }: Readonly<Record<string, number>>): Record<'rowToToken' | 'tokenToRows', ReferenceTensor> {
  const rows = 2 * tokens;
  const tokenToRows = Int32Array.from({ length: rows }, (_, i) => (i * 7) % Math.max(1, rows));
  const rowToToken = new Int32Array(rows);
  tokenToRows.forEach((row, i) => {
    rowToToken[row] = i >> 1;
  });
  return {
    rowToToken: { shape: [rows], data: rowToToken },
    tokenToRows: { shape: [tokens, 2], data: tokenToRows },
  };
}

const routed = (op: 'expandRows' | 'sumRows', leading: string): Case => ({
  title: 'two rows a token',
  build: (builder) =>
    builder[op](
      builder.input('x', [leading, 6]),
      builder.input('rowToToken', ['slots'], 'int32'),
      builder.input('tokenToRows', ['tokens', 2], 'int32'),
    ),
  feeds: ({ tokens }) => ({
    ...routes({ tokens }),
    x: randomTensor([op === 'expandRows' ? tokens : 2 * tokens, 6], pseudoRandom(tokens)),
  }),
});

const cases: { readonly [K in ComputedOp]: readonly Case[] } = {
  add: pairs('add'),
  subtract: pairs('subtract'),
  multiply: pairs('multiply'),
  divide: pairs('divide'),
  exp: unary('exp', [-4, 4]),
  log: unary('log', [0.01, 5]),
  sigmoid: unary('sigmoid', [-6, 6]),
  silu: unary('silu', [-6, 6]),
  reciprocalSquareRoot: unary('reciprocalSquareRoot', [0.1, 5]),
  matmul: [
    ...products(),
    {
      title: 'with rows as the inner dim',
      build: (b) => b.matmul(b.input('a', ['rows', 5]), b.input('b', ['rows', 7]), { transposeA: true }),
    },
    {
      title: 'with rows as the inner dim of a batch',
      build: (b) => b.matmul(b.input('a', [2, 'rows', 5]), b.input('b', [2, 'rows', 7]), { transposeA: true }),
    },
  ],
  softmax: unary('softmax', [-5, 5]),
  rmsNormalize: [
    { title: '[rows, 16]', build: (b) => b.rmsNormalize(b.input('x', ['rows', 16]), 1e-5) },
    { title: '[2, tokens, 5]', build: (b) => b.rmsNormalize(b.input('x', [2, 'tokens', 5]), 1e-2) },
    {
      title: 'times a weight',
      build: (b) => b.multiply(b.input('w', [16]), b.rmsNormalize(b.input('x', ['rows', 16]), 1e-5)),
    },
  ],
  sum: [
    { title: 'axis 0', build: (b) => b.sum(b.input('x', ['rows', 5]), [0]) },
    { title: 'axis 1, kept', build: (b) => b.sum(b.input('x', ['rows', 5]), [1], true) },
    { title: 'axes 0 and 2', build: (b) => b.sum(b.input('x', ['batch', 4, 'tokens']), [0, 2]) },
    { title: 'all axes', build: (b) => b.sum(b.input('x', ['rows', 5]), [0, 1]) },
  ],
  max: unary('max', [-5, 5]),

  reshape: [
    { title: 'of known dims', build: (b) => b.reshape(b.input('x', [4, 6]), [2, 12]) },
    { title: 'of one named dim', build: (b) => b.reshape(b.input('x', ['rows', 6]), [2, 'rows', 3]) },
    {
      title: 'of two named dims',
      build: (b) => b.reshape(b.input('x', ['batch', 'tokens', 6]), ['batch', 'tokens', 2, 3]),
    },
    { title: 'with a dim of 0', build: (b) => b.reshape(b.input('x', ['rows', 0]), [0, 'rows', 2]) },
    { title: 'to a scalar', build: (b) => b.reshape(b.input('x', [1, 1]), []) },
  ],
  transpose: [
    { title: '[1, 0]', build: (b) => b.transpose(b.input('x', ['rows', 5]), [1, 0]) },
    { title: '[0, 2, 1, 3]', build: (b) => b.transpose(b.input('x', ['batch', 'tokens', 3, 4]), [0, 2, 1, 3]) },
  ],
  slice: [
    { title: 'of the last axis', build: (b) => b.slice(b.input('x', ['rows', 9]), 1, 2, 7) },
    { title: 'of nothing', build: (b) => b.slice(b.input('x', [5, 'rows']), 0, 3, 3) },
  ],
  concat: [
    {
      title: 'of the last axis',
      build: (b) => b.concat([b.input('x', ['rows', 3]), b.input('y', ['rows', 4]), b.input('z', ['rows', 1])], 1),
    },
    { title: 'of the first axis', build: (b) => b.concat([b.input('x', [2, 'rows']), b.input('y', [3, 'rows'])], 0) },
  ],
  pad: [
    { title: 'on both sides', build: (b) => b.pad(b.input('x', ['rows', 3]), 1, 2, 4) },
    { title: 'of a middle axis', build: (b) => b.pad(b.input('x', ['batch', 2, 'tokens']), 1, 0, 1) },
  ],
  broadcast: [
    { title: '[8] to [2, 3, 8]', build: (b) => b.broadcast(b.input('x', [8]), [2, 3, 8]) },
    { title: '[rows, 1] to [rows, 8]', build: (b) => b.broadcast(b.input('x', ['rows', 1]), ['rows', 8]) },
    {
      title: '[1, 4] to the rows of another input',
      build: (b) => b.exp(b.broadcast(b.multiply(b.input('x', [1, 4]), emptySum(b)), ['rows', 4])),
    },
  ],

  rotate: [false, true].flatMap((interleaved) =>
    [false, true].map((inverse) => ({
      title: `interleaved ${interleaved}, inverse ${inverse}`,
      build: (b: GraphBuilder) =>
        b.rotate(
          b.input('x', ['batch', 2, 'tokens', 16]),
          b.input('cos', ['tokens', 8]),
          b.input('sin', ['tokens', 8]),
          {
            interleaved,
            inverse,
          },
        ),
    })),
  ),

  gatherRows: [
    {
      title: 'of a matrix',
      build: (b) => b.gatherRows(b.input('table', [11, 6]), b.input('indices', ['batch', 'tokens'], 'int32')),
      below: 11,
    },
    {
      title: 'of a vector',
      build: (b) => b.gatherRows(b.input('table', [11]), b.input('indices', ['rows'], 'int32')),
      below: 11,
    },
  ],
  scatterAddRows: [
    {
      title: 'into known rows, some met often',
      build: (b) => b.scatterAddRows(b.input('x', ['rows', 6]), b.input('indices', ['rows'], 'int32'), 9),
      below: 9,
    },
    {
      title: 'of a batch',
      build: (b) =>
        b.scatterAddRows(b.input('x', ['batch', 'tokens', 6]), b.input('indices', ['batch', 'tokens'], 'int32'), 9),
      below: 9,
    },
    {
      title: 'into named rows',
      build: (b) => {
        const known = b.input('known', ['tokens', 6]);
        return b.multiply(
          known,
          b.scatterAddRows(b.input('x', ['tokens', 6]), b.input('i', ['tokens'], 'int32'), 'tokens'),
        );
      },
      below: 1,
    },
    {
      title: 'on top of other numbers',
      build: (b) =>
        b.add(b.input('sum', [9, 6]), b.scatterAddRows(b.input('x', ['rows', 6]), b.input('i', ['rows'], 'int32'), 9)),
      below: 9,
    },
  ],
  expandRows: [routed('expandRows', 'tokens')],
  sumRows: [routed('sumRows', 'slots')],
  oneHot: [
    { title: '[rows]', build: (b) => b.oneHot(b.input('i', ['rows'], 'int32'), 5), below: 5 },
    { title: '[batch, tokens]', build: (b) => b.oneHot(b.input('i', ['batch', 'tokens'], 'int32'), 3), below: 3 },
  ],
};

/** A scalar of 0 made from an input `[rows, 2]`, so that the graph has the dim. */
function emptySum(builder: GraphBuilder): Tensor {
  return builder.sum(builder.input('other', ['rows', 2]), [0, 1]);
}

const engine = createOnnxEngine();
after(() => engine.close());

for (const [op, list] of Object.entries(cases)) {
  for (const testCase of list) {
    test(`${op} ${testCase.title} agrees with the reference for all counts of named dims`, () => {
      const builder = createGraphBuilder();
      const graph = builder.build({ result: testCase.build(builder) });
      for (const [seed, named] of counts.entries()) {
        const feeds = testCase.feeds?.(named) ?? randomFeeds(graph, testCase, named, seed);
        expectReference(engine, graph, feeds);
      }
    });
  }
}

function randomFeeds(
  { nodes, inputs }: Graph,
  { range: [low, high] = [-1, 1], below = 1 }: Case,
  named: Readonly<Record<string, number>>,
  seed: number,
): Record<string, ReferenceTensor> {
  const next = pseudoRandom(seed);
  const feeds = [...inputs].map(([name, id]) => {
    const shape = nodes[id].shape.map((dim) => (typeof dim === 'string' ? named[dim] : dim));
    const feed = nodes[id].type === 'int32' ? randomIndices(shape, below, next) : randomTensor(shape, next, low, high);
    return [name, feed] as const;
  });
  return Object.fromEntries(feeds);
}
