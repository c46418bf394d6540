import { InputError } from '../base/index.js';
import type { Dim, Op, OpParameters, Shape } from './op.js';
import {
  broadcastShapes,
  describeTensorType,
  isSameShape,
  isSameSize,
  isShape,
  type TensorType,
} from './tensor-type.js';

/** An op whose result follows from its operands; `input` and `constant` bring their own shape and type. */
export type ComputedOp = Exclude<Op, 'input' | 'constant'>;

/** The result's shape and type, or why there is none. */
type ShapeRule<K extends ComputedOp> = (
  operands: readonly TensorType[],
  parameters: OpParameters[K],
) => TensorType | string;

/**
 * Shape and type of `op`'s result. Throws `InputError`, naming the op and its operands' shapes, where the op does not take
 * them. Named dims equal only themselves and broadcast only with themselves or 1.
 */
export function inferType<K extends ComputedOp>(
  op: K,
  operands: readonly TensorType[],
  parameters: OpParameters[K],
): TensorType {
  const result = shapeRules[op](operands, parameters);
  if (typeof result !== 'string') return result;
  const types = operands.map(describeTensorType).join(' and ') || 'no operands';
  throw new InputError({ what: `${op} of ${types}: ${result}` });
}

const float32 = (shape: Shape): TensorType => ({ shape, type: 'float32' });

function elementwise([x]: readonly TensorType[]): TensorType | string {
  return x.type === 'float32' ? x : 'it takes float32';
}

function elementwisePair([a, b]: readonly TensorType[]): TensorType | string {
  if (a.type !== 'float32' || b.type !== 'float32') return 'it takes float32';
  const shape = broadcastShapes(a.shape, b.shape);
  return shape === undefined ? 'the shapes do not broadcast' : float32(shape);
}

function overLastAxis([x]: readonly TensorType[]): TensorType | string {
  if (x.type !== 'float32') return 'it takes float32';
  return x.shape.length === 0 ? 'it needs at least one dim' : x;
}

function isAxis(axis: number, shape: Shape): boolean {
  return Number.isInteger(axis) && axis >= 0 && axis < shape.length;
}

function noSuchAxis(axis: number): string {
  return `there is no axis ${axis}`;
}

function replaceDim(shape: Shape, axis: number, dim: Dim): Shape {
  return shape.map((old, position) => (position === axis ? dim : old));
}

const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;

const shapeRules: { readonly [K in ComputedOp]: ShapeRule<K> } = {
  add: elementwisePair,
  subtract: elementwisePair,
  multiply: elementwisePair,
  divide: elementwisePair,
  exp: elementwise,
  log: elementwise,
  sigmoid: elementwise,
  silu: elementwise,
  reciprocalSquareRoot: elementwise,

  matmul([a, b], { transposeA, transposeB, scale }) {
    if (a.type !== 'float32' || b.type !== 'float32') return 'it takes float32';
    if (!Number.isFinite(scale)) return `scale ${scale} is not a finite number`;
    if (a.shape.length < 2 || a.shape.length !== b.shape.length) return 'it takes two operands of one rank, 2 or more';
    const batch = a.shape.slice(0, -2);
    if (!isSameShape(batch, b.shape.slice(0, -2))) return 'the leading dims differ';
    const [m, inner] = transposeA ? [a.shape.at(-1)!, a.shape.at(-2)!] : [a.shape.at(-2)!, a.shape.at(-1)!];
    const [otherInner, n] = transposeB ? [b.shape.at(-1)!, b.shape.at(-2)!] : [b.shape.at(-2)!, b.shape.at(-1)!];
    if (inner !== otherInner) {
      return `with transposeA ${transposeA} and transposeB ${transposeB} the inner dims ${inner} and ${otherInner} differ`;
    }
    return float32([...batch, m, n]);
  },
  softmax: overLastAxis,
  rmsNormalize(operands, { epsilon }) {
    if (!(epsilon >= 0 && Number.isFinite(epsilon))) return `epsilon ${epsilon} is not a finite number of 0 or more`;
    const result = overLastAxis(operands);
    if (typeof result !== 'string' && typeof result.shape.at(-1) === 'string') {
      return 'the last dim must be a count, as its mean is taken';
    }
    return result;
  },
  sum([x], { axes, keepDims }) {
    if (x.type !== 'float32') return 'it takes float32';
    const wrong = axes.find((axis, position) => !isAxis(axis, x.shape) || axes.indexOf(axis) !== position);
    if (wrong !== undefined) return isAxis(wrong, x.shape) ? `axis ${wrong} is named twice` : noSuchAxis(wrong);
    return float32(
      keepDims
        ? x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
        : x.shape.filter((_, axis) => !axes.includes(axis)),
    );
  },
  max(operands) {
    const result = overLastAxis(operands);
    return typeof result === 'string' ? result : float32([...result.shape.slice(0, -1), 1]);
  },

  reshape([x], { shape }) {
    if (!isShape(shape)) return `[${shape.join(', ')}] is not a shape`;
    return isSameSize(x.shape, shape) ? { ...x, shape } : `[${shape.join(', ')}] has another number of elements`;
  },
  transpose([x], { permutation }) {
    const isPermutation = isSameShape(
      [...permutation].sort((a, b) => a - b),
      [...x.shape.keys()],
    );
    if (!isPermutation) return `[${permutation.join(', ')}] is not a permutation of its axes`;
    return { ...x, shape: permutation.map((axis) => x.shape[axis]) };
  },
  slice([x], { axis, start, end }) {
    if (!isAxis(axis, x.shape)) return noSuchAxis(axis);
    const dim = x.shape[axis];
    if (typeof dim === 'string') return `axis ${axis} has no count known, so it cannot be sliced`;
    if (!isCount(start) || !isCount(end) || start > end || end > dim) {
      return `${start} to ${end} does not lie within axis ${axis}`;
    }
    return { ...x, shape: replaceDim(x.shape, axis, end - start) };
  },
  concat(operands, { axis }) {
    if (operands.length === 0) return 'it needs an operand';
    const [first] = operands;
    if (!isAxis(axis, first.shape)) return noSuchAxis(axis);
    let total = 0;
    for (const { shape, type } of operands) {
      const dim = shape[axis];
      if (type !== first.type) return 'the types differ';
      if (!isSameShape(replaceDim(shape, axis, 0), replaceDim(first.shape, axis, 0))) {
        return `the shapes differ elsewhere than on axis ${axis}`;
      }
      if (typeof dim === 'string') return `axis ${axis} has no count known, so nothing can be joined to it`;
      total += dim;
    }
    return { ...first, shape: replaceDim(first.shape, axis, total) };
  },
  pad([x], { axis, before, after }) {
    if (!isAxis(axis, x.shape)) return noSuchAxis(axis);
    const dim = x.shape[axis];
    if (typeof dim === 'string') return `axis ${axis} has no count known, so it cannot be padded`;
    if (!isCount(before) || !isCount(after)) return `${before} and ${after} are not counts of zeros`;
    return { ...x, shape: replaceDim(x.shape, axis, before + dim + after) };
  },
  broadcast([x], { shape }) {
    if (!isShape(shape)) return `[${shape.join(', ')}] is not a shape`;
    const result = broadcastShapes(x.shape, shape);
    return result !== undefined && isSameShape(result, shape)
      ? { ...x, shape }
      : `it does not broadcast to [${shape.join(', ')}]`;
  },

  rotate([x, cos, sin]) {
    if ([x, cos, sin].some(({ type }) => type !== 'float32')) return 'it takes float32';
    const [, , tokens, dim] = x.shape;
    if (x.shape.length !== 4 || typeof dim !== 'number' || dim % 2 !== 0) {
      return 'it takes [batch, heads, tokens, dim] with an even dim';
    }
    const expected = [tokens, dim / 2];
    return isSameShape(cos.shape, expected) && isSameShape(sin.shape, expected)
      ? x
      : `cos and sin must be [${expected.join(', ')}]`;
  },

  gatherRows([table, indices]) {
    if (indices.type !== 'int32') return 'the indices must be int32';
    if (table.shape.length === 0) return 'the table needs at least one dim';
    return { ...table, shape: [...indices.shape, ...table.shape.slice(1)] };
  },
  scatterAddRows([updates, indices], { rows }) {
    if (updates.type !== 'float32' || indices.type !== 'int32') return 'it takes float32 updates and int32 indices';
    if (!isShape([rows])) return `${rows} is not a count of rows`;
    const leading = indices.shape.length;
    if (!isSameShape(updates.shape.slice(0, leading), indices.shape)) {
      return 'the updates must begin with the dims of the indices';
    }
    return float32([rows, ...updates.shape.slice(leading)]);
  },
  expandRows([x, rowToToken, tokenToRows]) {
    const wrong = wrongRowMaps(x, 0, rowToToken, tokenToRows);
    return wrong ?? float32([rowToToken.shape[0], x.shape[1]]);
  },
  sumRows([y, rowToToken, tokenToRows]) {
    const wrong = wrongRowMaps(y, 1, rowToToken, tokenToRows);
    return wrong ?? float32([tokenToRows.shape[0], y.shape[1]]);
  },
  oneHot([indices], { depth }) {
    if (indices.type !== 'int32') return 'the indices must be int32';
    return isCount(depth) ? float32([...indices.shape, depth]) : `depth ${depth} is not a count`;
  },
};

/** Why `x` and the two maps between rows and tokens do not go together; `side` is 0 where x has a token a row, 1 where it has the rows. */
function wrongRowMaps(x: TensorType, side: 0 | 1, rowToToken: TensorType, tokenToRows: TensorType): string | undefined {
  if (x.type !== 'float32' || rowToToken.type !== 'int32' || tokenToRows.type !== 'int32') {
    return 'it takes float32 and two int32 maps';
  }
  if (x.shape.length !== 2 || rowToToken.shape.length !== 1 || tokenToRows.shape.length !== 2) {
    return 'it takes a matrix, a map [rows] and a map [tokens, k]';
  }
  const leading = side === 0 ? tokenToRows.shape[0] : rowToToken.shape[0];
  return x.shape[0] === leading ? undefined : `the matrix must have ${leading} rows`;
}
