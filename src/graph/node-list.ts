import { InputError } from '../base/index.js';
import type { ElementType, Graph, Node, OpParameters, Shape } from './op.js';
import { type ComputedOp, inferType } from './shape-rules.js';
import { type Nodes, simplify } from './simplify.js';
import { describeTensorType, isShape, type Tensor, type TensorType } from './tensor-type.js';

/** The nodes of a graph that is being built; the same op on the same operands is one node. */
export interface NodeList extends Nodes {
  input(name: string, type: TensorType): Tensor;
  constant(data: Float32Array | Int32Array, shape: readonly number[]): Tensor;
  build(outputs: Readonly<Record<string, Tensor>>): Graph;
}

/** Constants up to this many numbers are one node if their numbers are the same, larger ones if the array is. */
const COMPARED_CONSTANT = 64;

export function createNodeList(): NodeList {
  const nodes: Node[] = [];
  const tensors: Tensor[] = [];
  const byKey = new Map<string, Tensor>();
  const byData = new Map<Float32Array | Int32Array, string>();
  const names = new Set<string>();

  function append(node: Omit<Node, 'id'>): Tensor {
    const tensor: Tensor = { id: nodes.length, shape: node.shape, type: node.type };
    // The compiler does not see that op and parameters still go together.
    nodes.push({ id: tensor.id, ...node } as Node);
    tensors.push(tensor);
    return tensor;
  }
  function appendOnce(key: string, node: Omit<Node, 'id'>): Tensor {
    const known = byKey.get(key);
    if (known !== undefined) return known;
    const tensor = append(node);
    byKey.set(key, tensor);
    return tensor;
  }
  function checkOwner(op: string, tensor: Tensor): void {
    if (tensors[tensor.id] === tensor) return;
    throw new InputError({
      what: `${op} got a tensor ${describeTensorType(tensor)} of another graph`,
      mend: 'use the tensors that this builder gave',
    });
  }
  const list: NodeList = {
    node: ({ id }) => nodes[id],
    operand: ({ inputs }, position) => tensors[inputs[position]],
    add(op, operands, parameters) {
      for (const operand of operands) checkOwner(op, operand);
      const result = inferType(op, operands, parameters);
      const simpler = simplify(list, op, operands, parameters, result);
      if (simpler !== undefined) return simpler;
      const inputs = operands.map(({ id }) => id);
      const key = `${op} ${inputs.join(' ')} ${JSON.stringify(parameters)}`;
      return appendOnce(key, computedNode(op, inputs, parameters, result));
    },
    input(name, { shape, type }) {
      if (names.has(name)) throw new InputError({ what: `input '${name}' is declared twice` });
      if (!isShape(shape)) throw notAShape(`input '${name}'`, shape);
      names.add(name);
      return append({ op: 'input', inputs: [], parameters: { name }, shape, type });
    },
    constant(data, shape) {
      const type: ElementType = data instanceof Float32Array ? 'float32' : 'int32';
      if (!isShape(shape)) throw notAShape('constant', shape);
      if (shape.reduce((total, dim) => total * dim, 1) !== data.length) {
        throw new InputError({ what: `constant ${describeTensorType({ shape, type })} got ${data.length} numbers` });
      }
      const key = `${type} ${shape} ${constantKey(data, byData)}`;
      return appendOnce(key, { op: 'constant', inputs: [], parameters: { data }, shape, type });
    },
    build(outputs) {
      for (const [name, tensor] of Object.entries(outputs)) checkOwner(`output '${name}'`, tensor);
      return collectGraph(nodes, new Map(Object.entries(outputs).map(([name, { id }]) => [name, id])));
    },
  };
  return list;
}

function computedNode<K extends ComputedOp>(
  op: K,
  inputs: readonly number[],
  parameters: OpParameters[K],
  { shape, type }: TensorType,
): Omit<Node, 'id'> {
  return { op, inputs, parameters, shape, type };
}

function notAShape(where: string, shape: Shape): InputError {
  return new InputError({
    what: `[${shape.join(', ')}] is not a shape`,
    where,
    mend: 'a dim is a count of 0 or more, or a name',
  });
}

/** By bytes, as 0 and -0 are not the same constant. */
function constantKey(data: Float32Array | Int32Array, byData: Map<Float32Array | Int32Array, string>): string {
  if (data.length <= COMPARED_CONSTANT) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).join(',');
  }
  const key = byData.get(data) ?? `array ${byData.size}`;
  byData.set(data, key);
  return key;
}

/** The nodes that the outputs need, in their order, numbered anew. */
function collectGraph(nodes: readonly Node[], outputs: ReadonlyMap<string, number>): Graph {
  const needed = new Set(outputs.values());
  for (const node of nodes.toReversed()) {
    if (needed.has(node.id)) for (const id of node.inputs) needed.add(id);
  }
  const newIds = new Map<number, number>();
  const kept = nodes
    .filter(({ id }) => needed.has(id))
    .map((node, id): Node => {
      newIds.set(node.id, id);
      return { ...node, id, inputs: node.inputs.map((input) => newIds.get(input)!) };
    });
  return {
    nodes: kept,
    inputs: new Map(kept.flatMap((node) => (node.op === 'input' ? [[node.parameters.name, node.id]] : []))),
    outputs: new Map([...outputs].map(([name, id]) => [name, newIds.get(id)!])),
  };
}
