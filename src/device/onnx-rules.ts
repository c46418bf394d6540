import { WorkError } from '../base/index.js';
import type { Node, Op, OpParameters, Shape } from '../graph/index.js';
import type { OnnxAttribute, OnnxInitializer } from './onnx-proto.js';

/** Collects the ONNX nodes that compute one node of a graph. */
export interface Emitter {
  /** ONNX names of the node's operands. */
  readonly inputs: readonly string[];
  readonly inputShapes: readonly Shape[];
  /** Adds a node that writes the result, or a new intermediate; gives the name of what it writes. */
  result(op: string, inputs: readonly string[], attributes?: Attributes, domain?: string): string;
  step(op: string, inputs: readonly string[], attributes?: Attributes, domain?: string): string;
  /** A constant of the model. */
  constant(data: OnnxInitializer['data'], shape: readonly number[]): string;
}

type Attributes = Readonly<Record<string, OnnxAttribute>>;

type NodeOf<K extends Op> = Extract<Node, { op: K }>;
type Rule<K extends Op> = (emit: Emitter, node: NodeOf<K>) => void;

const microsoft = 'com.microsoft';

const simple =
  (op: string): ((emit: Emitter) => void) =>
  (emit) =>
    void emit.result(op, emit.inputs);

/** int64 `[values.length]`. */
function integers(emit: Emitter, values: readonly number[]): string {
  return emit.constant(BigInt64Array.from(values, BigInt), [values.length]);
}

/** How each op is computed: what is fastest among ONNX Runtime's CPU kernels. `input` and `constant` have no nodes. */
export const onnxRules: { readonly [K in Exclude<Op, 'input' | 'constant'>]: Rule<K> } = {
  add: simple('Add'),
  subtract: simple('Sub'),
  multiply: simple('Mul'),
  divide: simple('Div'),
  exp: simple('Exp'),
  log: simple('Log'),
  sigmoid: simple('Sigmoid'),
  silu: (emit) => void emit.result('QuickGelu', emit.inputs, { alpha: { float: 1 } }, microsoft),
  reciprocalSquareRoot: (emit) => void emit.result('Reciprocal', [emit.step('Sqrt', emit.inputs)]),
  matmul: (emit, { parameters, shape }) => void emitProduct(emit, emit.inputs, parameters, shape.length),
  softmax: (emit) => void emit.result('Softmax', emit.inputs, { axis: { int: -1 } }),
  rmsNormalize: (emit, { parameters, shape }) => {
    const dim = Number(shape.at(-1));
    emitNormalization(emit, emit.inputs[0], emit.constant(new Float32Array(dim).fill(1), [dim]), parameters.epsilon);
  },
  sum: (emit, { parameters }) =>
    void emit.result('ReduceSum', [emit.inputs[0], integers(emit, parameters.axes)], {
      keepdims: { int: parameters.keepDims ? 1 : 0 },
    }),
  max: (emit) => void emit.result('ReduceMax', emit.inputs, { axes: { ints: [-1] }, keepdims: { int: 1 } }),
  reshape: (emit, { parameters }) => {
    const dims = parameters.shape.map((dim) => (typeof dim === 'number' ? dim : -1));
    emit.result('Reshape', [emit.inputs[0], integers(emit, dims)]);
  },
  transpose: (emit, { parameters }) =>
    void emit.result('Transpose', emit.inputs, { perm: { ints: parameters.permutation } }),
  slice: (emit, { parameters: { axis, start, end } }) =>
    void emit.result('Slice', [emit.inputs[0], integers(emit, [start]), integers(emit, [end]), integers(emit, [axis])]),
  concat: (emit, { parameters }) => void emit.result('Concat', emit.inputs, { axis: { int: parameters.axis } }),
  pad: (emit, { parameters: { axis, before, after }, shape }) => {
    const pads = [...shape.map((_, i) => (i === axis ? before : 0)), ...shape.map((_, i) => (i === axis ? after : 0))];
    emit.result('Pad', [emit.inputs[0], integers(emit, pads)]);
  },
  broadcast: (emit, { parameters }) => {
    const [from] = emit.inputShapes;
    const missing = parameters.shape.length - from.length;
    // Expand leaves dims where the target says 1, so a named dim that the operand has already needs no number.
    const dims = parameters.shape.map((dim, axis) =>
      typeof dim === 'number' ? dim : repeatedNamedDim(dim, from[axis - missing]),
    );
    emit.result('Expand', [emit.inputs[0], integers(emit, dims)]);
  },
  rotate: (emit, { parameters: { interleaved, inverse } }) => {
    const [x, cos, sin] = emit.inputs;
    const turned = inverse ? emit.step('Neg', [sin]) : sin;
    emit.result(
      'RotaryEmbedding',
      [x, integers(emit, [0]), cos, turned],
      { interleaved: { int: interleaved ? 1 : 0 } },
      microsoft,
    );
  },
  gatherRows: (emit) => void emit.result('Gather', emit.inputs, { axis: { int: 0 } }),
  scatterAddRows: (emit, { shape }) => {
    const dims = shape.map(Number);
    const zeros = emit.step('ConstantOfShape', [integers(emit, dims)]);
    emitScatter(emit, zeros, emit.inputs[0], emit.inputs[1]);
  },
  expandRows: (emit) => void emit.result('Gather', emit.inputs.slice(0, 2), { axis: { int: 0 } }),
  sumRows: (emit) => {
    const byToken = emit.step('Gather', [emit.inputs[0], emit.inputs[2]], { axis: { int: 0 } });
    emit.result('ReduceSum', [byToken, integers(emit, [1])], { keepdims: { int: 0 } });
  },
  oneHot: (emit, { parameters }) => {
    const column = emit.step('Unsqueeze', [emit.inputs[0], integers(emit, [-1])]);
    const range = emit.constant(
      Int32Array.from({ length: parameters.depth }, (_, i) => i),
      [parameters.depth],
    );
    emit.result('Cast', [emit.step('Equal', [column, range])], { to: { int: 1 } });
  },
};

function repeatedNamedDim(dim: string, from: number | string | undefined): number {
  if (from === dim) return 1;
  throw new WorkError({
    what: `a tensor cannot be repeated along the named dim '${dim}'`,
    mend: 'give the operand that dim',
  });
}

/** A product: Gemm for matrices (`added` is added to it), FusedMatMul for batches. */
export function emitProduct(
  emit: Emitter,
  inputs: readonly string[],
  parameters: OpParameters['matmul'],
  rank: number,
): void {
  const { transposeA, transposeB, scale } = parameters;
  const flags = { transA: { int: transposeA ? 1 : 0 }, transB: { int: transposeB ? 1 : 0 }, alpha: { float: scale } };
  if (rank === 2) emit.result('Gemm', inputs, flags);
  else emit.result('FusedMatMul', inputs, flags, microsoft);
}

export function emitNormalization(emit: Emitter, x: string, scale: string, epsilon: number): void {
  emit.result('SimplifiedLayerNormalization', [x, scale], {
    axis: { int: -1 },
    epsilon: { float: epsilon },
    stash_type: { int: 1 },
  });
}

/** base + updates added to the rows that the indices name. */
export function emitScatter(emit: Emitter, base: string, updates: string, indices: string): void {
  const wide = emit.step('Cast', [indices], { to: { int: 7 } });
  const positions = emit.step('Unsqueeze', [wide, integers(emit, [-1])]);
  emit.result('ScatterND', [base, positions, updates], { reduction: { text: 'add' } });
}
