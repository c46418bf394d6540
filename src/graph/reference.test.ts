import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGraphBuilder, type GraphBuilder } from './builder.js';
import { interpret } from './reference.js';
import type { ReferenceTensor } from './reference-kernels.js';
import type { ComputedOp } from './shape-rules.js';
import type { Tensor } from './tensor-type.js';
import { floats, ints } from './test-graphs.js';

interface KernelCase {
  readonly make: (b: GraphBuilder, x: (data: readonly number[], shape?: readonly number[]) => Tensor) => Tensor;
  readonly expected: ReferenceTensor;
}

const indices = (b: GraphBuilder, data: readonly number[], shape = [data.length]) =>
  b.constant(Int32Array.from(data), shape);
const maps = (b: GraphBuilder) => [indices(b, [1, 0, 1, 0]), indices(b, [1, 3, 0, 2], [2, 2])] as const;

/** By hand, or from the definition. */
const kernelCases: { readonly [K in ComputedOp]: KernelCase } = {
  add: { make: (b, x) => b.add(x([1, 2], [2, 1]), x([10, 20])), expected: floats([11, 21, 12, 22], [2, 2]) },
  subtract: { make: (b, x) => b.subtract(1, x([3, 4])), expected: floats([-2, -3]) },
  multiply: {
    make: (b, x) => b.multiply(x([1, 2, 3, 4], [2, 2]), x([5, 6])),
    expected: floats([5, 12, 15, 24], [2, 2]),
  },
  divide: { make: (b, x) => b.divide(x([1, 9]), x([2, 3])), expected: floats([0.5, 3]) },
  exp: { make: (b, x) => b.exp(x([0, 1])), expected: floats([1, Math.E]) },
  log: { make: (b, x) => b.log(x([1, 8])), expected: floats([0, 3 * Math.LN2]) },
  sigmoid: { make: (b, x) => b.sigmoid(x([0, 2])), expected: floats([0.5, 0.8807970779778823]) },
  silu: { make: (b, x) => b.silu(x([0, 2])), expected: floats([0, 2 * 0.8807970779778823]) },
  reciprocalSquareRoot: { make: (b, x) => b.reciprocalSquareRoot(x([4, 0.25])), expected: floats([0.5, 2]) },
  matmul: {
    make: (b, x) =>
      b.matmul(x([1, 2, 3, 4, 5, 6], [3, 2]), x([1, 0, 0, 0, 2, 1], [2, 3]), {
        transposeA: true,
        transposeB: true,
        scale: 2,
      }),
    expected: floats([2, 22, 4, 28], [2, 2]),
  },
  softmax: {
    make: (b, x) => b.softmax(x([0, Math.log(3), 800, 800], [2, 2])),
    expected: floats([0.25, 0.75, 0.5, 0.5], [2, 2]),
  },
  rmsNormalize: {
    make: (b, x) => b.rmsNormalize(x([3, 4, 0, 0], [2, 2]), 0.5),
    expected: floats([3 / Math.sqrt(13), 4 / Math.sqrt(13), 0, 0], [2, 2]),
  },
  sum: { make: (b, x) => b.sum(x([1, 2, 3, 4, 5, 6], [2, 3]), [0], true), expected: floats([5, 7, 9], [1, 3]) },
  max: { make: (b, x) => b.max(x([1, 3, 2, -4, -6, -5], [2, 3])), expected: floats([3, -4], [2, 1]) },
  reshape: { make: (b, x) => b.reshape(x([1, 2, 3, 4]), [2, 2]), expected: floats([1, 2, 3, 4], [2, 2]) },
  transpose: {
    make: (b, x) => b.transpose(x([1, 2, 3, 4, 5, 6], [1, 2, 3]), [2, 0, 1]),
    expected: floats([1, 4, 2, 5, 3, 6], [3, 1, 2]),
  },
  slice: { make: (b, x) => b.slice(x([1, 2, 3, 4, 5, 6], [2, 3]), 1, 1, 3), expected: floats([2, 3, 5, 6], [2, 2]) },
  concat: {
    make: (b, x) => b.concat([x([1, 2], [2, 1]), x([3, 4, 5, 6], [2, 2])], 1),
    expected: floats([1, 3, 4, 2, 5, 6], [2, 3]),
  },
  pad: { make: (b, x) => b.pad(x([1, 2], [2, 1]), 1, 1, 1), expected: floats([0, 1, 0, 0, 2, 0], [2, 3]) },
  broadcast: {
    make: (b, x) => b.broadcast(x([1, 2], [2, 1]), [2, 2, 2]),
    expected: floats([1, 1, 2, 2, 1, 1, 2, 2], [2, 2, 2]),
  },
  rotate: {
    make: (b, x) => b.rotate(x([1, 2, 3, 4], [1, 1, 1, 4]), x([0, 1], [1, 2]), x([1, 0], [1, 2])),
    expected: floats([-3, 2, 1, 4], [1, 1, 1, 4]),
  },
  gatherRows: {
    make: (b, x) => b.gatherRows(x([1, 2, 3, 4], [2, 2]), indices(b, [1, 0, 1])),
    expected: floats([3, 4, 1, 2, 3, 4], [3, 2]),
  },
  scatterAddRows: {
    make: (b, x) => b.scatterAddRows(x([1, 2, 4]), indices(b, [2, 0, 2]), 3),
    expected: floats([2, 0, 5]),
  },
  expandRows: {
    make: (b, x) => b.expandRows(x([1, 2, 3, 4], [2, 2]), ...maps(b)),
    expected: floats([3, 4, 1, 2, 3, 4, 1, 2], [4, 2]),
  },
  sumRows: { make: (b, x) => b.sumRows(x([1, 2, 3, 4], [4, 1]), ...maps(b)), expected: floats([6, 4], [2, 1]) },
  oneHot: { make: (b) => b.oneHot(indices(b, [2, 0]), 3), expected: floats([0, 0, 1, 1, 0, 0], [2, 3]) },
};

for (const [op, { make, expected }] of Object.entries(kernelCases)) {
  test(`${op} computes what it is defined to`, () => {
    const b = createGraphBuilder();
    const feeds: Record<string, ReferenceTensor> = {};
    const feed = (data: readonly number[], shape: readonly number[] = [data.length]) => {
      const name = `x${Object.keys(feeds).length}`;
      feeds[name] = floats(data, shape);
      return b.input(name, shape);
    };
    const { y } = interpret(b.build({ y: make(b, feed) }), feeds);
    assert.deepEqual(y.shape, expected.shape);
    for (const [i, value] of expected.data.entries()) assert.ok(Math.abs(y.data[i] - value) < 1e-12, `${y.data}`);
  });
}

test('the interleaved rotation turns neighbours, and its inverse turns them back', () => {
  const b = createGraphBuilder();
  const x = b.input('x', [1, 1, 1, 4]);
  const [cos, sin] = [b.input('cos', [1, 2]), b.input('sin', [1, 2])];
  const turned = b.rotate(x, cos, sin, { interleaved: true });
  const graph = b.build({ turned, back: b.rotate(turned, cos, sin, { interleaved: true, inverse: true }) });
  const feeds = { x: floats([1, 2, 3, 4], [1, 1, 1, 4]), cos: floats([0, 1], [1, 2]), sin: floats([1, 0], [1, 2]) };
  const { turned: result, back } = interpret(graph, feeds);
  assert.deepEqual([...result.data], [-2, 1, 3, 4]);
  assert.deepEqual([...back.data], [1, 2, 3, 4]);
});

test('int32 tensors stay int32 through ops that only move them', () => {
  const b = createGraphBuilder();
  const y = b.transpose(b.concat([b.input('i', [1, 2], 'int32'), b.constant(Int32Array.of(7, 8), [1, 2])], 0), [1, 0]);
  assert.deepEqual(interpret(b.build({ y }), { i: ints([1, 2], [1, 2]) }), { y: ints([1, 7, 2, 8], [2, 2]) });
});

test('named dims take their counts from the feeds, 0 too', () => {
  const b = createGraphBuilder();
  const x = b.input('x', ['rows', 2]);
  const graph = b.build({ sum: b.sum(x, [0]), repeated: b.broadcast(b.scalar(1), ['rows']) });
  assert.deepEqual(interpret(graph, { x: floats([1, 2, 3, 4], [2, 2]) }), {
    sum: floats([4, 6]),
    repeated: floats([1, 1]),
  });
  assert.deepEqual(interpret(graph, { x: floats([], [0, 2]) }), { sum: floats([0, 0]), repeated: floats([]) });
});

function pairGraph() {
  const b = createGraphBuilder();
  const x = b.input('x', ['rows', 2]);
  return b.build({ y: b.multiply(x, b.input('w', ['rows', 1])) });
}

test('feeds that do not fit are refused', () => {
  const x = floats([1, 2, 3, 4], [2, 2]);
  const refuse = (feeds: Record<string, ReferenceTensor>, message: string) =>
    assert.throws(() => interpret(pairGraph(), feeds), { name: 'InputError', message });
  refuse({ x }, "input 'w' is not fed");
  refuse({ x, w: floats([1, 2], [2, 1]), z: x }, "the graph has no input 'z': feed x, w");
  refuse(
    { x, w: floats([1, 2, 3], [3, 1]) },
    "input 'w' is float32[rows, 1] but was fed float32[3, 1] with 3 numbers (where rows = 2)",
  );
  refuse(
    { x: floats([1, 2, 3], [2, 2]), w: x },
    "input 'x' is float32[rows, 2] but was fed float32[2, 2] with 3 numbers",
  );
  refuse({ x: ints([1, 2], [1, 2]), w: x }, "input 'x' is float32[rows, 2] but was fed int32[1, 2] with 2 numbers");
});

test('a dim that no input has cannot be run', () => {
  const b = createGraphBuilder();
  const graph = b.build({ y: b.broadcast(b.scalar(1), ['rows']) });
  assert.throws(() => interpret(graph, {}), /no input has the dim 'rows': give the graph an input that has it/);
});

test('an index beyond the table is refused', () => {
  const b = createGraphBuilder();
  const graph = b.build({ y: b.gatherRows(b.input('table', [2, 1]), b.input('i', ['rows'], 'int32')) });
  assert.throws(
    () => interpret(graph, { table: floats([1, 2], [2, 1]), i: ints([0, 2]) }),
    /index 2 does not lie within 2 rows/,
  );
});
