import type { Node, OpParameters } from './op.js';
import type { ComputedOp } from './shape-rules.js';
import { isSameShape, type Tensor, type TensorType } from './tensor-type.js';

/** What a rule may ask of the graph that is being built. */
export interface Nodes {
  node(tensor: Tensor): Node;
  /** The tensor of an operand of `node`. */
  operand(node: Node, position: number): Tensor;
  add<K extends ComputedOp>(op: K, operands: readonly Tensor[], parameters: OpParameters[K]): Tensor;
}

/** A tensor that already has the result's values, or undefined. */
type Rule<K extends ComputedOp> = (
  nodes: Nodes,
  operands: readonly Tensor[],
  parameters: OpParameters[K],
  result: TensorType,
) => Tensor | undefined;

/**
 * An equal tensor that is cheaper to make than a new node of `op`, or undefined. Only identities that hold for every float
 * are used (the sign of a zero apart).
 */
export function simplify<K extends ComputedOp>(
  nodes: Nodes,
  op: K,
  operands: readonly Tensor[],
  parameters: OpParameters[K],
  result: TensorType,
): Tensor | undefined {
  return (rules as { readonly [P in K]?: Rule<P> })[op]?.(nodes, operands, parameters, result);
}

/** An op without a rule has no identity worth looking for. */
const rules: { readonly [K in ComputedOp]?: Rule<K> } = {
  add: (nodes, [a, b], _, result) =>
    neutral(nodes, a, b, 0, result) ??
    neutral(nodes, b, a, 0, result) ??
    withoutBroadcast(nodes, 'add', [a, b], result),
  subtract: (nodes, [a, b], _, result) =>
    neutral(nodes, a, b, 0, result) ?? withoutBroadcast(nodes, 'subtract', [a, b], result),
  multiply: (nodes, [a, b], _, result) =>
    neutral(nodes, a, b, 1, result) ??
    neutral(nodes, b, a, 1, result) ??
    withoutBroadcast(nodes, 'multiply', [a, b], result),
  divide: (nodes, [a, b], _, result) =>
    neutral(nodes, a, b, 1, result) ?? withoutBroadcast(nodes, 'divide', [a, b], result),

  sum: (_, [x], { axes }) => (axes.length === 0 ? x : undefined),
  reshape(nodes, [x], { shape }) {
    if (isSameShape(x.shape, shape)) return x;
    const inner = nodes.node(x);
    return inner.op === 'reshape' ? nodes.add('reshape', [nodes.operand(inner, 0)], { shape }) : undefined;
  },
  transpose(nodes, [x], { permutation }) {
    if (permutation.every((axis, position) => axis === position)) return x;
    const inner = nodes.node(x);
    if (inner.op !== 'transpose') return undefined;
    const both = permutation.map((axis) => inner.parameters.permutation[axis]);
    return nodes.add('transpose', [nodes.operand(inner, 0)], { permutation: both });
  },
  slice(nodes, [x], { axis, start, end }) {
    if (start === 0 && end === x.shape[axis]) return x;
    const inner = nodes.node(x);
    if (inner.op === 'slice' && inner.parameters.axis === axis) {
      const offset = inner.parameters.start;
      const parameters = { axis, start: offset + start, end: offset + end };
      return nodes.add('slice', [nodes.operand(inner, 0)], parameters);
    }
    return inner.op === 'concat' && inner.parameters.axis === axis
      ? sliceOfPart(nodes, inner, { axis, start, end })
      : undefined;
  },
  concat: (_, operands) => (operands.length === 1 ? operands[0] : undefined),
  pad: (_, [x], { before, after }) => (before === 0 && after === 0 ? x : undefined),
  broadcast(nodes, [x], { shape }) {
    if (isSameShape(x.shape, shape)) return x;
    const inner = nodes.node(x);
    return inner.op === 'broadcast' ? nodes.add('broadcast', [nodes.operand(inner, 0)], { shape }) : undefined;
  },
};

/** `x` if `other` is the one number that changes nothing, and x need not be repeated for it. */
function neutral(nodes: Nodes, x: Tensor, other: Tensor, value: number, result: TensorType): Tensor | undefined {
  const node = nodes.node(other);
  const isNeutral = node.op === 'constant' && node.parameters.data.length === 1 && node.parameters.data[0] === value;
  return isNeutral && isSameShape(x.shape, result.shape) ? x : undefined;
}

/** An elementwise op repeats its operands by itself: reads the small tensor where the other operand gives the result its shape. */
function withoutBroadcast(
  nodes: Nodes,
  op: 'add' | 'subtract' | 'multiply' | 'divide',
  [a, b]: readonly [Tensor, Tensor],
  result: TensorType,
): Tensor | undefined {
  const nodeA = nodes.node(a);
  const nodeB = nodes.node(b);
  if (nodeA.op === 'broadcast' && isSameShape(b.shape, result.shape)) {
    return nodes.add(op, [nodes.operand(nodeA, 0), b], {});
  }
  if (nodeB.op === 'broadcast' && isSameShape(a.shape, result.shape)) {
    return nodes.add(op, [a, nodes.operand(nodeB, 0)], {});
  }
  return undefined;
}

/** A slice that lies within one part of a concatenation reads that part. */
function sliceOfPart(nodes: Nodes, concat: Node, { axis, start, end }: OpParameters['slice']): Tensor | undefined {
  let offset = 0;
  for (const position of concat.inputs.keys()) {
    const part = nodes.operand(concat, position);
    const length = Number(part.shape[axis]);
    if (start >= offset && end <= offset + length) {
      return nodes.add('slice', [part], { axis, start: start - offset, end: end - offset });
    }
    offset += length;
  }
  return undefined;
}
