import type { Graph, Node, Shape } from '../graph/index.js';
import { type OnnxInitializer, type OnnxNode, type OnnxPort, writeModel } from './onnx-proto.js';
import { type Emitter, emitNormalization, emitProduct, emitScatter, onnxRules } from './onnx-rules.js';

type NodeOf<K extends Node['op']> = Extract<Node, { op: K }>;

/** A node that another one computes along with itself. */
type Fusion =
  | { readonly kind: 'product'; readonly product: NodeOf<'matmul'>; readonly added: number }
  | { readonly kind: 'normalization'; readonly normalization: NodeOf<'rmsNormalize'>; readonly weight: number }
  | { readonly kind: 'scatter'; readonly scatter: NodeOf<'scatterAddRows'>; readonly base: number };

/** `graph` as an ONNX model whose inputs and outputs have the graph's names. Throws `WorkError` for what ONNX Runtime cannot do. */
export function encodeModel(graph: Graph): Uint8Array {
  const names = nameTensors(graph);
  const fusions = findFusions(graph);
  const fused = new Set([...fusions.values()].map(fusedId));
  const nodes: OnnxNode[] = [];
  const initializers: OnnxInitializer[] = [];
  for (const node of graph.nodes) {
    if (node.op === 'constant') {
      initializers.push({ name: names[node.id], shape: node.shape.map(Number), data: node.parameters.data });
    } else if (node.op !== 'input' && !fused.has(node.id)) {
      emitNode(names, node, fusions.get(node.id), createEmitter({ graph, node, names, nodes, initializers }));
    }
  }
  for (const [name, id] of graph.outputs)
    if (names[id] !== name) nodes.push({ op: 'Identity', inputs: [names[id]], outputs: [name] });
  const port = ([name, id]: [string, number]): OnnxPort => ({
    name,
    shape: graph.nodes[id].shape,
    type: graph.nodes[id].type,
  });
  return writeModel({
    nodes,
    initializers,
    inputs: [...graph.inputs].map(port),
    outputs: [...graph.outputs].map(port),
  });
}

/** ONNX name of each node's tensor: its output's name, so that it is written there at once, or its input's. */
function nameTensors(graph: Graph): string[] {
  const names = graph.nodes.map(({ id }) => `n${id}`);
  for (const [name, id] of graph.outputs) if (graph.nodes[id].op !== 'constant') names[id] = name;
  for (const [name, id] of graph.inputs) names[id] = name;
  return names;
}

function fusedId(fusion: Fusion): number {
  switch (fusion.kind) {
    case 'product':
      return fusion.product.id;
    case 'normalization':
      return fusion.normalization.id;
    case 'scatter':
      return fusion.scatter.id;
    default:
      return fusion satisfies never;
  }
}

/** Finds, by the id of the later node, pairs that one ONNX node computes; the earlier one must have no other use. */
function findFusions(graph: Graph): Map<number, Fusion> {
  const uses = new Array<number>(graph.nodes.length).fill(0);
  for (const { inputs } of graph.nodes) for (const id of inputs) uses[id]++;
  for (const id of graph.outputs.values()) uses[id]++;
  const fusions = new Map<number, Fusion>();
  for (const node of graph.nodes) {
    const fusion = node.op === 'add' || node.op === 'multiply' ? findFusion(graph, node, uses) : undefined;
    if (fusion !== undefined) fusions.set(node.id, fusion);
  }
  return fusions;
}

function findFusion(graph: Graph, node: NodeOf<'add' | 'multiply'>, uses: readonly number[]): Fusion | undefined {
  const [a, b] = node.inputs;
  for (const [first, second] of [
    [a, b],
    [b, a],
  ]) {
    const operand = graph.nodes[first];
    const other = graph.nodes[second];
    if (uses[first] !== 1 || first === second) continue;
    const whole = sameShape(other.shape, operand.shape);
    if (node.op === 'add' && operand.op === 'matmul' && operand.shape.length === 2 && whole) {
      return { kind: 'product', product: operand, added: second };
    }
    if (node.op === 'add' && operand.op === 'scatterAddRows' && whole)
      return { kind: 'scatter', scatter: operand, base: second };
    const isWeight = other.shape.length === 1 && other.shape[0] === operand.shape.at(-1);
    if (node.op === 'multiply' && operand.op === 'rmsNormalize' && isWeight) {
      return { kind: 'normalization', normalization: operand, weight: second };
    }
  }
  return undefined;
}

function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

interface EmitterContext {
  readonly graph: Graph;
  readonly node: Node;
  readonly names: readonly string[];
  readonly nodes: OnnxNode[];
  readonly initializers: OnnxInitializer[];
}

function createEmitter({ graph, node, names, nodes, initializers }: EmitterContext): Emitter {
  let parts = 0;
  const add: Emitter['step'] = (op, inputs, attributes, domain) => {
    const output = `n${node.id}.${parts++}`;
    nodes.push({ op, inputs, outputs: [output], ...(attributes && { attributes }), ...(domain && { domain }) });
    return output;
  };
  return {
    inputs: node.inputs.map((id) => names[id]),
    inputShapes: node.inputs.map((id) => graph.nodes[id].shape),
    step: add,
    result(op, inputs, attributes, domain) {
      nodes.push({
        op,
        inputs,
        outputs: [names[node.id]],
        ...(attributes && { attributes }),
        ...(domain && { domain }),
      });
      return names[node.id];
    },
    constant(data, shape) {
      const name = `n${node.id}.${parts++}`;
      initializers.push({ name, shape, data });
      return name;
    },
  };
}

function emitNode(
  names: readonly string[],
  node: Exclude<Node, { op: 'input' | 'constant' }>,
  fusion: Fusion | undefined,
  emit: Emitter,
): void {
  if (fusion === undefined) {
    const rule = onnxRules[node.op] as (emit: Emitter, node: Node) => void;
    rule(emit, node);
    return;
  }
  const operand = (id: number) => emit.inputs[node.inputs.indexOf(id)];
  const namesOf = (inner: Node) => inner.inputs.map((id) => names[id]);
  switch (fusion.kind) {
    case 'product':
      emitProduct(emit, [...namesOf(fusion.product), operand(fusion.added)], fusion.product.parameters, 2);
      break;
    case 'normalization': {
      const [x] = namesOf(fusion.normalization);
      emitNormalization(emit, x, operand(fusion.weight), fusion.normalization.parameters.epsilon);
      break;
    }
    case 'scatter': {
      const [updates, indices] = namesOf(fusion.scatter);
      emitScatter(emit, operand(fusion.base), updates, indices);
      break;
    }
    default:
      fusion satisfies never;
  }
}
