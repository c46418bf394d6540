import { InputError } from '../base/index.js';
import type { OpParameters } from './op.js';
import type { ComputedOp } from './shape-rules.js';

/** A tensor with its numbers, in row-major order: float64 stands for float32. */
export interface ReferenceTensor {
  readonly shape: readonly number[];
  readonly data: Float64Array | Int32Array;
}

/** Fills `result.data`, which is all zeros. */
type Kernel<K extends ComputedOp> = (
  result: ReferenceTensor,
  operands: readonly ReferenceTensor[],
  parameters: OpParameters[K],
) => void;

/** Computes `op` into `result`, whose shape is the right one and whose data is all zeros. */
export function runReferenceKernel<K extends ComputedOp>(
  op: K,
  result: ReferenceTensor,
  operands: readonly ReferenceTensor[],
  parameters: OpParameters[K],
): void {
  kernels[op](result, operands, parameters);
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

const kernels: { readonly [K in ComputedOp]: Kernel<K> } = {
  add: elementwisePair((a, b) => a + b),
  subtract: elementwisePair((a, b) => a - b),
  multiply: elementwisePair((a, b) => a * b),
  divide: elementwisePair((a, b) => a / b),
  exp: elementwise(Math.exp),
  log: elementwise(Math.log),
  sigmoid: elementwise(sigmoid),
  silu: elementwise((x) => x * sigmoid(x)),
  reciprocalSquareRoot: elementwise((x) => 1 / Math.sqrt(x)),

  matmul(result, [a, b], { transposeA, transposeB, scale }) {
    const inner = a.shape.at(transposeA ? -2 : -1)!;
    forEachIndex(result.shape, (index, position) => {
      const batch = index.slice(0, -2);
      const [row, column] = index.slice(-2);
      let total = 0;
      for (let k = 0; k < inner; k++) {
        const left = at(a, [...batch, ...(transposeA ? [k, row] : [row, k])]);
        const right = at(b, [...batch, ...(transposeB ? [column, k] : [k, column])]);
        total += left * right;
      }
      result.data[position] = scale * total;
    });
  },
  softmax: overLastAxis((row, out) => {
    const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const powers = row.map((x) => Math.exp(x - largest));
    const total = powers.reduce((a, b) => a + b, 0);
    out.set(powers.map((power) => power / total));
  }),
  rmsNormalize(result, operands, { epsilon }) {
    overLastAxis((row, out) => {
      const meanSquare = row.reduce((total, x) => total + x * x, 0) / row.length;
      out.set(row.map((x) => x / Math.sqrt(meanSquare + epsilon)));
    })(result, operands);
  },
  sum(result, [x], { axes, keepDims }) {
    forEachIndex(x.shape, (index, position) => {
      const target = keepDims
        ? index.map((value, axis) => (axes.includes(axis) ? 0 : value))
        : index.filter((_, axis) => !axes.includes(axis));
      result.data[offsetOf(result.shape, target)] += x.data[position];
    });
  },
  max: overLastAxis((row, out) => out.set([row.reduce((a, b) => Math.max(a, b), -Infinity)])),

  reshape: (result, [x]) => result.data.set(x.data),
  transpose(result, [x], { permutation }) {
    forEachIndex(x.shape, (index, position) => {
      const target = permutation.map((axis) => index[axis]);
      result.data[offsetOf(result.shape, target)] = x.data[position];
    });
  },
  slice(result, [x], { axis, start }) {
    forEachIndex(result.shape, (index, position) => {
      result.data[position] = at(x, shifted(index, axis, start));
    });
  },
  concat(result, operands, { axis }) {
    let start = 0;
    for (const part of operands) {
      copyAt(result, part, axis, start);
      start += part.shape[axis];
    }
  },
  pad: (result, [x], { axis, before }) => copyAt(result, x, axis, before),
  broadcast(result, [x]) {
    forEachIndex(result.shape, (index, position) => {
      result.data[position] = atBroadcast(x, index);
    });
  },

  rotate(result, [x, cos, sin], { interleaved, inverse }) {
    const half = x.shape[3] / 2;
    forEachIndex([...x.shape.slice(0, 3), half], (index) => {
      const [outer, token, i] = [index.slice(0, 3), index[2], index[3]];
      const first = [...outer, interleaved ? 2 * i : i];
      const second = [...outer, interleaved ? 2 * i + 1 : i + half];
      const c = at(cos, [token, i]);
      const s = inverse ? -at(sin, [token, i]) : at(sin, [token, i]);
      result.data[offsetOf(x.shape, first)] = at(x, first) * c - at(x, second) * s;
      result.data[offsetOf(x.shape, second)] = at(x, second) * c + at(x, first) * s;
    });
  },

  gatherRows(result, [table, indices]) {
    forEachRow(indices, table.shape[0], (row, position) => {
      const length = result.data.length / indices.data.length;
      result.data.set(table.data.subarray(row * length, (row + 1) * length), position * length);
    });
  },
  scatterAddRows(result, [updates, indices]) {
    forEachRow(indices, result.shape[0], (row, position) => {
      const length = updates.data.length / indices.data.length;
      for (let i = 0; i < length; i++) result.data[row * length + i] += updates.data[position * length + i];
    });
  },
  expandRows: (result, [x, rowToToken]) => kernels.gatherRows(result, [x, rowToToken], {}),
  sumRows(result, [y, , tokenToRows]) {
    const [, k] = tokenToRows.shape;
    const [, length] = y.shape;
    forEachRow(tokenToRows, y.shape[0], (row, position) => {
      const token = Math.floor(position / k);
      for (let i = 0; i < length; i++) result.data[token * length + i] += y.data[row * length + i];
    });
  },
  oneHot(result, [indices], { depth }) {
    forEachRow(indices, depth, (value, position) => {
      result.data[position * depth + value] = 1;
    });
  },
};

function elementwise(compute: (x: number) => number) {
  return (result: ReferenceTensor, [x]: readonly ReferenceTensor[]): void => {
    for (let i = 0; i < x.data.length; i++) result.data[i] = compute(x.data[i]);
  };
}

function elementwisePair(compute: (a: number, b: number) => number) {
  return (result: ReferenceTensor, [a, b]: readonly ReferenceTensor[]): void => {
    forEachIndex(result.shape, (index, position) => {
      result.data[position] = compute(atBroadcast(a, index), atBroadcast(b, index));
    });
  };
}

/** `compute` fills a row of the result, however long that is, from a row of the operand. */
function overLastAxis(compute: (row: Float64Array, out: Float64Array | Int32Array) => void) {
  return (result: ReferenceTensor, [x]: readonly ReferenceTensor[]): void => {
    const length = x.shape.at(-1)!;
    const outLength = result.shape.at(-1)!;
    const rows = x.shape.slice(0, -1).reduce((total, dim) => total * dim, 1);
    for (let row = 0; row < rows; row++) {
      const values = Float64Array.from(x.data.subarray(row * length, (row + 1) * length));
      compute(values, result.data.subarray(row * outLength, (row + 1) * outLength));
    }
  };
}

/** Calls `visit` for every index of a tensor of `shape` and its place in row-major order. */
function forEachIndex(shape: readonly number[], visit: (index: readonly number[], position: number) => void): void {
  const size = shape.reduce((total, dim) => total * dim, 1);
  for (let position = 0; position < size; position++) {
    const index = [];
    let rest = position;
    for (const dim of shape.toReversed()) {
      index.push(rest % dim);
      rest = Math.floor(rest / dim);
    }
    visit(index.reverse(), position);
  }
}

function offsetOf(shape: readonly number[], index: readonly number[]): number {
  return shape.reduce((offset, dim, axis) => offset * dim + index[axis], 0);
}

function at({ shape, data }: ReferenceTensor, index: readonly number[]): number {
  return data[offsetOf(shape, index)];
}

/** The element that NumPy's rule puts at `index` of a larger shape. */
function atBroadcast(x: ReferenceTensor, index: readonly number[]): number {
  const own = index.slice(index.length - x.shape.length);
  const inner = own.map((value, axis) => (x.shape[axis] === 1 ? 0 : value));
  return at(x, inner);
}

function shifted(index: readonly number[], axis: number, by: number): number[] {
  return index.map((value, position) => (position === axis ? value + by : value));
}

function copyAt(result: ReferenceTensor, part: ReferenceTensor, axis: number, start: number): void {
  forEachIndex(part.shape, (index, position) => {
    result.data[offsetOf(result.shape, shifted(index, axis, start))] = part.data[position];
  });
}

/** Visits every index, in order; throws `InputError` for one that is not a row. */
function forEachRow(indices: ReferenceTensor, rows: number, visit: (row: number, position: number) => void): void {
  for (const [position, row] of indices.data.entries()) {
    if (row < 0 || row >= rows) throw new InputError({ what: `index ${row} does not lie within ${rows} rows` });
    visit(row, position);
  }
}
