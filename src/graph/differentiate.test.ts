import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../base/index.js';
import { createGraphBuilder, type GraphBuilder } from './builder.js';
import { differentiate } from './differentiate.js';
import { printGraph } from './print.js';
import { interpret } from './reference.js';
import type { ComputedOp } from './shape-rules.js';
import type { Tensor } from './tensor-type.js';
import {
  type Feeds,
  floatInputs,
  floats,
  ints,
  largestGradientError,
  latentAttention,
  randomFeeds,
  swigluExpert,
} from './test-graphs.js';

interface GradientCase {
  readonly make: (b: GraphBuilder) => Tensor;
  readonly feeds?: Feeds;
  /** The inputs to check; all float32 ones if absent. */
  readonly wrt?: readonly string[];
}

type Cases = Readonly<Record<string, GradientCase>>;

const dims = { rows: 3 };

function unaryCases(op: 'exp' | 'log' | 'sigmoid' | 'silu' | 'reciprocalSquareRoot' | 'softmax'): Cases {
  const name = op === 'log' || op === 'reciprocalSquareRoot' ? 'positiveX' : 'x';
  return { 'a matrix with a named dim': { make: (b) => b[op](b.input(name, ['rows', 4])) } };
}

function pairCases(op: 'add' | 'subtract' | 'multiply' | 'divide'): Cases {
  const pair =
    (left: readonly (number | string)[], right: readonly (number | string)[]) =>
    (b: GraphBuilder): Tensor =>
      b[op](b.input('a', left), b.input('positiveB', right));
  return {
    'equal shapes': { make: pair([2, 3], [2, 3]) },
    'a row for all rows': { make: pair(['rows', 4], [4]) },
    'a column for all columns': { make: pair(['rows', 1], ['rows', 4]) },
    'both operands repeated': { make: pair([2, 1, 3], [4, 1]) },
    'a scalar operand': { make: pair([], [2, 2]) },
    'a number': { make: (b) => b[op](b.input('a', [2, 2]), 3) },
    'a number first': { make: (b) => b[op](3, b.input('positiveB', [2, 2])) },
    'an operand with itself': {
      make: (b) => {
        const x = b.input('positiveX', [3]);
        return b.multiply(b[op](x, x), x);
      },
    },
  };
}

function matmulCases(): Cases {
  const cases: Record<string, GradientCase> = {};
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      for (const [title, batch] of [
        ['matrices', []],
        ['batches', [2, 'rows']],
      ] as const) {
        cases[`${title}, transposeA ${transposeA}, transposeB ${transposeB}`] = {
          make: (b) => {
            const left = b.input('a', [...batch, ...(transposeA ? [4, 3] : [3, 4])]);
            const right = b.input('b', [...batch, ...(transposeB ? [2, 4] : [4, 2])]);
            return b.matmul(left, right, { transposeA, transposeB, scale: 0.5 });
          },
        };
      }
    }
  }
  cases['named rows'] = { make: (b) => b.matmul(b.input('a', ['rows', 2]), b.input('b', [2, 3])) };
  return cases;
}

const rowMaps = { rowToToken: ints([1, 0, 1, 0, 2, 2]), tokenToRows: ints([1, 3, 0, 2, 4, 5], [3, 2]) };
const mapInputs = (b: GraphBuilder) =>
  [b.input('rowToToken', ['copies'], 'int32'), b.input('tokenToRows', ['tokens', 2], 'int32')] as const;

const rotateCase = (interleaved: boolean, inverse: boolean): GradientCase => ({
  make: (b) => {
    const [cos, sin] = [b.input('cos', [3, 2]), b.input('sin', [3, 2])];
    return b.rotate(b.input('x', [2, 2, 3, 4]), cos, sin, { interleaved, inverse });
  },
  wrt: ['x'],
});

const gradientCases: { readonly [K in ComputedOp]: Cases } = {
  add: pairCases('add'),
  subtract: pairCases('subtract'),
  multiply: pairCases('multiply'),
  divide: pairCases('divide'),
  exp: unaryCases('exp'),
  log: unaryCases('log'),
  sigmoid: unaryCases('sigmoid'),
  silu: unaryCases('silu'),
  reciprocalSquareRoot: unaryCases('reciprocalSquareRoot'),
  matmul: matmulCases(),
  softmax: unaryCases('softmax'),
  rmsNormalize: {
    'a small epsilon': { make: (b) => b.rmsNormalize(b.input('x', ['rows', 3]), 1e-6) },
    'a large epsilon': { make: (b) => b.rmsNormalize(b.input('x', [2, 2, 3]), 0.5) },
  },
  sum: {
    'all axes': { make: (b) => b.sum(b.input('x', ['rows', 3]), [0, 1]) },
    'a named axis, kept': { make: (b) => b.sum(b.input('x', ['rows', 3]), [0], true) },
    'an axis between, dropped': { make: (b) => b.exp(b.sum(b.input('x', [2, 3, 2]), [1])) },
    'read by a product': {
      make: (b) => {
        const x = b.input('x', ['rows', 3]);
        return b.multiply(x, b.sum(x, [-1], true));
      },
    },
  },
  max: {
    'the shift of a log of summed powers': {
      make: (b) => {
        const x = b.input('x', ['rows', 4]);
        const largest = b.max(x);
        return b.add(b.log(b.sum(b.exp(b.subtract(x, largest)), [-1], true)), largest);
      },
    },
  },
  reshape: { 'rows apart': { make: (b) => b.exp(b.reshape(b.input('x', ['rows', 4]), ['rows', 2, 2])) } },
  transpose: { 'a cycle of axes': { make: (b) => b.exp(b.transpose(b.input('x', [2, 3, 4]), [2, 0, 1])) } },
  slice: {
    'one slice': { make: (b) => b.slice(b.input('x', ['rows', 5]), 1, 1, 4) },
    'slices that tile': {
      make: (b) => {
        const x = b.input('x', ['rows', 4]);
        return b.multiply(b.exp(b.slice(x, 1, 2, 4)), b.slice(x, 1, 0, 2));
      },
    },
    'slices that overlap': {
      make: (b) => {
        const x = b.input('x', [4, 2]);
        return b.concat([b.exp(b.slice(x, 0, 0, 2)), b.sigmoid(b.slice(x, 0, 0, 4)), b.slice(x, 0, 1, 3)], 0);
      },
    },
    'slices with a gap': {
      make: (b) => {
        const x = b.input('x', [5]);
        return b.multiply(b.slice(x, 0, 0, 2), b.slice(x, 0, 3, 5));
      },
    },
    'slices that overlap and leave a gap of the same size': {
      make: (b) => {
        const x = b.input('x', [4]);
        return b.multiply(b.slice(x, 0, 0, 2), b.slice(x, 0, 1, 3));
      },
    },
    'an empty slice and one of another axis': {
      make: (b) => {
        const x = b.input('x', [2, 2]);
        return b.add(b.sum(b.slice(x, 1, 0, 1), [0, 1]), b.sum(b.slice(x, 0, 0, 0), [0, 1]));
      },
    },
    'slices of two axes': {
      make: (b) => {
        const x = b.input('x', [2, 2]);
        return b.matmul(b.slice(x, 0, 0, 1), b.slice(x, 1, 1, 2));
      },
    },
  },
  concat: {
    'of three': {
      make: (b) =>
        b.exp(b.concat([b.input('a', ['rows', 2]), b.input('b', ['rows', 1]), b.input('c', ['rows', 3])], -1)),
    },
    'of one twice': {
      make: (b) => {
        const x = b.input('x', [2]);
        return b.exp(b.concat([x, b.multiply(x, 2), x], 0));
      },
    },
  },
  pad: { 'both sides': { make: (b) => b.exp(b.pad(b.input('x', [2, 2]), 1, 1, 2)) } },
  broadcast: {
    'a leading named dim': {
      make: (b) => b.add(b.exp(b.broadcast(b.input('x', [4]), ['rows', 4])), b.input('y', ['rows', 1])),
    },
    'a dim of 1': { make: (b) => b.exp(b.broadcast(b.input('x', [2, 1, 3]), [2, 4, 3])) },
  },
  rotate: {
    halves: rotateCase(false, false),
    'halves, back': rotateCase(false, true),
    neighbours: rotateCase(true, false),
    'neighbours, back': rotateCase(true, true),
  },
  gatherRows: {
    'a matrix by a matrix of indices': {
      make: (b) => b.exp(b.gatherRows(b.input('table', [4, 2]), b.input('indices', [2, 3], 'int32'))),
      feeds: { indices: ints([0, 3, 0, 1, 1, 1], [2, 3]) },
    },
  },
  scatterAddRows: {
    'repeated indices': {
      make: (b) => b.exp(b.scatterAddRows(b.input('x', ['copies', 2]), b.input('indices', ['copies'], 'int32'), 3)),
      feeds: {
        indices: ints([2, 0, 2, 2]),
        x: floats(
          [1, 2, 3, 4, 5, 6, 7, 8].map((value) => value / 10),
          [4, 2],
        ),
      },
    },
  },
  expandRows: {
    'two rows a token': {
      make: (b) => b.exp(b.expandRows(b.input('x', ['tokens', 2]), ...mapInputs(b))),
      feeds: rowMaps,
    },
  },
  sumRows: {
    'two rows a token': {
      make: (b) => b.exp(b.sumRows(b.input('y', ['copies', 2]), ...mapInputs(b))),
      feeds: rowMaps,
    },
  },
  oneHot: {
    'picks a column': {
      make: (b) => b.multiply(b.oneHot(b.input('indices', ['rows'], 'int32'), 4), b.input('x', ['rows', 4])),
      feeds: { indices: ints([3, 0, 2]) },
    },
  },
};

for (const [op, cases] of Object.entries(gradientCases)) {
  for (const [title, { make, feeds, wrt }] of Object.entries(cases)) {
    test(`the gradient of ${op} is that of finite differences: ${title}`, () => {
      const b = createGraphBuilder();
      const graph = b.build({ y: make(b) });
      const allDims = { ...dims, tokens: 3, copies: 6 };
      assert.ok(largestGradientError(graph, randomFeeds(graph, allDims, feeds), wrt ?? floatInputs(graph)) < 1e-7);
    });
  }
}

test('the gradients of a SwiGLU expert are those of finite differences', () => {
  const graph = swigluExpert();
  assert.ok(largestGradientError(graph, randomFeeds(graph, dims), floatInputs(graph)) < 1e-7);
});

test('the gradients of latent attention in two blocks of queries are those of finite differences', () => {
  const graph = latentAttention();
  const wrt = floatInputs(graph).filter((name) => name !== 'cos' && name !== 'sin');
  assert.ok(largestGradientError(graph, randomFeeds(graph), wrt) < 1e-7);
});

test('an expert without rows has gradients of zero for its weights and none for rows', () => {
  const graph = swigluExpert();
  const joint = differentiate(graph, { outputs: ['y'], wrt: floatInputs(graph) });
  const results = interpret(joint, { ...randomFeeds(graph, { rows: 0 }), 'grad:y': floats([], [0, 4]) });
  assert.deepEqual(results['grad:x'], floats([], [0, 4]));
  assert.deepEqual(results['grad:gate'], { shape: [6, 4], data: new Float64Array(24) });
});

test('only the named outputs receive a gradient', () => {
  const b = createGraphBuilder();
  const x = b.input('x', [3]);
  const graph = b.build({ loss: b.exp(x), statistics: b.multiply(x, 2) });
  assert.ok(largestGradientError(graph, randomFeeds(graph), ['x'], ['loss']) < 1e-7);
  assert.deepEqual([...differentiate(graph, { outputs: ['loss'], wrt: ['x'] }).inputs.keys()], ['x', 'grad:loss']);
});

test('the gradients of slices that tile are joined, not padded and added', () => {
  const b = createGraphBuilder();
  const x = b.input('x', ['rows', 4]);
  const graph = b.build({ y: b.multiply(b.slice(x, 1, 2, 4), b.slice(x, 1, 0, 2)) });
  assert.equal(
    printGraph(differentiate(graph, { outputs: ['y'], wrt: ['x'] })),
    `%0 = input x : float32[rows, 4]
%1 = slice %0 (axis 1, start 2, end 4) : float32[rows, 2]
%2 = slice %0 (axis 1, start 0, end 2) : float32[rows, 2]
%3 = multiply %1 %2 : float32[rows, 2]
%4 = input grad:y : float32[rows, 2]
%5 = multiply %4 %2 : float32[rows, 2]
%6 = multiply %4 %1 : float32[rows, 2]
%7 = concat %6 %5 (axis 1) : float32[rows, 4]
output y = %3
output grad:x = %7`,
  );
});

test('a gradient that only repeats a sum is not made large where an op repeats it by itself', () => {
  const b = createGraphBuilder();
  const graph = b.build({ y: b.sum(b.exp(b.input('x', ['rows', 4])), [1]) });
  const { nodes } = differentiate(graph, { outputs: ['y'], wrt: ['x'] });
  assert.ok(nodes.every(({ op }) => op !== 'broadcast'));
});

test('a parameter that gets no gradient is a mistake', () => {
  const b = createGraphBuilder();
  const x = b.input('x', [3]);
  const graph = b.build({ y: b.multiply(x, 2), largest: b.max(b.input('w', [3])) });
  const options = { outputs: ['y', 'largest'], wrt: ['x', 'w'] };
  assert.throws(() => differentiate(graph, options), {
    name: 'InputError',
    message:
      "input 'w' gets no gradient (outputs y, largest): use it on the way to one of these outputs, or do not ask for its gradient",
  });
});

test('names that are unknown or not float32 are refused', () => {
  const b = createGraphBuilder();
  const indices = b.input('indices', ['rows'], 'int32');
  const graph = b.build({ y: b.gatherRows(b.input('table', [4, 2]), indices), indices });
  assert.throws(() => differentiate(graph, { outputs: ['z'], wrt: ['table'] }), /no output 'z' \(it has y, indices\)/);
  assert.throws(() => differentiate(graph, { outputs: ['y'], wrt: ['x'] }), /no input 'x' \(it has indices, table\)/);
  assert.throws(
    () => differentiate(graph, { outputs: ['indices'], wrt: ['table'] }),
    /output 'indices' is int32\[rows\]: only float32/,
  );
});

test('a trained rotation is refused, as it has no gradient rule', () => {
  const b = createGraphBuilder();
  const y = b.rotate(b.input('x', [1, 1, 2, 2]), b.input('cos', [2, 1]), b.input('sin', [2, 1]));
  const graph = b.build({ y });
  assert.throws(() => differentiate(graph, { outputs: ['y'], wrt: ['x', 'cos'] }), InputError);
});
