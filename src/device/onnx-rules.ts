import type { ComputedOp, OpParameters, Shape } from '../graph/index.js';
import type { Accumulation, Fusions, NodeOf, Scale } from './onnx-fusions.js';
import type { OnnxNode } from './onnx-proto.js';

/** An operator whose result has no name yet. */
export type OnnxCall = Omit<OnnxNode, 'output'>;

/** What a rule may ask of the model that is being written. */
export interface OnnxWriter {
  readonly fusions: Fusions;
  /** Name of a node's value. */
  value(id: number): string;
  shape(id: number): Shape;
  /** Appends an operator; gives the name of its result. */
  emit(call: OnnxCall): string;
  /** A float32 constant. */
  floats(values: readonly number[], shape: readonly number[]): string;
  /** An int64 constant `[n]`, as ONNX takes axes, bounds and shapes. */
  integers(values: readonly number[]): string;
  /** An int64 tensor of the dims; named ones are read off an input when the model runs. */
  dims(shape: Shape): string;
}

/** The last operator of what computes a node; those before it the rule emits itself. */
type Rule<K extends ComputedOp> = (node: NodeOf<K>, writer: OnnxWriter) => OnnxCall;

/**
 * How each op is computed. Measured against the alternatives on ONNX Runtime's CPU kernels: Gemm and FusedMatMul transpose for nothing, rows move
 * by Gather and ScatterND (ScatterElements is about 25 times slower), and one kernel for a normalisation beats its parts.
 */
export const onnxRules: { readonly [K in ComputedOp]: Rule<K> } = {
  add(node, writer) {
    const accumulation = writer.fusions.accumulations.get(node.id);
    return accumulation === undefined ? call('Add', node, writer) : accumulate(accumulation, writer);
  },
  subtract: (node, writer) => call('Sub', node, writer),
  multiply(node, writer) {
    const scale = writer.fusions.scales.get(node.id);
    return scale === undefined ? call('Mul', node, writer) : scaledNormalization(scale, writer);
  },
  divide: (node, writer) => call('Div', node, writer),
  exp: (node, writer) => call('Exp', node, writer),
  log: (node, writer) => call('Log', node, writer),
  sigmoid: (node, writer) => call('Sigmoid', node, writer),
  silu: (node, writer) => ({
    ...call('QuickGelu', node, writer),
    domain: 'com.microsoft',
    attributes: { alpha: { float: 1 } },
  }),
  reciprocalSquareRoot: (node, writer) => ({
    operator: 'Reciprocal',
    inputs: [writer.emit(call('Sqrt', node, writer))],
  }),

  matmul: (node, writer) => (node.shape.length === 2 ? gemm(node, writer) : batchedProduct(node, writer)),
  softmax: (node, writer) => ({ ...call('Softmax', node, writer), attributes: { axis: { int: -1 } } }),
  rmsNormalize(node, writer) {
    const dim = Number(node.shape.at(-1));
    return normalization(node, writer.floats(new Array<number>(dim).fill(1), [dim]), writer);
  },
  sum: ({ inputs, parameters }, writer) => ({
    operator: 'ReduceSum',
    inputs: [writer.value(inputs[0]), writer.integers(parameters.axes)],
    attributes: { keepdims: { int: Number(parameters.keepDims) }, noop_with_empty_axes: { int: 1 } },
  }),
  max({ inputs, shape }, writer) {
    const operator = 'ReduceMax';
    const call = {
      operator,
      inputs: [writer.value(inputs[0]), writer.integers([-1])],
      attributes: { keepdims: { int: 1 } },
    };
    if (shape.every((dim) => typeof dim === 'number')) return call;
    // ONNX Runtime 1.30 leaves the reduced dim as it was if another is 0.
    return reshape(writer.emit(call), shape, writer);
  },

  reshape: ({ inputs, shape }, writer) => reshape(writer.value(inputs[0]), shape, writer),
  transpose: (node, writer) => ({
    ...call('Transpose', node, writer),
    attributes: { perm: { ints: node.parameters.permutation } },
  }),
  slice: ({ inputs, parameters: { axis, start, end } }, writer) => ({
    operator: 'Slice',
    inputs: [writer.value(inputs[0]), writer.integers([start]), writer.integers([end]), writer.integers([axis])],
  }),
  concat: (node, writer) => ({
    ...call('Concat', node, writer),
    attributes: { axis: { int: node.parameters.axis } },
  }),
  pad: ({ inputs, shape, parameters }, writer) => padded(writer.value(inputs[0]), shape.length, parameters, writer),
  broadcast: ({ inputs, shape }, writer) => ({
    operator: 'Expand',
    inputs: [writer.value(inputs[0]), writer.dims(shape)],
  }),

  rotate({ inputs: [x, cos, sin], parameters: { interleaved, inverse } }, writer) {
    const angles = inverse ? writer.emit({ operator: 'Neg', inputs: [writer.value(sin)] }) : writer.value(sin);
    return {
      operator: 'RotaryEmbedding',
      domain: 'com.microsoft',
      // Position 0 for the first token; the others count on.
      inputs: [writer.value(x), writer.integers([0]), writer.value(cos), angles],
      attributes: { interleaved: { int: Number(interleaved) } },
    };
  },

  gatherRows: (node, writer) => call('Gather', node, writer),
  scatterAddRows(node, writer) {
    const zeros = writer.emit({ operator: 'ConstantOfShape', inputs: [writer.dims(node.shape)] });
    return scatter(node, zeros, writer);
  },
  expandRows: ({ inputs: [x, rowToToken] }, writer) => ({
    operator: 'Gather',
    inputs: [writer.value(x), writer.value(rowToToken)],
  }),
  sumRows({ inputs: [y, , tokenToRows] }, writer) {
    const rows = writer.emit({ operator: 'Gather', inputs: [writer.value(y), writer.value(tokenToRows)] });
    return {
      operator: 'ReduceSum',
      inputs: [rows, writer.integers([1])],
      attributes: { keepdims: { int: 0 } },
    };
  },
  oneHot: ({ inputs, parameters: { depth } }, writer) => ({
    operator: 'OneHot',
    inputs: [writer.value(inputs[0]), writer.floats([depth], [1]), writer.floats([0, 1], [2])],
  }),
};

function call(operator: string, { inputs }: NodeOf<ComputedOp>, writer: OnnxWriter): OnnxCall {
  return { operator, inputs: inputs.map((id) => writer.value(id)) };
}

function accumulate({ term, start }: Accumulation, writer: OnnxWriter): OnnxCall {
  return term.op === 'matmul' ? gemm(term, writer, writer.value(start)) : scatter(term, writer.value(start), writer);
}

/** alpha * A B, plus `start` if there is one. */
function gemm(node: NodeOf<'matmul'>, writer: OnnxWriter, start?: string): OnnxCall {
  const { inputs } = call('Gemm', node, writer);
  return {
    operator: 'Gemm',
    inputs: start === undefined ? inputs : [...inputs, start],
    attributes: {
      transA: { int: Number(node.parameters.transposeA) },
      transB: { int: Number(node.parameters.transposeB) },
      alpha: { float: node.parameters.scale },
    },
  };
}

function batchedProduct(node: NodeOf<'matmul'>, writer: OnnxWriter): OnnxCall {
  const { transposeA, transposeB, scale } = node.parameters;
  const [a, b] = node.inputs;
  const rank = node.shape.length;
  const innerA = transposeA ? rank - 2 : rank - 1;
  const innerB = transposeB ? rank - 1 : rank - 2;
  const inner = writer.shape(a)[innerA];
  // ONNX Runtime 1.30 writes only the first matrix of a batch if the inner dim is 0. One more zero in each sum keeps it above that.
  const mayBeEmpty = inner === 0 || (typeof inner === 'string' && !node.shape.includes(inner));
  const operand = (id: number, axis: number) => {
    return mayBeEmpty
      ? writer.emit(padded(writer.value(id), rank, { axis, before: 0, after: 1 }, writer))
      : writer.value(id);
  };
  return {
    operator: 'FusedMatMul',
    domain: 'com.microsoft',
    inputs: [operand(a, innerA), operand(b, innerB)],
    attributes: { transA: { int: Number(transposeA) }, transB: { int: Number(transposeB) }, alpha: { float: scale } },
  };
}

function reshape(value: string, shape: Shape, writer: OnnxWriter): OnnxCall {
  // One unknown dim follows from the others, unless one of them is 0.
  const isInferable = shape.filter((dim) => typeof dim === 'string').length === 1 && !shape.includes(0);
  const dims = isInferable ? shape.map((dim) => (typeof dim === 'string' ? -1 : dim)) : shape;
  return {
    operator: 'Reshape',
    inputs: [value, writer.dims(dims)],
    attributes: { allowzero: { int: Number(!isInferable) } },
  };
}

function padded(
  value: string,
  rank: number,
  { axis, before, after }: OpParameters['pad'],
  writer: OnnxWriter,
): OnnxCall {
  const pads = new Array<number>(2 * rank).fill(0);
  pads[axis] = before;
  pads[rank + axis] = after;
  return { operator: 'Pad', inputs: [value, writer.integers(pads)] };
}

function scatter(
  { inputs: [updates, indices] }: NodeOf<'scatterAddRows'>,
  start: string,
  writer: OnnxWriter,
): OnnxCall {
  const wide = writer.emit({ operator: 'Cast', inputs: [writer.value(indices)], attributes: { to: { int: 7 } } });
  // An index is a vector of one number here.
  const vectors = writer.emit({ operator: 'Unsqueeze', inputs: [wide, writer.integers([-1])] });
  return {
    operator: 'ScatterND',
    inputs: [start, vectors, writer.value(updates)],
    attributes: { reduction: { text: 'add' } },
  };
}

function scaledNormalization({ normalization: node, weight }: Scale, writer: OnnxWriter): OnnxCall {
  return normalization(node, writer.value(weight), writer);
}

function normalization({ inputs, parameters }: NodeOf<'rmsNormalize'>, weight: string, writer: OnnxWriter): OnnxCall {
  return {
    operator: 'SimplifiedLayerNormalization',
    inputs: [writer.value(inputs[0]), weight],
    attributes: { axis: { int: -1 }, epsilon: { float: parameters.epsilon } },
  };
}
