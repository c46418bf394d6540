import type { GraphBuilder } from './builder.js';
import type { OpParameters, Shape } from './op.js';
import type { ComputedOp } from './shape-rules.js';
import { isSameShape, type Tensor } from './tensor-type.js';

/** A node of the forward computation, and the gradient that reached its result. */
export interface GradientSite {
  readonly operands: readonly Tensor[];
  readonly result: Tensor;
  readonly gradient: Tensor;
}

/** What an operand gets: its gradient; `stopped` where none passes by definition; `unsupported` where there is one but no rule for it. */
export type OperandGradient = Tensor | 'stopped' | 'unsupported';

/** The gradient of each operand, in order, as new nodes. Those of operands that need none are dropped again. */
type GradientRule<K extends ComputedOp> = (
  builder: GraphBuilder,
  site: GradientSite,
  parameters: OpParameters[K],
) => readonly OperandGradient[];

/** The gradient of each operand of `op`. */
export function operandGradients<K extends ComputedOp>(
  op: K,
  builder: GraphBuilder,
  site: GradientSite,
  parameters: OpParameters[K],
): readonly OperandGradient[] {
  return gradientRules[op](builder, site, parameters);
}

// In the rules: y the result, dy its gradient, b the builder.
const gradientRules: { readonly [K in ComputedOp]: GradientRule<K> } = {
  add: (b, { operands: [left, right], gradient: dy }) => [sumTo(b, dy, left.shape), sumTo(b, dy, right.shape)],
  subtract: (b, { operands: [left, right], gradient: dy }) => [
    sumTo(b, dy, left.shape),
    b.multiply(sumTo(b, dy, right.shape), -1),
  ],
  multiply: (b, { operands: [left, right], gradient: dy }) => [
    sumTo(b, b.multiply(dy, right), left.shape),
    sumTo(b, b.multiply(dy, left), right.shape),
  ],
  divide(b, { operands: [left, right], result: y, gradient: dy }) {
    const quotient = b.divide(dy, right);
    return [sumTo(b, quotient, left.shape), b.multiply(sumTo(b, b.multiply(quotient, y), right.shape), -1)];
  },
  exp: (b, { result: y, gradient: dy }) => [b.multiply(dy, y)],
  log: (b, { operands: [x], gradient: dy }) => [b.divide(dy, x)],
  sigmoid: (b, { result: y, gradient: dy }) => [b.multiply(dy, b.multiply(y, b.subtract(1, y)))],
  // y' = s + y (1 - s): needs no more than x, as both s and y come of it by one sigmoid.
  silu(b, { operands: [x], result: y, gradient: dy }) {
    const s = b.sigmoid(x);
    return [b.multiply(dy, b.add(s, b.multiply(y, b.subtract(1, s))))];
  },
  // y' = -y^3 / 2
  reciprocalSquareRoot: (b, { result: y, gradient: dy }) => [
    b.multiply(b.multiply(dy, y), b.multiply(b.multiply(y, y), -0.5)),
  ],

  matmul(b, { operands: [left, right], gradient: dy }, { transposeA, transposeB, scale }) {
    return [
      transposeA
        ? b.matmul(right, dy, { transposeA: transposeB, transposeB: true, scale })
        : b.matmul(dy, right, { transposeB: !transposeB, scale }),
      transposeB
        ? b.matmul(dy, left, { transposeA: true, transposeB: transposeA, scale })
        : b.matmul(left, dy, { transposeA: !transposeA, scale }),
    ];
  },
  softmax(b, { result: y, gradient: dy }) {
    return [b.multiply(y, b.subtract(dy, b.sum(b.multiply(dy, y), [-1], true)))];
  },
  // With r = 1 / sqrt(mean(x^2) + epsilon): r (dy - y mean(dy y)).
  rmsNormalize(b, { operands: [x], result: y, gradient: dy }, { epsilon }) {
    const mean = (value: Tensor) => b.divide(b.sum(value, [-1], true), Number(x.shape.at(-1)));
    const r = b.reciprocalSquareRoot(b.add(mean(b.multiply(x, x)), epsilon));
    return [b.multiply(r, b.subtract(dy, b.multiply(y, mean(b.multiply(dy, y)))))];
  },
  sum(b, { operands: [x], gradient: dy }, { axes }) {
    const kept = x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    return [b.broadcast(b.reshape(dy, kept), x.shape)];
  },
  max: () => ['stopped'],

  reshape: (b, { operands: [x], gradient: dy }) => [b.reshape(dy, x.shape)],
  transpose: (b, { gradient: dy }, { permutation }) => [
    b.transpose(
      dy,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    ),
  ],
  slice: (b, { operands: [x], gradient: dy }, { axis, start, end }) => [
    b.pad(dy, axis, start, Number(x.shape[axis]) - end),
  ],
  concat(b, { operands, gradient: dy }, { axis }) {
    let start = 0;
    return operands.map(({ shape }) => {
      const end = start + Number(shape[axis]);
      const part = b.slice(dy, axis, start, end);
      start = end;
      return part;
    });
  },
  pad: (b, { operands: [x], gradient: dy }, { axis, before }) => [
    b.slice(dy, axis, before, before + Number(x.shape[axis])),
  ],
  broadcast: (b, { operands: [x], gradient: dy }) => [sumTo(b, dy, x.shape)],

  rotate: (b, { operands: [, cos, sin], gradient: dy }, { interleaved, inverse }) => [
    b.rotate(dy, cos, sin, { interleaved, inverse: !inverse }),
    'unsupported',
    'unsupported',
  ],

  gatherRows: (b, { operands: [table, indices], gradient: dy }) => [
    b.scatterAddRows(dy, indices, table.shape[0]),
    'stopped',
  ],
  scatterAddRows: (b, { operands: [, indices], gradient: dy }) => [b.gatherRows(dy, indices), 'stopped'],
  expandRows: (b, { operands: [, rowToToken, tokenToRows], gradient: dy }) => [
    b.sumRows(dy, rowToToken, tokenToRows),
    'stopped',
    'stopped',
  ],
  sumRows: (b, { operands: [, rowToToken, tokenToRows], gradient: dy }) => [
    b.expandRows(dy, rowToToken, tokenToRows),
    'stopped',
    'stopped',
  ],
  oneHot: () => ['stopped'],
};

/** Undoes a broadcast from `shape`: sums over the dims that were repeated. */
function sumTo(b: GraphBuilder, gradient: Tensor, shape: Shape): Tensor {
  if (isSameShape(gradient.shape, shape)) return gradient;
  const added = gradient.shape.length - shape.length;
  const repeated = [...gradient.shape.keys()].filter((axis) => axis < added || shape[axis - added] === 1);
  return b.reshape(b.sum(gradient, repeated), shape);
}
