import { createNodeList, type NodeList } from './node-list.js';
import type { Dim, ElementType, Graph, Op, Shape } from './op.js';
import type { Tensor } from './tensor-type.js';

/** A tensor, or a number that is the same for every element. */
export type Operand = Tensor | number;

export interface MatmulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** A factor of the product; 1 if absent. */
  readonly scale?: number;
}

/**
 * Builds a graph, a method an op; what each computes is told in `OpParameters`. The same op on the same operands gives the same tensor, and what
 * changes nothing (x * 1, a transpose undone) gives its operand back. Axes may be counted from the end (-1 is the last).
 * Every method throws `InputError` if the op does not take the shapes and types of its operands.
 */
export interface GraphBuilder {
  /** A tensor that is fed under `name`. Throws `InputError` if the name is taken. */
  input(name: string, shape: Shape, type?: ElementType): Tensor;
  /** Known numbers, in row-major order; the array must not change afterwards. */
  constant(data: Float32Array | Int32Array, shape: readonly number[]): Tensor;
  /** A float32 of shape []. */
  scalar(value: number): Tensor;

  add(a: Operand, b: Operand): Tensor;
  subtract(a: Operand, b: Operand): Tensor;
  multiply(a: Operand, b: Operand): Tensor;
  divide(a: Operand, b: Operand): Tensor;
  exp(x: Tensor): Tensor;
  log(x: Tensor): Tensor;
  sigmoid(x: Tensor): Tensor;
  silu(x: Tensor): Tensor;
  reciprocalSquareRoot(x: Tensor): Tensor;

  matmul(a: Tensor, b: Tensor, options?: MatmulOptions): Tensor;
  softmax(x: Tensor): Tensor;
  rmsNormalize(x: Tensor, epsilon: number): Tensor;
  /** `keepDims` (false if absent) leaves the summed dims as 1. */
  sum(x: Tensor, axes: readonly number[], keepDims?: boolean): Tensor;
  max(x: Tensor): Tensor;

  reshape(x: Tensor, shape: Shape): Tensor;
  transpose(x: Tensor, permutation: readonly number[]): Tensor;
  slice(x: Tensor, axis: number, start: number, end: number): Tensor;
  concat(parts: readonly Tensor[], axis: number): Tensor;
  pad(x: Tensor, axis: number, before: number, after: number): Tensor;
  broadcast(x: Tensor, shape: Shape): Tensor;

  /** Both options are false if absent. */
  rotate(
    x: Tensor,
    cos: Tensor,
    sin: Tensor,
    options?: { readonly interleaved?: boolean; readonly inverse?: boolean },
  ): Tensor;

  gatherRows(table: Tensor, indices: Tensor): Tensor;
  scatterAddRows(updates: Tensor, indices: Tensor, rows: Dim): Tensor;
  expandRows(x: Tensor, rowToToken: Tensor, tokenToRows: Tensor): Tensor;
  sumRows(y: Tensor, rowToToken: Tensor, tokenToRows: Tensor): Tensor;
  oneHot(indices: Tensor, depth: number): Tensor;

  /** The graph of what `outputs` need: other nodes, inputs too, are left out. */
  build(outputs: Readonly<Record<string, Tensor>>): Graph;
}

/** An empty builder. */
export function createGraphBuilder(): GraphBuilder {
  return builderOver(createNodeList());
}

/** The builder's methods over nodes that may be there already. */
export function builderOver(list: NodeList): GraphBuilder {
  const scalar = (value: number) => list.constant(Float32Array.of(value), []);
  const operand = (value: Operand) => (typeof value === 'number' ? scalar(value) : value);
  const pair = (op: 'add' | 'subtract' | 'multiply' | 'divide') => (a: Operand, b: Operand) =>
    list.add(op, [operand(a), operand(b)], {});
  const unary = (op: 'exp' | 'log' | 'sigmoid' | 'silu' | 'reciprocalSquareRoot' | 'softmax' | 'max') => (x: Tensor) =>
    list.add(op, [x], {});
  return {
    input: (name, shape, type = 'float32') => list.input(name, { shape, type }),
    constant: list.constant,
    scalar,

    add: pair('add'),
    subtract: pair('subtract'),
    multiply: pair('multiply'),
    divide: pair('divide'),
    exp: unary('exp'),
    log: unary('log'),
    sigmoid: unary('sigmoid'),
    silu: unary('silu'),
    reciprocalSquareRoot: unary('reciprocalSquareRoot'),
    matmul: (a, b, { transposeA = false, transposeB = false, scale = 1 } = {}) =>
      list.add('matmul', [a, b], { transposeA, transposeB, scale }),
    softmax: unary('softmax'),
    rmsNormalize: (x, epsilon) => list.add('rmsNormalize', [x], { epsilon }),
    sum: (x, axes, keepDims = false) =>
      list.add('sum', [x], { axes: axes.map((axis) => fromStart(axis, x)).sort((a, b) => a - b), keepDims }),
    max: unary('max'),

    reshape: (x, shape) => list.add('reshape', [x], { shape }),
    transpose: (x, permutation) =>
      list.add('transpose', [x], { permutation: permutation.map((axis) => fromStart(axis, x)) }),
    slice: (x, axis, start, end) => list.add('slice', [x], { axis: fromStart(axis, x), start, end }),
    concat: (parts, axis) => list.add('concat', parts, { axis: parts.length > 0 ? fromStart(axis, parts[0]) : axis }),
    pad: (x, axis, before, after) => list.add('pad', [x], { axis: fromStart(axis, x), before, after }),
    broadcast: (x, shape) => list.add('broadcast', [x], { shape }),

    rotate: (x, cos, sin, { interleaved = false, inverse = false } = {}) =>
      list.add('rotate', [x, cos, sin], { interleaved, inverse }),
    gatherRows: (table, indices) => list.add('gatherRows', [table, indices], {}),
    scatterAddRows: (updates, indices, rows) => list.add('scatterAddRows', [updates, indices], { rows }),
    expandRows: (x, rowToToken, tokenToRows) => list.add('expandRows', [x, rowToToken, tokenToRows], {}),
    sumRows: (y, rowToToken, tokenToRows) => list.add('sumRows', [y, rowToToken, tokenToRows], {}),
    oneHot: (indices, depth) => list.add('oneHot', [indices], { depth }),

    build: list.build,
  } satisfies Record<Op, unknown> & GraphBuilder;
}

function fromStart(axis: number, { shape }: Tensor): number {
  return axis < 0 ? axis + shape.length : axis;
}
