import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../base/index.js';
import { createGraphBuilder, type GraphBuilder } from './builder.js';
import type { Shape } from './op.js';
import { printGraph } from './print.js';
import type { ComputedOp } from './shape-rules.js';
import type { Tensor } from './tensor-type.js';

test('a graph prints one line a node', () => {
  const b = createGraphBuilder();
  const x = b.input('x', ['rows', 4]);
  const hidden = b.matmul(x, b.input('w', [8, 4]), { transposeB: true, scale: 0.5 });
  const biased = b.add(hidden, b.constant(new Float32Array(8).fill(0.1), [8]));
  const graph = b.build({ y: b.sum(biased, [-1], true), hidden });
  assert.equal(
    printGraph(graph),
    `%0 = input x : float32[rows, 4]
%1 = input w : float32[8, 4]
%2 = matmul %0 %1 (transposeB, scale 0.5) : float32[rows, 8]
%3 = constant (0.1, 0.1, 0.1, 0.1, …) : float32[8]
%4 = add %2 %3 : float32[rows, 8]
%5 = sum %4 (axes [1], keepDims) : float32[rows, 1]
output y = %5
output hidden = %2`,
  );
});

test('a tensor is plain data', () => {
  const b = createGraphBuilder();
  assert.deepEqual(b.input('x', ['rows', 2]), { id: 0, shape: ['rows', 2], type: 'float32' });
});

test('the same op on the same operands with the same parameters is one node', () => {
  const b = createGraphBuilder();
  const x = b.input('x', [2, 2]);
  assert.equal(b.exp(x), b.exp(x));
  assert.equal(b.matmul(x, x, { scale: 2 }), b.matmul(x, x, { scale: 2 }));
  assert.notEqual(b.matmul(x, x, { scale: 2 }), b.matmul(x, x));
  assert.equal(b.constant(Float32Array.of(1, 2), [2]), b.constant(Float32Array.of(1, 2), [2]));
  assert.notEqual(b.constant(Float32Array.of(1, 2), [2]), b.constant(Int32Array.of(1, 2), [2]));
  assert.notEqual(b.constant(Float32Array.of(1, 2), [2]), b.constant(Float32Array.of(1, 2), [2, 1]));
  assert.notEqual(b.scalar(0), b.scalar(-0));
});

test('a large constant is one node where it is one array', () => {
  const b = createGraphBuilder();
  const [first, second] = [new Float32Array(100), new Float32Array(100)];
  assert.equal(b.constant(first, [100]), b.constant(first, [100]));
  assert.notEqual(b.constant(first, [100]), b.constant(second, [100]));
});

test('what changes nothing gives its operand back', () => {
  const b = createGraphBuilder();
  const x = b.input('x', ['rows', 4, 6]);
  for (const same of [
    b.multiply(x, 1),
    b.multiply(1, x),
    b.add(x, 0),
    b.add(0, x),
    b.subtract(x, 0),
    b.divide(x, 1),
    b.sum(x, []),
    b.reshape(x, ['rows', 4, 6]),
    b.reshape(b.reshape(x, ['rows', 24]), ['rows', 4, 6]),
    b.transpose(x, [0, 1, 2]),
    b.transpose(b.transpose(x, [2, 0, 1]), [1, 2, 0]),
    b.slice(x, 2, 0, 6),
    b.slice(b.concat([x, b.exp(x)], -1), -1, 0, 6),
    b.concat([x], 1),
    b.pad(x, 1, 0, 0),
    b.broadcast(x, ['rows', 4, 6]),
  ]) {
    assert.equal(same, x);
  }
});

test('an identity that would lose a repeated dim is kept', () => {
  const b = createGraphBuilder();
  const x = b.input('x', [3]);
  const ones = b.constant(Float32Array.of(1), [1, 1]);
  assert.deepEqual(b.multiply(x, ones).shape, [1, 3]);
});

test('views of views, slices of slices and slices of parts read the first tensor', () => {
  const b = createGraphBuilder();
  const x = b.input('x', ['rows', 2, 6]);
  const y = b.exp(x);
  assert.equal(b.transpose(b.transpose(x, [2, 0, 1]), [0, 2, 1]), b.transpose(x, [2, 1, 0]));
  assert.equal(b.slice(b.slice(x, 2, 1, 5), 2, 1, 3), b.slice(x, 2, 2, 4));
  assert.equal(b.slice(b.concat([x, y], 2), 2, 7, 9), b.slice(y, 2, 1, 3));
  assert.equal(b.broadcast(b.broadcast(x, [1, 'rows', 2, 6]), [5, 'rows', 2, 6]), b.broadcast(x, [5, 'rows', 2, 6]));
  assert.equal(b.add(b.broadcast(b.input('row', [6]), ['rows', 2, 6]), x).shape.length, 3);
});

test('an elementwise op reads the tensor that was repeated for it', () => {
  const b = createGraphBuilder();
  const [x, row] = [b.input('x', ['rows', 4]), b.input('row', [4])];
  assert.equal(b.multiply(x, b.broadcast(row, ['rows', 4])), b.multiply(x, row));
  assert.equal(b.subtract(b.broadcast(row, ['rows', 4]), x), b.subtract(row, x));
});

test('nodes and inputs that no output needs are left out, and ids are positions', () => {
  const b = createGraphBuilder();
  b.input('unused', [2]);
  const x = b.input('x', [2]);
  b.exp(x);
  const graph = b.build({ y: b.log(x), x });
  assert.deepEqual([...graph.inputs], [['x', 0]]);
  assert.deepEqual(
    [...graph.outputs],
    [
      ['y', 1],
      ['x', 0],
    ],
  );
  assert.deepEqual(
    graph.nodes.map(({ id }) => id),
    [0, 1],
  );
});

type ShapeCase = readonly [make: (b: GraphBuilder) => Tensor, expected: Shape];

const maps = (b: GraphBuilder) =>
  [b.input('rowToToken', ['rows'], 'int32'), b.input('tokenToRows', ['tokens', 2], 'int32')] as const;
const tables = (b: GraphBuilder) => [b.input('cos', ['tokens', 2]), b.input('sin', ['tokens', 2])] as const;

const shapeCases: { readonly [K in ComputedOp]: ShapeCase } = {
  add: [(b) => b.add(b.input('a', ['rows', 1]), b.input('b', [4])), ['rows', 4]],
  subtract: [(b) => b.subtract(b.input('a', [3, 1, 2]), b.input('b', [4, 1])), [3, 4, 2]],
  multiply: [(b) => b.multiply(b.input('a', ['rows']), b.input('b', ['rows'])), ['rows']],
  divide: [(b) => b.divide(b.input('a', []), b.input('b', [0, 2])), [0, 2]],
  exp: [(b) => b.exp(b.input('x', ['rows'])), ['rows']],
  log: [(b) => b.log(b.input('x', [])), []],
  sigmoid: [(b) => b.sigmoid(b.input('x', [2])), [2]],
  silu: [(b) => b.silu(b.input('x', [2])), [2]],
  reciprocalSquareRoot: [(b) => b.reciprocalSquareRoot(b.input('x', [2])), [2]],
  matmul: [
    (b) =>
      b.matmul(b.input('a', ['batch', 4, 'rows']), b.input('b', ['batch', 3, 4]), {
        transposeA: true,
        transposeB: true,
      }),
    ['batch', 'rows', 3],
  ],
  softmax: [(b) => b.softmax(b.input('x', ['rows', 'keys'])), ['rows', 'keys']],
  rmsNormalize: [(b) => b.rmsNormalize(b.input('x', ['rows', 4]), 0), ['rows', 4]],
  sum: [(b) => b.sum(b.input('x', ['rows', 3, 4]), [-1, 0]), [3]],
  max: [(b) => b.max(b.input('x', ['rows', 3])), ['rows', 1]],
  reshape: [(b) => b.reshape(b.input('x', ['rows', 2, 6], 'int32'), [3, 'rows', 4]), [3, 'rows', 4]],
  transpose: [(b) => b.transpose(b.input('x', ['rows', 2, 3]), [-1, 0, 1]), [3, 'rows', 2]],
  slice: [(b) => b.slice(b.input('x', ['rows', 6]), -1, 2, 2), ['rows', 0]],
  concat: [(b) => b.concat([b.input('a', ['rows', 2]), b.input('b', ['rows', 3])], -1), ['rows', 5]],
  pad: [(b) => b.pad(b.input('x', [2, 3]), 0, 1, 2), [5, 3]],
  broadcast: [(b) => b.broadcast(b.input('x', [1, 4]), [2, 'rows', 4]), [2, 'rows', 4]],
  rotate: [(b) => b.rotate(b.input('x', [2, 3, 'tokens', 4]), ...tables(b)), [2, 3, 'tokens', 4]],
  gatherRows: [(b) => b.gatherRows(b.input('t', [9, 2, 3]), b.input('i', ['rows', 4], 'int32')), ['rows', 4, 2, 3]],
  scatterAddRows: [
    (b) => b.scatterAddRows(b.input('u', ['rows', 4, 2]), b.input('i', ['rows', 4], 'int32'), 9),
    [9, 2],
  ],
  expandRows: [(b) => b.expandRows(b.input('x', ['tokens', 4]), ...maps(b)), ['rows', 4]],
  sumRows: [(b) => b.sumRows(b.input('y', ['rows', 4]), ...maps(b)), ['tokens', 4]],
  oneHot: [(b) => b.oneHot(b.input('i', ['rows'], 'int32'), 5), ['rows', 5]],
};

for (const [op, [make, expected]] of Object.entries(shapeCases)) {
  test(`${op} gives ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(make(createGraphBuilder()).shape, expected);
  });
}

const x = (b: GraphBuilder, shape: Shape = ['rows', 4]) => b.input('x', shape);
const indices = (b: GraphBuilder) => b.input('indices', ['rows'], 'int32');

const refusals: readonly (readonly [make: (b: GraphBuilder) => Tensor, message: string])[] = [
  [
    (b) => b.add(x(b), b.input('y', ['tokens', 4])),
    'add of float32[rows, 4] and float32[tokens, 4]: the shapes do not broadcast',
  ],
  [
    (b) => b.multiply(x(b), b.input('y', [3, 4])),
    'multiply of float32[rows, 4] and float32[3, 4]: the shapes do not broadcast',
  ],
  [(b) => b.add(indices(b), 1), 'add of int32[rows] and float32[]: it takes float32'],
  [(b) => b.exp(indices(b)), 'exp of int32[rows]: it takes float32'],
  [
    (b) => b.matmul(x(b), b.input('w', [3, 4])),
    'matmul of float32[rows, 4] and float32[3, 4]: with transposeA false and transposeB false the inner dims 4 and 3 differ',
  ],
  [
    (b) => b.matmul(x(b, [2, 3, 4]), b.input('w', [4, 3])),
    'matmul of float32[2, 3, 4] and float32[4, 3]: it takes two operands of one rank, 2 or more',
  ],
  [
    (b) => b.matmul(x(b, [2, 3, 4]), b.input('w', [3, 4, 3])),
    'matmul of float32[2, 3, 4] and float32[3, 4, 3]: the leading dims differ',
  ],
  [(b) => b.matmul(x(b, [2, 2]), x(b, [2, 2])), "input 'x' is declared twice"],
  [(b) => b.softmax(b.input('s', [])), 'softmax of float32[]: it needs at least one dim'],
  [
    (b) => b.rmsNormalize(x(b, [4, 'rows']), 1e-6),
    'rmsNormalize of float32[4, rows]: the last dim must be a count, as its mean is taken',
  ],
  [(b) => b.rmsNormalize(x(b), -1), 'rmsNormalize of float32[rows, 4]: epsilon -1 is not a finite number of 0 or more'],
  [(b) => b.sum(x(b), [2]), 'sum of float32[rows, 4]: there is no axis 2'],
  [(b) => b.sum(x(b), [1, -1]), 'sum of float32[rows, 4]: axis 1 is named twice'],
  [(b) => b.reshape(x(b), [8, 'rows']), 'reshape of float32[rows, 4]: [8, rows] has another number of elements'],
  [(b) => b.reshape(x(b), ['tokens', 4]), 'reshape of float32[rows, 4]: [tokens, 4] has another number of elements'],
  [(b) => b.reshape(x(b), ['rows', -4]), 'reshape of float32[rows, 4]: [rows, -4] is not a shape'],
  [(b) => b.transpose(x(b), [0, 0]), 'transpose of float32[rows, 4]: [0, 0] is not a permutation of its axes'],
  [(b) => b.slice(x(b), 1, 2, 5), 'slice of float32[rows, 4]: 2 to 5 does not lie within axis 1'],
  [(b) => b.slice(x(b), 0, 0, 1), 'slice of float32[rows, 4]: axis 0 has no count known, so it cannot be sliced'],
  [
    (b) => b.concat([x(b), b.input('y', ['tokens', 4])], 1),
    'concat of float32[rows, 4] and float32[tokens, 4]: the shapes differ elsewhere than on axis 1',
  ],
  [(b) => b.concat([], 0), 'concat of no operands: it needs an operand'],
  [(b) => b.pad(x(b), 1, -1, 0), 'pad of float32[rows, 4]: -1 and 0 are not counts of zeros'],
  [(b) => b.broadcast(x(b), [2, 4]), 'broadcast of float32[rows, 4]: it does not broadcast to [2, 4]'],
  [
    (b) => b.rotate(x(b, [1, 1, 3, 4]), b.input('cos', [3, 4]), b.input('sin', [3, 4])),
    'rotate of float32[1, 1, 3, 4] and float32[3, 4] and float32[3, 4]: cos and sin must be [3, 2]',
  ],
  [
    (b) => b.gatherRows(x(b), b.input('i', [2])),
    'gatherRows of float32[rows, 4] and float32[2]: the indices must be int32',
  ],
  [
    (b) => b.expandRows(x(b), ...maps(b)),
    'expandRows of float32[rows, 4] and int32[rows] and int32[tokens, 2]: the matrix must have tokens rows',
  ],
  [(b) => b.input('x', [1.5]), "[1.5] is not a shape (input 'x'): a dim is a count of 0 or more, or a name"],
  [(b) => b.constant(Float32Array.of(1, 2), [3]), 'constant float32[3] got 2 numbers'],
];

for (const [make, message] of refusals) {
  test(`refused: ${message}`, () => {
    assert.throws(() => make(createGraphBuilder()), { name: 'InputError', message });
  });
}

test('a tensor of another builder is refused', () => {
  const [b, other] = [createGraphBuilder(), createGraphBuilder()];
  b.input('x', [2]);
  const foreign = other.input('x', [2]);
  assert.throws(() => b.exp(foreign), InputError);
  assert.throws(() => b.build({ y: foreign }), InputError);
});
