import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createGraphBuilder, type Graph, type GraphBuilder, interpret, type Op, type Tensor } from '../graph/index.js';
import { createOnnxEngine, type Engine, type TensorHandle } from './index.js';

type Feeds = Record<string, Parameters<typeof interpret>[1][string]>;

/** Numbers that differ, are never zero and need no randomness. */
function numbers(count: number, shift: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => Math.fround(Math.sin(1.7 * i + shift) * 0.9 + 0.05));
}

const size = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

interface Case {
  readonly feeds: Readonly<Record<string, readonly number[]>>;
  readonly indices?: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: readonly number[] }>>;
  readonly named?: Readonly<Record<string, readonly (number | string)[]>>;
  readonly build: (b: GraphBuilder, input: (name: string) => Tensor) => Tensor;
}

const positive = (b: GraphBuilder, x: Tensor): Tensor => b.add(b.multiply(x, x), 0.5);
const routing = {
  rowToToken: { shape: [6], data: [0, 2, 1, 2, 0, 1] },
  tokenToRows: { shape: [3, 2], data: [0, 4, 2, 5, 1, 3] },
};

/** At least one case for every op that computes. */
const cases: { readonly [K in Exclude<Op, 'input' | 'constant'>]: readonly Case[] } = {
  add: [{ feeds: { a: [3, 4], b: [4] }, build: (b, i) => b.add(i('a'), i('b')) }],
  subtract: [{ feeds: { a: [3, 1], b: [3, 4] }, build: (b, i) => b.subtract(i('a'), i('b')) }],
  multiply: [
    { feeds: { a: [2, 3, 4], b: [3, 1] }, build: (b, i) => b.multiply(i('a'), i('b')) },
    { feeds: { a: [3, 8], b: [8] }, build: (b, i) => b.multiply(b.rmsNormalize(i('a'), 1e-6), i('b')) },
  ],
  divide: [{ feeds: { a: [3, 4], b: [3, 4] }, build: (b, i) => b.divide(i('a'), positive(b, i('b'))) }],
  exp: [{ feeds: { a: [5] }, build: (b, i) => b.exp(i('a')) }],
  log: [{ feeds: { a: [5] }, build: (b, i) => b.log(positive(b, i('a'))) }],
  sigmoid: [{ feeds: { a: [5] }, build: (b, i) => b.sigmoid(i('a')) }],
  silu: [{ feeds: { a: [5, 7] }, build: (b, i) => b.silu(i('a')) }],
  reciprocalSquareRoot: [{ feeds: { a: [5] }, build: (b, i) => b.reciprocalSquareRoot(positive(b, i('a'))) }],
  matmul: [
    { feeds: { a: [3, 4], b: [5, 4] }, build: (b, i) => b.matmul(i('a'), i('b'), { transposeB: true, scale: 0.5 }) },
    {
      feeds: { a: [4, 3], b: [4, 5], c: [3, 5] },
      build: (b, i) => b.add(i('c'), b.matmul(i('a'), i('b'), { transposeA: true })),
    },
    {
      feeds: { a: [2, 2, 3, 4], b: [2, 2, 5, 4] },
      build: (b, i) => b.matmul(i('a'), i('b'), { transposeB: true, scale: 0.3 }),
    },
    { feeds: { a: [2, 4, 3], b: [2, 4, 5] }, build: (b, i) => b.matmul(i('a'), i('b'), { transposeA: true }) },
    {
      feeds: { a: [6, 4], w: [5, 4] },
      named: { a: ['rows', 4] },
      build: (b, i) => b.matmul(i('a'), i('w'), { transposeB: true }),
    },
  ],
  softmax: [{ feeds: { a: [2, 3, 4] }, build: (b, i) => b.softmax(i('a')) }],
  rmsNormalize: [{ feeds: { a: [3, 8] }, build: (b, i) => b.rmsNormalize(i('a'), 1e-6) }],
  sum: [
    { feeds: { a: [2, 3, 4] }, build: (b, i) => b.sum(i('a'), [1], true) },
    { feeds: { a: [2, 3] }, build: (b, i) => b.sum(i('a'), [0, 1], false) },
  ],
  max: [{ feeds: { a: [2, 5] }, build: (b, i) => b.max(i('a')) }],
  reshape: [{ feeds: { a: [2, 6] }, build: (b, i) => b.exp(b.reshape(i('a'), [3, 4])) }],
  transpose: [{ feeds: { a: [2, 3, 4, 5] }, build: (b, i) => b.transpose(i('a'), [0, 2, 1, 3]) }],
  slice: [{ feeds: { a: [2, 6, 3] }, build: (b, i) => b.slice(i('a'), 1, 2, 5) }],
  concat: [{ feeds: { a: [2, 3], b: [2, 4] }, build: (b, i) => b.concat([i('a'), i('b')], 1) }],
  pad: [{ feeds: { a: [2, 3] }, build: (b, i) => b.pad(i('a'), 1, 1, 2) }],
  broadcast: [{ feeds: { a: [2, 1, 3] }, build: (b, i) => b.broadcast(i('a'), [2, 4, 3]) }],
  rotate: [true, false].flatMap((interleaved) =>
    [true, false].map((inverse) => ({
      feeds: { a: [2, 3, 5, 8], cos: [5, 4], sin: [5, 4] },
      build: (b: GraphBuilder, i: (name: string) => Tensor) =>
        b.rotate(i('a'), i('cos'), i('sin'), { interleaved, inverse }),
    })),
  ),
  gatherRows: [
    {
      feeds: { a: [4, 3] },
      indices: { at: { shape: [5], data: [3, 0, 0, 2, 1] } },
      build: (b, i) => b.gatherRows(i('a'), i('at')),
    },
  ],
  scatterAddRows: [
    {
      feeds: { a: [5, 3] },
      indices: { at: { shape: [5], data: [3, 0, 0, 2, 3] } },
      build: (b, i) => b.scatterAddRows(i('a'), i('at'), 4),
    },
    {
      feeds: { a: [5, 3], base: [4, 3] },
      indices: { at: { shape: [5], data: [3, 0, 0, 2, 3] } },
      build: (b, i) => b.add(i('base'), b.scatterAddRows(i('a'), i('at'), 4)),
    },
  ],
  expandRows: [
    {
      feeds: { a: [3, 4] },
      indices: routing,
      build: (b, i) => b.expandRows(i('a'), i('rowToToken'), i('tokenToRows')),
    },
  ],
  sumRows: [
    { feeds: { a: [6, 4] }, indices: routing, build: (b, i) => b.sumRows(i('a'), i('rowToToken'), i('tokenToRows')) },
  ],
  oneHot: [{ feeds: {}, indices: { at: { shape: [4], data: [2, 0, 1, 2] } }, build: (b, i) => b.oneHot(i('at'), 3) }],
};

function prepare(testCase: Case): { graph: Graph; feeds: Feeds } {
  const b = createGraphBuilder();
  const tensors = new Map<string, Tensor>();
  const feeds: Feeds = {};
  for (const [name, shape] of Object.entries(testCase.feeds)) {
    tensors.set(name, b.input(name, testCase.named?.[name] ?? shape));
    feeds[name] = { shape: [...shape], data: numbers(size(shape), tensors.size) };
  }
  for (const [name, { shape, data }] of Object.entries(testCase.indices ?? {})) {
    tensors.set(name, b.input(name, shape, 'int32'));
    feeds[name] = { shape: [...shape], data: Int32Array.from(data) };
  }
  const result = testCase.build(b, (name) => tensors.get(name) as Tensor);
  return { graph: b.build({ y: result }), feeds };
}

function shared(
  engine: Engine,
  shape: readonly number[],
  data?: ArrayLike<number>,
  integer = false,
): { handle: TensorHandle; view: Float32Array } {
  const buffer = new SharedArrayBuffer(Math.max(64, 4 * size(shape)));
  if (data !== undefined) (integer ? new Int32Array(buffer) : new Float32Array(buffer)).set(data);
  const handle = engine.tensor({ buffer, byteOffset: 0 }, shape, integer ? 'int32' : 'float32');
  return { handle, view: new Float32Array(buffer, 0, size(shape)) };
}

function runOnEngine(engine: Engine, graph: Graph, feeds: Feeds, shape: readonly number[]): Float32Array {
  const y = shared(engine, shape);
  const ports: Record<string, TensorHandle> = { y: y.handle };
  for (const name of graph.inputs.keys()) {
    const { shape: dims, data } = feeds[name];
    ports[name] = shared(engine, dims, data, data instanceof Int32Array).handle;
  }
  engine.call(engine.compile(graph), ports).run();
  return y.view;
}

describe('the ONNX Runtime engine', () => {
  const engine = createOnnxEngine();
  for (const [op, list] of Object.entries(cases)) {
    for (const [index, testCase] of list.entries()) {
      it(`computes ${op} (${index}) as the reference interpreter does`, () => {
        const { graph, feeds } = prepare(testCase);
        const expected = interpret(graph, feeds).y;
        const actual = runOnEngine(engine, graph, feeds, expected.shape);
        for (const [at, value] of actual.entries())
          assert.ok(
            Math.abs(value - expected.data[at]) < 2e-6 * Math.max(1, Math.abs(value)),
            `${op}[${at}]: ${value} is not ${expected.data[at]}`,
          );
      });
    }
  }

  it('adds a product to the memory that it reads the sum from', () => {
    const b = createGraphBuilder();
    const product = b.matmul(b.input('a', [16, 8]), b.input('b', [16, 4]), { transposeA: true });
    const graph = b.build({ 'grad:w': b.add(b.input('sum:w', [8, 4]), product) });
    const sum = shared(engine, [8, 4]);
    const ones = (shape: number[]) => shared(engine, shape, new Float32Array(size(shape)).fill(1)).handle;
    const call = engine.call(engine.compile(graph), {
      a: ones([16, 8]),
      b: ones([16, 4]),
      'sum:w': sum.handle,
      'grad:w': sum.handle,
    });
    call.run();
    call.run();
    assert.deepEqual([...new Set(sum.view)], [32]);
  });

  it("reports the library's own words when a tensor has the wrong shape", () => {
    const b = createGraphBuilder();
    const graph = b.build({ y: b.exp(b.input('x', [4])) });
    const call = engine.call(engine.compile(graph), { x: shared(engine, [5]).handle, y: shared(engine, [5]).handle });
    assert.throws(() => call.run(), { name: 'WorkError', message: /Got: 5 Expected: 4/ });
  });
});
